//! provsync keeps a Neo4j graph equal to the provenance graph that lives in SQL Server's SQL Graph
//! tables.
//!
//! It works on state, not on events: for every row key it reads the row as it is now, computes what
//! the graph should hold, reads what the graph holds, and writes only the difference. A replay
//! writes nothing; a full over a correct graph writes nothing.
//!
//! What it promises: a row that the graph can hold is in the graph; a row that it can't hold is in
//! quarantine with its reason; what others put into the graph is left alone; a writer that lost its
//! right to write writes nothing.
//!
//! The map:
//! - [`mapping`]: what becomes what, as checked data; names, types, quoting.
//! - [`model`]: rows and values in the one canonical form.
//! - [`sqlserver`]: the source: connection, statements, pages of rows, versions and epoch.
//! - [`neo4j`]: the graph: schema, statements, actual state, writes, checkpoint and fence.
//! - [`reconcile`]: desired, diff and lanes (pure), and the phases of a full over them.
//! - [`sync`]: the continuous worker: windows, the lease, the loop.
//! - [`compare`]: where the stores differ, how sure that is, and repair.
//! - [`config`], [`cli`], [`error`], [`finding`]: what people type and read.

pub mod cli;
pub mod compare;
pub mod config;
pub mod error;
pub mod finding;
pub mod mapping;
pub mod model;
pub mod neo4j;
pub mod reconcile;
pub mod sqlserver;
pub mod sync;
