//! `provsync sync`: the continuous worker.
//!
//! One task follows the source: it asks for the versions, [`crate::reconcile::plan`] says what is to
//! be done, and that is done: a window of changes, or a full with windows in between. All that must
//! outlive the process stands on the checkpoint, moved in the data's own transaction; a worker that
//! is killed anywhere leaves a graph that the next one goes on with.
//!
//! - [`start`]: from a configuration to a worker that runs, and to its end.
//! - [`standby`], [`right`]: the wait for the lease and the fence.
//! - [`worker`]: the loop: what is to be done is done, and what can't be done now is tried again.
//! - [`window`]: changed keys into the graph, at once or by pages.
//! - [`reread`]: all rows of some tables, with windows in between.
//! - [`mend`]: rows that somebody asked for.
//! - [`asked`]: how others wait for what they asked of the worker.
//! - [`failures`]: what is waited for.
//! - [`frozen`]: tables whose deletes the circuit breaker refused, while the others are followed.
//! - [`verify`]: the trickle through all rows when there is nothing else to do.
//! - [`heartbeat`], [`life`], [`metrics`]: what it says of itself, beside its work.
//! - [`pace`]: when to ask again.

pub mod asked;
pub mod failures;
pub mod frozen;
pub mod heartbeat;
mod lease;
pub mod life;
pub mod mend;
pub mod metrics;
pub mod pace;
pub mod reread;
pub mod right;
pub mod standby;
pub mod start;
pub mod verify;
pub mod window;
pub mod worker;
