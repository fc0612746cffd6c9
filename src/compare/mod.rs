//! Proof that both stores say the same, and repair where they do not.
//!
//! - [`difference`]: what is found, and the report of it; [`shown`]: values in it; [`lookup`]:
//!   statements to look at it by hand.
//! - [`report`]: the report as text, JSON, JUnit, SARIF and HTML.

pub mod difference;
pub mod lookup;
pub mod report;
pub mod shown;
