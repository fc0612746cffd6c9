//! Writes that carry no row: signs of life, tries of quarantine.

use std::time::Duration;

use super::effects::{AT_COMMIT, AT_STATEMENT};
use super::stand::{Place, Stand, commit, statement};
use super::support::bolt_proxy::Effect;
use super::support::worker::until;

const BEAT: Place = statement("c.beat = coalesce");
const TRIED: Place = statement("SET q.due = false, q.attempts");
const WAITING: &str = "graph.AtomGraphNodes 502 identity-taken";

async fn following_with_signs() -> Stand {
    let mut stand = Stand::new().await;
    stand.config.sync.heartbeat = Duration::from_millis(200);
    stand.start();
    stand.quiet().await;
    stand
}

impl Stand {
    async fn beat(&mut self, place: Place, effect: Effect) {
        println!("{place:?}: {effect:?}");
        let strikes = self.arm(place, effect);
        self.struck(strikes, effect).await;
        self.change_few().await;
        self.assert_right(&[]).await;
    }

    async fn tried(&mut self, place: Place, effect: Effect) {
        println!("{place:?}: {effect:?}");
        let strikes = self.arm(place, effect);
        self.graph.run("MATCH (q:ProvsyncQuarantine) SET q.due = true").await;
        self.struck(strikes, effect).await;
        until(
            &self.graph,
            "MATCH (q:ProvsyncQuarantine) WHERE NOT q.due RETURN count(q) AS row",
            1,
        )
        .await;
        self.change_few().await;
        self.assert_right(&[WAITING]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_life_that_goes_wrong() {
    let mut stand = following_with_signs().await;
    for effect in AT_STATEMENT {
        stand.beat(BEAT, effect).await;
    }
    for effect in AT_COMMIT {
        stand.beat(commit(BEAT.text), effect).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_of_quarantine_that_goes_wrong() {
    let mut stand = following_with_signs().await;
    stand
        .source
        .execute(
            "SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (501, 8000, N'atom'), (502, 8000, N'atom');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF",
        )
        .await;
    stand.assert_right(&[WAITING]).await;
    for effect in AT_STATEMENT {
        stand.tried(TRIED, effect).await;
    }
    for effect in AT_COMMIT {
        stand.tried(commit(TRIED.text), effect).await;
    }
}
