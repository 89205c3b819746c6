//! What the probes say together, for people and for programs.

use std::fmt::Write as _;

use super::{Outcome, Probe};

/// Every probe, in order.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The probes.
    pub probes: Vec<Probe>,
}

impl Report {
    /// The worst of all outcomes.
    pub fn outcome(&self) -> Outcome {
        let has = |outcome| self.probes.iter().any(|probe| probe.outcome == outcome);
        match () {
            () if has(Outcome::Out) => Outcome::Out,
            () if has(Outcome::Unproven) => Outcome::Unproven,
            () => Outcome::Held,
        }
    }

    /// One line for each probe, and a sum.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for probe in &self.probes {
            let Probe { way, tried, happened, outcome } = probe;
            // Writing to a text does not fail.
            let _ = writeln!(text, "{:8} {way}: {tried}: {happened}", outcome.word());
        }
        let count = |outcome| self.probes.iter().filter(|probe| probe.outcome == outcome).count();
        let (held, out, unproven) =
            (count(Outcome::Held), count(Outcome::Out), count(Outcome::Unproven));
        let _ = writeln!(text, "{held} held, {out} out, {unproven} unproven");
        text
    }

    /// One JSON object: the outcome, and every probe.
    pub fn json(&self) -> String {
        let value = serde_json::json!({ "outcome": self.outcome(), "probes": self.probes });
        format!("{value}\n")
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Out => "OUT",
            Self::Unproven => "unproven",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let probe = |outcome: &Outcome| Probe::new("udp", "send", (*outcome, "no".to_owned()));
        Report { probes: outcomes.iter().map(probe).collect() }
    }

    #[test]
    fn the_worst_outcome_counts() {
        use Outcome::{Held, Out, Unproven};
        assert_eq!(report(&[Held, Held]).outcome(), Held);
        assert_eq!(report(&[Held, Unproven]).outcome(), Unproven);
        let all = report(&[Unproven, Out, Held]);
        assert_eq!(all.outcome(), Out);
        assert!(all.text().ends_with("1 held, 1 out, 1 unproven\n"), "{}", all.text());
        let json: serde_json::Value = serde_json::from_str(&all.json()).unwrap();
        assert_eq!(
            (&json["outcome"], &json["probes"][1]["outcome"]),
            (&"out".into(), &"out".into())
        );
    }
}
