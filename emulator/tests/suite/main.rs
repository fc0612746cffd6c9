//! The emulator through its clients: one program, since each one costs as much to build as the tests in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod application_locks;
mod backups;
mod batches;
mod behaviours;
mod change_tracking;
mod change_tracking_details;
mod changes;
mod expressions;
mod faults;
mod graph;
mod login;
mod mutations;
mod permissions;
mod provsync_statements;
mod random_model;
mod real_server;
mod requests;
mod rpc;
mod scripts;
mod statements;
mod support;
mod transactions;
mod type_bytes;
mod types;
mod wire;
