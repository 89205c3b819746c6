//! Lazaret's process: its memory holds keys and what it reads.

use std::path::Path;

use rustix::process::{Pid, test_kill_process};

use super::files::judge;
use super::{Outcome, Probe};

/// The name of our process, as the kernel keeps it.
const NAME: &str = "lazaret";

/// Tries each process of Lazaret's that can be seen.
pub(super) fn probe(uid: Option<u32>) -> Vec<Probe> {
    let own = rustix::process::getpid().as_raw_pid();
    let mut probes = Vec::new();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != own) else { continue };
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if is_lazarets(&status, uid) {
            probes.extend(attempts(&entry.path(), pid));
        }
    }
    if probes.is_empty() {
        let judged = (Outcome::Held, "none can be seen".to_owned());
        probes.push(Probe::new("process", "find a process of Lazaret's", judged));
    }
    probes
}

fn attempts(folder: &Path, pid: i32) -> Vec<Probe> {
    let read = |name: &str| {
        let tried = std::fs::read(folder.join(name)).map(drop);
        Probe::new("process", format!("read /proc/{pid}/{name}"), judge(tried, "read"))
    };
    // The kernel asks the same of who opens `mem` for writing as of who attaches a debugger.
    let mem = std::fs::OpenOptions::new().read(true).write(true).open(folder.join("mem"));
    let mem = judge(mem.map(drop), "opened: its memory can be read and a debugger attached");
    let links = judge(std::fs::read_dir(folder.join("fd")).map(drop), "listed");
    let root = judge(std::fs::read_dir(folder.join("root")).map(drop), "entered");
    let signal = Pid::from_raw(pid).map_or(Ok(()), test_kill_process).map_err(Into::into);
    vec![
        Probe::new("process", format!("open /proc/{pid}/mem, as ptrace would"), mem),
        read("environ"),
        read("maps"),
        Probe::new("process", format!("list /proc/{pid}/fd"), links),
        Probe::new("process", format!("enter /proc/{pid}/root"), root),
        Probe::new("process", format!("send a signal to {pid}"), judge(signal, "it may be sent")),
    ]
}

/// By its user where that is known, else by its name.
fn is_lazarets(status: &str, uid: Option<u32>) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match uid {
        Some(uid) => {
            let mut users = field("Uid:").unwrap_or_default().split_ascii_whitespace();
            users.any(|user| user.parse() == Ok(uid))
        }
        None => field("Name:") == Some(NAME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_user_or_its_name() {
        let status = "Name:\tlazaret\nState:\tS\nUid:\t15000\t15000\t15000\t15000\n";
        assert!(is_lazarets(status, None) && is_lazarets(status, Some(15000)));
        assert!(!is_lazarets(status, Some(1500)));
        assert!(!is_lazarets("Name:\tlazaret-like\n", None));
        assert!(!is_lazarets("", None) && !is_lazarets("", Some(0)));
    }
}
