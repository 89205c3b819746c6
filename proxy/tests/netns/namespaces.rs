//! Two network namespaces and the cable between them, gone when the test ends.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take to become true.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pod's addresses.
pub(crate) const POD: &str = "10.99.0.2";
/// The next machine on the link: the upstream that the policy permits, and the name server.
pub(crate) const UPSTREAM: &str = "10.99.0.1";
/// Somebody outside.
pub(crate) const OUTSIDE: &str = "203.0.113.9";
/// The same in IPv6.
pub(crate) const OUTSIDE_V6: &str = "2001:db8::9";
/// What else the world answers at: clouds' metadata.
const METADATA: [&str; 4] =
    ["169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128"];

static NEXT: AtomicU32 = AtomicU32::new(0);
static CLEARED: Once = Once::new();

/// The same machine in IPv6.
pub(crate) const UPSTREAM_V6: &str = "fd99::1";
/// The pod's namespace and the world's.
#[derive(Debug)]
pub(crate) struct Namespaces {
    pub(crate) pod: String,
    pub(crate) world: String,
    /// A machine behind the pod, whose only way is through it; where a test has made one.
    guest: Option<String>,
}

impl Namespaces {
    pub(crate) fn new() -> Namespaces {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests make network namespaces: run them as root (sudo -E cargo test --test netns)"
        );
        CLEARED.call_once(clear_leftovers);
        let name = format!("lz{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let both = Namespaces { pod: format!("{name}p"), world: format!("{name}w"), guest: None };
        ip(&format!("netns add {}", both.pod));
        ip(&format!("netns add {}", both.world));
        let (pod, world) = (&both.pod, &both.world);
        ip(&format!("link add eth0 netns {pod} type veth peer name eth0 netns {world}"));
        for (place, addresses, gateways) in [
            (world, &["10.99.0.1/24", "fd99::1/64"][..], &[][..]),
            (pod, &["10.99.0.2/24", "fd99::2/64"], &["10.99.0.1", "fd99::1"]),
        ] {
            ip(&format!("-n {place} link set lo up"));
            for address in addresses {
                let nodad = if address.contains(':') { "nodad" } else { "" };
                ip(&format!("-n {place} addr add {address} dev eth0 {nodad}"));
            }
            ip(&format!("-n {place} link set eth0 up"));
            for gateway in gateways {
                ip(&format!("-n {place} route add default via {gateway}"));
            }
        }
        let outside = [&format!("{OUTSIDE}/32"), &format!("{OUTSIDE_V6}/128")];
        let elsewhere = outside.iter().map(|address| address.as_str()).chain(METADATA);
        for address in elsewhere {
            ip(&format!("-n {world} addr add {address} dev lo"));
        }
        // So that the workload's ping is its own, and not a right that it lacks.
        let allow = "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range";
        run(both.in_pod().args(["sh", "-c", allow]));
        let etc = format!("/etc/netns/{pod}");
        std::fs::create_dir_all(&etc).expect("the pod's /etc");
        std::fs::write(format!("{etc}/resolv.conf"), format!("nameserver {UPSTREAM}\n"))
            .expect("the pod's resolv.conf");
        both
    }

    /// Puts a machine behind the pod: cabled to the pod's `eth1`, which is its way to everywhere.
    pub(crate) fn add_guest(&mut self) {
        let (pod, guest) = (&self.pod, format!("{}g", self.pod));
        ip(&format!("netns add {guest}"));
        ip(&format!("link add eth1 netns {pod} type veth peer name eth0 netns {guest}"));
        for (place, device, number) in [(pod, "eth1", 1), (&guest, "eth0", 2)] {
            ip(&format!("-n {place} addr add 10.98.0.{number}/24 dev {device}"));
            ip(&format!("-n {place} addr add fd98::{number}/64 dev {device} nodad"));
            ip(&format!("-n {place} link set {device} up"));
        }
        ip(&format!("-n {guest} link set lo up"));
        for gateway in ["10.98.0.1", "fd98::1"] {
            ip(&format!("-n {guest} route add default via {gateway}"));
        }
        self.guest = Some(guest);
    }

    /// A command on the machine behind the pod.
    pub(crate) fn in_guest(&self) -> Command {
        within(self.guest.as_ref().expect("a guest"))
    }

    /// A command in the pod.
    pub(crate) fn in_pod(&self) -> Command {
        within(&self.pod)
    }

    /// A command outside.
    pub(crate) fn in_world(&self) -> Command {
        within(&self.world)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.pod, &self.world].into_iter().chain(&self.guest) {
            // What stays is taken away by the next run.
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
        let _ = std::fs::remove_dir_all(format!("/etc/netns/{}", self.pod));
    }
}

/// Takes away what a run left that was killed: namespaces of ours whose process is gone.
fn clear_leftovers() {
    let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let pid = name.strip_prefix("lz").and_then(|rest| rest.split_once('-'));
        let Some((pid, _)) = pid.filter(|(pid, _)| pid.parse::<u32>().is_ok()) else { continue };
        if !std::path::Path::new("/proc").join(pid).exists() {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
            let _ = std::fs::remove_dir_all(format!("/etc/netns/{name}"));
        }
    }
}

fn within(namespace: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).stdin(Stdio::null());
    command
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split_whitespace()));
}

/// A program that runs beside the test; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command, log: &std::path::Path) -> Running {
        let out = std::fs::File::create(log).expect("a log file");
        command.stdout(out.try_clone().expect("a handle")).stderr(out);
        let child = command.spawn();
        Running(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
    }

    /// Whether it runs.
    pub(crate) fn lives(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("cannot run {command:?} ({error}); see .ci/install"))
}

/// Runs a command, which must succeed; what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything that a command printed.
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Polls until `found` gives a value.
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
