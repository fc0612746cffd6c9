//! The one operation: for every row key, read the row as it is now, compute what the graph should
//! hold, read what it holds, write only the difference.
//!
//! [`stores`] is what it needs of the two sides. [`desired`], [`diff`] and [`lanes`] are pure. [`page`] carries one page of keys through them;
//! [`full`] carries all keys of all tables, phase by phase.

mod batch;
pub mod breaker;
pub mod desired;
pub mod diff;
pub mod engine;
pub mod full;
pub mod lanes;
pub mod page;
pub mod progress;
pub mod purge;
pub mod retry;
pub mod stores;
pub mod summary;
