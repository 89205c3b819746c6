//! The samples, and the table that says what they mean: medians, spread, and the ratio to the
//! first system.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use super::system::System;
use crate::report::Report;

/// One round of one system.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// CPU time of the process tree under test.
    pub(crate) cpu: Duration,
    /// Its largest resident memory since it started.
    pub(crate) rss_bytes_max: u64,
    pub(crate) report: Report,
}

impl Sample {
    fn cpu_per_gib(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.report.bytes as f64 / f64::from(1 << 30))
    }

    fn cpu_per_thousand(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.report.requests as f64 / 1000.0)
    }

    fn mib_per_second(&self) -> f64 {
        self.report.bytes as f64 / f64::from(1 << 20) / self.report.wall_seconds
    }

    fn requests_per_second(&self) -> f64 {
        self.report.requests as f64 / self.report.wall_seconds
    }
}

/// Samples by load and system, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, String, Vec<Sample>)>);

impl Table {
    pub(crate) fn add(&mut self, load: &str, system: &str, sample: Sample) {
        let row = self.0.iter_mut().find(|(l, s, _)| l == load && s == system);
        match row {
            Some((_, _, samples)) => samples.push(sample),
            None => self.0.push((load.to_owned(), system.to_owned(), vec![sample])),
        }
    }

    /// The rows of one load, in Markdown.
    pub(crate) fn render(&self, load: &str) -> String {
        let mut text = format!(
            "\n### {load}\n\n\
             | system | CPU s/GiB (min-max) | CPU s/1,000 requests | ratio | MiB/s | requests/s \
             | p50 ms | p99 ms | peak RSS MiB |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        let rows = || self.0.iter().filter(|(l, _, _)| l == load);
        let first = rows().find(|(_, name, _)| name == "haproxy").or_else(|| rows().next());
        let base =
            first.map_or(f64::NAN, |(_, _, samples)| of(samples, Sample::cpu_per_gib).median);
        for (_, system, samples) in rows() {
            let cpu = of(samples, Sample::cpu_per_gib);
            let _ = writeln!(
                text,
                "| {system} | {:.2} ({:.2}-{:.2}) | {:.3} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} |",
                cpu.median,
                cpu.min,
                cpu.max,
                of(samples, Sample::cpu_per_thousand).median,
                cpu.median / base,
                of(samples, Sample::mib_per_second).median,
                of(samples, Sample::requests_per_second).median,
                of(samples, |sample| sample.report.latency_ms.p50).median,
                of(samples, |sample| sample.report.latency_ms.p99).median,
                of(samples, |sample| sample.rss_bytes_max as f64 / f64::from(1 << 20)).max,
            );
        }
        text
    }
}

struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

fn of(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> Spread {
    let mut figures: Vec<f64> = samples.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
    let middle = figures.len() / 2;
    let median = if figures.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    };
    Spread { min: at(0), median, max: at(figures.len().wrapping_sub(1)) }
}

/// Machine and versions, for the head of a report.
pub(crate) fn environment(systems: &[System]) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, model)| model.trim());
    let mut text = format!(
        "{model}, {} cores, Linux {}, load {}\n\
         every system: 2 threads, HTTP/1.1 plain in, TLS 1.3 mutual out, AES-256-GCM, access logs \
         off; Lazaret audits every exchange\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
    );
    for system in systems {
        let _ = writeln!(text, "{}: {}", system.name, system.version);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Tally;

    fn sample(millis: u64) -> Sample {
        let mut tally = Tally::new().unwrap();
        tally.served(Duration::from_millis(1), 1 << 29);
        let report = tally.report(Duration::from_secs(1));
        Sample { cpu: Duration::from_millis(millis), rss_bytes_max: 1 << 20, report }
    }

    #[test]
    fn a_table_shows_the_median_its_spread_and_the_ratio_to_haproxy() {
        let mut table = Table::default();
        for (system, millis) in
            [("lazaret", 600), ("haproxy", 200), ("lazaret", 400), ("lazaret", 500)]
        {
            table.add("bulk", system, sample(millis));
        }
        table.add("another", "haproxy", sample(9999));
        let text = table.render("bulk");
        assert!(text.contains("| lazaret | 1.00 (0.80-1.20) | 500.000 | 2.50 |"), "{text}");
        assert!(text.contains("| haproxy | 0.40 (0.40-0.40) | 200.000 | 1.00 |"), "{text}");
        assert!(!text.contains("19.99"), "{text}");
    }

    #[test]
    fn an_even_number_of_samples_has_the_mean_of_the_middle_two() {
        let samples = [sample(100), sample(200), sample(400), sample(900)];
        assert!((of(&samples, |s| s.cpu.as_secs_f64()).median - 0.3).abs() < 1e-9);
    }
}
