//! `SQLite` as the storage engine: connections with SQL Server's collation and functions, errors translated.

pub mod collation;
pub mod connection;
pub mod context;
pub mod errors;
mod functions;

pub(crate) use functions::{name_column, split_name};
