//! A server that speaks TDS 7.4 and behaves as SQL Server does for a subset of T-SQL, with SQL Graph tables and change
//! tracking; its data are in `SQLite`. Made for tests and demonstrations on machines without a SQL Server.
//!
//! - [`tds`] is the wire, [`sql`] the grammar, [`catalog`] what is in the database,
//! - [`translate`] turns a statement into SQL for `SQLite` with SQL Server's types on everything that comes out,
//! - [`engine`] runs sessions, transactions and definitions, [`sqlite`] holds collation and functions,
//! - [`values`] are the data types and how they are kept.
//!
//! A statement is parsed and translated, never recognised by its text; what is outside of the subset is refused with an
//! error that names the first word that is not known.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail so"))]

pub mod admin;
pub mod catalog;
mod certificate;
mod control;
pub mod engine;
mod error;
pub mod faults;
mod options;
mod server;
pub mod sql;
pub mod sqlite;
pub mod tds;
pub mod translate;
pub mod values;

pub use control::Control;
pub use engine::{Cleaned, Cleanup};
pub use error::Error;
pub use options::{Data, Options, Tls};
pub use server::Server;
