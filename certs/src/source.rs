//! Where identities come from. Files today; each source yields whole, validated identities.

mod files;

pub use files::{Files, LOAD_ATTEMPTS_MAX, Stamp};
