//! Child processes, their scratch folder, and what /proc says of their CPU time and memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::Context as _;

/// Clock ticks of /proc/PID/stat in a second: USER_HZ, part of the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;

/// A folder that goes away with its value.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> anyhow::Result<Scratch> {
        let path = std::env::temp_dir().join(format!("loadtest-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Scratch(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A child that ends with its value.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command` with its output in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Process> {
        let program = command.get_program().to_owned();
        let log =
            fs::File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
        let child = command
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Process(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Did it end by itself?
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a line of /proc/PID/stat says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, with that of children that were waited for.
    ticks: u64,
}

/// CPU time so far of a process and all that descend from it.
pub(crate) fn cpu(root: u32) -> anyhow::Result<Duration> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between listing and reading.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(stat) = parse_stat(&text) {
            all.insert(pid, stat);
        }
    }
    let ticks = all.get(&root).context("the process under test has ended")?.ticks
        + all
            .iter()
            .filter(|(pid, _)| descends(&all, **pid, root))
            .map(|(_, s)| s.ticks)
            .sum::<u64>();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn descends(all: &BTreeMap<u32, Stat>, pid: u32, root: u32) -> bool {
    let parents = std::iter::successors(all.get(&pid), |stat| all.get(&stat.parent));
    // A pid may be taken anew while the folder is read, so a walk is not trusted to end.
    parents.take(all.len()).any(|stat| stat.parent == root)
}

/// The fields after the command name, which may itself hold spaces and brackets (proc(5)).
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

/// The largest resident memory that the process had, in bytes.
pub(crate) fn rss_max(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("cannot read status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|n| n.parse::<u64>().ok());
    Ok(kib.context("no VmHWM")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_an_odd_command_name() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 250 50 3 4 20 0 2 0 1 0 0";
        assert_eq!(parse_stat(line), Some(Stat { parent: 7, ticks: 307 }));
        assert_eq!(parse_stat("42 (cut short) S 7"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_a_loop_ends() {
        let stat = |parent| Stat { parent, ticks: 1 };
        let all =
            BTreeMap::from([(2, stat(1)), (3, stat(2)), (4, stat(3)), (8, stat(9)), (9, stat(8))]);
        let found: Vec<u32> = all.keys().copied().filter(|pid| descends(&all, *pid, 2)).collect();
        assert_eq!(found, [3, 4]);
    }

    #[test]
    fn our_own_cpu_time_and_memory_can_be_read() {
        let pid = std::process::id();
        assert!(cpu(pid).is_ok());
        assert!(rss_max(pid).unwrap() > 100_000);
        assert!(cpu(u32::MAX).is_err());
    }
}
