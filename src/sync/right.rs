//! The right to write: the lease at the source, then the fence in the graph.
//!
//! Whoever gets the lease raises the fence, and an older writer's next transaction fails. A writer
//! that hangs, or that the source does not answer, may keep its lease: after it has given no sign for
//! `takeover`, a standby that the source has answered all the while raises the fence without the lease
//! and takes the lease when it becomes free. Time is measured by the standby's own clock between two
//! looks at a sign that does not change, so that no clock has to agree with another.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::lease::Lease;
use crate::error::Result;
use crate::model::Database;
use crate::neo4j::checkpoint::{Fence, Found};
use crate::neo4j::leader::Sign;
use crate::reconcile::stores::{GraphStore, SourceStore};

/// Signs that a writer may leave out before a worker that it fenced off calls it gone.
const SIGNS_MISSED: u32 = 3;

/// The lease of a graph: one source may feed several.
pub async fn lease_name<G: GraphStore>(graph: &G) -> Result<String> {
    Ok(format!("provsync:{}", graph.database_id().await?))
}

/// How long a standby waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often a writer gives a sign.
    pub heartbeat: Duration,
    /// How long a writer that keeps its lease may give none.
    pub takeover: Duration,
}

impl Patience {
    /// How long the source has to answer about the lease: so short that a writer that waits for it, then
    /// gives its heartbeat, is not taken for one that hangs.
    pub fn answer_max(self) -> Duration {
        self.takeover / 3
    }
}

/// A standby's view of the writer.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<(Option<Sign>, Instant)>,
}

impl Watch {
    /// Notes what was seen; returns for how long it has not changed.
    pub fn see(&mut self, sign: Option<Sign>) -> Duration {
        match &self.last {
            Some((last, since)) if *last == sign => since.elapsed(),
            _ => {
                self.last = Some((sign, Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Nothing could be seen, or the source does not answer here either: the writer may have lived all
    /// the while.
    pub fn blink(&mut self) {
        self.last = None;
    }
}

/// Whether a standby may take the fence. Pure.
///
/// With the lease it may at once, unless the writer fenced it off: that one took over without the
/// lease, and is the right one as long as it lives.
pub fn may_take(
    has_lease: bool,
    was_fenced_off: bool,
    sign: Option<&Sign>,
    unchanged: Duration,
    patience: Patience,
) -> bool {
    let nobody = sign.is_none_or(|sign| sign.holder.is_none());
    if has_lease {
        nobody || !was_fenced_off || unchanged >= SIGNS_MISSED * patience.heartbeat
    } else {
        !nobody && unchanged >= patience.takeover
    }
}

/// How often a standby looks.
pub fn interval(patience: Patience) -> Duration {
    (patience.heartbeat / 2).clamp(Duration::from_millis(50), Duration::from_secs(1))
}

/// One look: takes the lease if it is free, and the fence if it may. `None`: not yet.
pub(super) async fn look<S: SourceStore, G: GraphStore>(
    lease: &mut Lease<S>,
    graph: &G,
    watch: &mut Watch,
    was_fenced_off: bool,
    patience: Patience,
) -> Result<bool> {
    let has_lease = lease.take().await.inspect_err(|_| watch.blink())?;
    let sign = graph.sign().await.inspect_err(|_| watch.blink())?;
    let unchanged = watch.see(sign.clone());
    let may = may_take(has_lease, was_fenced_off, sign.as_ref(), unchanged, patience);
    if may && !has_lease {
        tracing::warn!(
            holder = sign.and_then(|s| s.holder).unwrap_or_default(),
            silent_seconds = unchanged.as_secs(),
            "the writer has the lease and gives no sign: taking over from it"
        );
    }
    if !may && has_lease {
        lease.release();
    }
    Ok(may)
}

/// Raises the fence; what hangs in its way is terminated.
pub async fn raise<G: GraphStore>(
    graph: &G,
    database: &Database,
    adopt: bool,
    patience: Patience,
) -> Result<(Fence, Found)> {
    let mut raise = std::pin::pin!(graph.raise(database, adopt));
    loop {
        if let Ok(raised) = timeout(patience.heartbeat, &mut raise).await {
            return raised;
        }
        match graph.terminate_blockers().await {
            Ok(ids) if !ids.is_empty() => {
                tracing::warn!(transactions = ids.join(", "), "terminated what kept the fence");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "can't see what keeps the fence"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { heartbeat: Duration::from_secs(5), takeover: Duration::from_secs(60) };

    fn sign(holder: Option<&str>) -> Sign {
        Sign { holder: holder.map(String::from), fence: "f".into(), beat: 1 }
    }

    fn may(has_lease: bool, fenced: bool, holder: Option<&str>, seconds: u64) -> bool {
        let unchanged = Duration::from_secs(seconds);
        may_take(has_lease, fenced, Some(&sign(holder)), unchanged, PATIENCE)
    }

    #[test]
    fn the_lease_gives_the_right_at_once_and_silence_gives_it_late() {
        assert!(may(true, false, Some("dead"), 0), "its lease ended with it");
        assert!(!may(false, false, Some("alive"), 59));
        assert!(may(false, false, Some("hangs"), 60));
        assert!(!may(false, false, None, 3600), "who ended in good order keeps no lease");
        assert!(
            may_take(true, false, None, Duration::ZERO, PATIENCE),
            "a graph without a checkpoint"
        );
    }

    #[test]
    fn who_was_fenced_off_waits_for_the_one_who_did_it() {
        assert!(!may(true, true, Some("other"), 14));
        assert!(may(true, true, Some("other"), 15));
        assert!(may(true, true, None, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_that_changes_or_can_not_be_seen_begins_the_wait_anew() {
        let mut watch = Watch::default();
        let second = Duration::from_secs(1);
        watch.see(Some(sign(Some("a"))));
        sleep(second).await;
        assert_eq!(watch.see(Some(sign(Some("a")))), second);
        assert_eq!(watch.see(Some(Sign { beat: 2, ..sign(Some("a")) })), Duration::ZERO);
        sleep(second).await;
        watch.blink();
        assert_eq!(watch.see(Some(Sign { beat: 2, ..sign(Some("a")) })), Duration::ZERO);
    }
}
