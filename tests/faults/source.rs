//! What goes wrong on the source's side.

use std::time::Duration;

use sqlgraph_emulator::faults::{Effect, Fault, Kind, Refusal};

use super::stand::Stand;
use super::support::source::emulator_only;

const WHY: &str = "faults at the source are the emulator's";
const CUT: Effect = Effect::Cut { after_bytes: 0 };

/// Everything that may meet a statement.
const EFFECTS: [Effect; 8] = [
    CUT,
    Effect::Cut { after_bytes: 12 },
    Effect::Hold,
    Effect::Slow { bytes_per_second: 2_000 },
    Effect::LoseAnswer,
    Effect::Error(Refusal::Deadlock),
    Effect::Error(Refusal::DefinitionChanged),
    Effect::Error(Refusal::ResourceLimit),
];

impl Stand {
    fn arm_source(&self, fault: Fault) {
        self.source.emulator().faults().arm(fault).unwrap();
    }

    /// The transaction that begins next waits at its BEGIN, so that what follows can be counted.
    fn arm_begin(&self, after: u32) {
        self.arm_source(Fault::new(Effect::Hold).on(Kind::Begin).after(after));
    }

    async fn strike_after_begin(&self, kind: Kind, after: u32, effect: Effect) {
        println!("{kind:?} {after}: {effect:?}");
        self.source.happened().await;
        self.arm_source(Fault::new(effect).on(kind).after(after));
        self.source.emulator().faults().release();
        self.source.happened().await;
    }

    /// A window whose statement `after` is struck: 0 versions, 1 witness, 2 keys, then rows.
    async fn window(&mut self, many: bool, kind: Kind, after: u32, effect: Effect) {
        // A change of its own transactions: no BEGIN of this test's is counted.
        let n = self.next();
        let sql = if many {
            format!("UPDATE graph.AtomGraphEdges SET Metadata = N'many {n}' WHERE EdgeId <= 20")
        } else {
            format!("UPDATE graph.AtomGraphEdges SET Metadata = N'few {n}' WHERE EdgeId <= 3")
        };
        self.arm_begin(0);
        self.source.execute(&sql).await;
        self.strike_after_begin(kind, after, effect).await;
        self.assert_right(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_goes_wrong() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    for effect in EFFECTS {
        println!("{effect:?}");
        stand.arm_source(Fault::new(effect).on(Kind::Select));
        stand.source.happened().await;
        stand.change_few().await;
        stand.assert_right(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_window_go_wrong() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    for effect in EFFECTS {
        stand.window(false, Kind::Select, 2, effect).await;
    }
    for (kind, after) in [(Kind::Select, 0), (Kind::Select, 1), (Kind::Commit, 0)] {
        for effect in [CUT, Effect::LoseAnswer, Effect::Error(Refusal::DefinitionChanged)] {
            stand.window(false, kind, after, effect).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_window_go_wrong() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    for effect in EFFECTS {
        stand.window(false, Kind::Select, 3, effect).await;
    }
    // Of a window by pages: two statements for each page after the keys.
    for after in [4, 6] {
        for effect in [CUT, Effect::LoseAnswer, Effect::Error(Refusal::Deadlock)] {
            stand.window(true, Kind::Select, after, effect).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_full_goes_wrong() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    for (begins, after, effects) in
        [(0, 2, &EFFECTS[..]), (4, 2, &EFFECTS[..]), (5, 0, &EFFECTS[..2]), (6, 1, &EFFECTS[..2])]
    {
        for effect in effects {
            stand.kill();
            stand.graph.run("MATCH (c:ProvsyncCheckpoint) SET c.seal = 'edited', c.consistent = false WITH c MATCH (n:AtomGraphNode) SET n.metadata = 'edited'").await;
            stand.arm_begin(begins);
            stand.start();
            stand.strike_after_begin(Kind::Select, after, *effect).await;
            stand.assert_right(&[]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_is_tried_again() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    for effect in [
        CUT,
        Effect::Hold,
        Effect::LoseAnswer,
        Effect::Error(Refusal::Unavailable),
        Effect::Error(Refusal::ResourceLimit),
    ] {
        println!("{effect:?}");
        stand.arm_source(Fault::new(effect).on(Kind::Login).times(2));
        stand.arm_source(Fault::new(CUT).on(Kind::Select));
        stand.source.happened().await;
        stand.change_few().await;
        stand.assert_right(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_goes_wrong_is_taken_again() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::new().await;
    stand.config.sync.heartbeat = Duration::from_millis(100);
    for effect in EFFECTS {
        println!("{effect:?}");
        // EXEC is the lease's alone; at the start, then of the signs of life.
        stand.arm_source(Fault::new(effect).on(Kind::Other));
        stand.start();
        stand.source.happened().await;
        stand.assert_right(&[]).await;
        stand.arm_source(Fault::new(effect).on(Kind::Select).times(3));
        stand.source.happened().await;
        stand.change_few().await;
        stand.assert_right(&[]).await;
        stand.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_starts_again_at_any_moment() {
    if emulator_only(WHY) {
        return;
    }
    let mut stand = Stand::following().await;
    let down = Duration::from_millis(200);
    for many in [false, true] {
        stand.source.emulator().control().restart(down).await.unwrap();
        if many {
            stand.change_many().await;
        } else {
            stand.change_few().await;
        }
        stand.assert_right(&[]).await;
        stand.arm_begin(0);
        let n = stand.next();
        stand
            .source
            .execute(&format!("UPDATE graph.AtomGraphNodes SET Metadata = N'down {n}'"))
            .await;
        stand.source.happened().await;
        stand.source.emulator().control().restart(down).await.unwrap();
        stand.assert_right(&[]).await;
    }
}
