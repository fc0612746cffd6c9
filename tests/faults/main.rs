//! What goes wrong × where the worker is when it does: afterwards the graph is what the rows say,
//! nothing is doubled, and nothing stands in quarantine that no row is the cause of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod beside_data;
mod claims;
mod effects;
mod load;
mod silence;
mod source;
mod stand;
mod takeover;
mod windows;
