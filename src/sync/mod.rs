//! `provsync sync`: the continuous worker.
pub mod worker;
