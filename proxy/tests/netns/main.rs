//! A pod and the world in network namespaces of their own: the real rules, the real binary under its
//! own user, a workload under another, and a listener outside that sees every frame.
//!
//! Needs root, iproute2, nftables, setpriv, curl and Python (`.ci/install` installs them): without
//! them the tests fail and say so.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "clippy.toml's leave for tests does not reach their harness; a test fails by panicking"
)]

mod jail;
mod namespaces;
mod proof;
mod redirection;
mod routed;
mod rules;
mod ways;
