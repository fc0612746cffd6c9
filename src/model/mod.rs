//! Rows, values and the one canonical form that decode, write and compare share.

pub mod row;
pub mod value;

pub use row::{Cell, SourceRow};
pub use value::Value;
