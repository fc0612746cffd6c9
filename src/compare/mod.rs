//! Proof that both stores say the same, and repair where they do not.
//!
//! - [`difference`]: what is found, and the report of it; [`shown`]: values in it.
//! - [`judge`]: desired and actual, and in which way they differ (pure).
//! - [`settle`]: whether a difference is real, or a change that is on its way.
//! - [`verify`]: every row of every table; [`resume`]: where a stopped one goes on.
//! - [`repair`]: what differs is made right, by us or by the worker that writes.
//! - [`report`]: how a report is printed.

pub mod difference;
pub mod judge;
pub mod repair;
pub mod report;
pub mod resume;
pub mod settle;
pub mod shown;
pub mod verify;
