//! What keeps a pod from going around us: the rules that `lazaret net setup` makes, and the probes
//! by which `lazaret net check` proves, from the workload's place, that they hold.

pub mod apply;
pub mod check;
pub mod rules;
