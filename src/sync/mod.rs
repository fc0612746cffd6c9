//! `provsync sync`: the continuous worker.
//!
//! One task follows the source: it asks for the versions, [`crate::reconcile::plan`] says what is to
//! be done, and that is done: a window of changes, or a full with windows in between. All that must
//! outlive the process stands on the checkpoint, moved in the data's own transaction; a worker that
//! is killed anywhere leaves a graph that the next one goes on with.
//!
//! - [`right`]: the lease, the fence, and a standby's wait for both.
//! - [`window`]: changed keys into the graph, at once or by pages.
//! - [`worker`]: the loop, and what it does when it can't.
//! - [`verify`]: the trickle through all rows when there is nothing else to do.
//! - [`pace`], [`life`], [`metrics`]: when to ask again, what it says of itself.

pub mod life;
pub mod metrics;
pub mod pace;
pub mod right;
pub mod start;
pub mod verify;
pub mod window;
pub mod worker;
