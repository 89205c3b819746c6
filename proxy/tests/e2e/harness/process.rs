//! Child processes that end with the test, free ports, and waiting with a deadline.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take to become true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: std::path::PathBuf,
}

impl Running {
    /// Starts `command` in a process group of its own, its output in `log`.
    pub(crate) fn start(command: &mut Command, log: std::path::PathBuf) -> Running {
        let out = std::fs::File::create(&log).expect("a log file");
        command.stdin(Stdio::null()).stdout(out.try_clone().expect("a handle")).stderr(out);
        let child = command.process_group(0).spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Running { child, log }
    }

    /// Waits until `is_ready`; fails with the program's output when it ends or takes too long.
    pub(crate) fn wait_until(&mut self, is_ready: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready() {
            let ended = self.child.try_wait().expect("its state");
            let is_late = Instant::now() > deadline;
            assert!(ended.is_none() && !is_late, "not ready ({ended:?}): {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it without warning, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Sends SIGTERM and waits; the exit code, none where a signal ended it.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "did not stop: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it printed so far.
    pub(crate) fn said(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.log.display(), self.said());
        }
    }
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    /// Everything it printed, for a failure's text.
    pub(crate) fn said(&self) -> String {
        format!("{}\n{}\n{}", self.status, self.out, self.err)
    }
}

/// Runs `command` to its end.
pub(crate) fn finished(command: &mut Command) -> Finished {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    Finished {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `command`, which must succeed, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let done = finished(command);
    assert!(done.status.success(), "{command:?}: {}", done.said());
    done.out
}

/// Polls until `found` gives a value; fails with `what` after [`PATIENCE`].
pub(crate) fn eventually<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An address that was free a moment ago, and that a program which takes seconds to listen still gets:
/// below the ports that the kernel gives to outgoing connections meanwhile, and another one for each
/// call.
pub(crate) fn free_address() -> SocketAddr {
    const LOWEST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let ports = std::iter::repeat_with(|| {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        LOWEST + start.wrapping_add(call) % COUNT
    });
    let mut free = ports.take(COUNT as usize).filter_map(|port| {
        let listener = TcpListener::bind(("127.0.0.1", u16::try_from(port).ok()?)).ok()?;
        listener.local_addr().ok()
    });
    free.next().expect("a free port")
}

/// Does somebody listen there?
pub(crate) fn listens(address: SocketAddr) -> bool {
    connect(address).is_ok()
}

/// Asks `address` for `path` over plain HTTP; the response's text, head and body.
pub(crate) fn http_get(address: SocketAddr, path: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    #[expect(clippy::disallowed_methods, reason = "the test's own connection")]
    TcpStream::connect_timeout(&address, PATIENCE)
}
