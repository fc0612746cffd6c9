//! Rows, values and the one canonical form that decode, write and compare share; which database the
//! source is, and in which epoch.

pub mod epoch;
pub mod identity;
pub mod keys;
pub mod row;
pub mod value;

pub use epoch::{KnownEpoch, TrackedObject};
pub use identity::{Database, Identity, Recognition};
pub use row::{Cell, SourceRow};
pub use value::Value;
