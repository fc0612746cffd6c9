//! Proof that both stores say the same, and repair where they do not.
//!
//! - [`difference`]: what is found, and the report of it; [`shown`]: values in it.

pub mod difference;
pub mod shown;
