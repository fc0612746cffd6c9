//! The one operation: for every row key, read the row as it is now, compute what the graph should
//! hold, read what it holds, write only the difference.
//!
//! [`stores`] is what it needs of the two sides. [`plan`], [`desired`], [`diff`] and [`lanes`] are
//! pure. [`page`] carries one page of keys through them, [`atomic`] some keys of all tables in one
//! transaction; [`carrier`] brings what they turn out to need; [`full`] carries all keys of all
//! tables, phase by phase; [`mend`] those that somebody names.

pub mod ahead;
pub mod atomic;
mod batch;
pub mod breaker;
pub mod carrier;
pub mod claim;
pub mod desired;
pub mod diff;
pub mod engine;
pub mod full;
pub mod lanes;
pub mod look;
pub mod mend;
pub mod page;
pub mod plan;
pub mod progress;
pub mod purge;
pub mod retry;
pub mod run;
pub mod stores;
pub mod summary;
pub mod sweep;
