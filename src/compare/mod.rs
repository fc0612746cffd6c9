//! Proof that both stores say the same, and repair where they do not.
//!
//! - [`difference`]: what is found, and the report of it; [`shown`]: values in it.

pub mod both;
pub mod comparison;
pub mod difference;
pub mod element;
pub mod evidence;
pub mod lineage;
pub mod roots;
pub mod shown;
pub mod side;
pub mod walk;
