//! Windows: at once, and by pages.

use super::effects::{AT_COMMIT, AT_STATEMENT, FEW_AT_COMMIT, FEW_AT_STATEMENT, MEMORY, REFUSED};
use super::stand::{Place, Stand, commit, statement};
use super::support::bolt_proxy::{Effect, Fault, On};
use super::support::worker::until;

/// Reads of what is there, writes of nodes and edges, the checkpoint.
const DUE: Place = statement("MATCH (q:ProvsyncQuarantine) WHERE q.due");
const READ: Place = statement("UNWIND $keys AS k MATCH (n:`AtomGraphNode`");
const READ_ENTRIES: Place = statement("MATCH (q:ProvsyncQuarantine {table: $table, key: k})");
const ENTER: Place = statement("MERGE (n:`Atom`");
const UPDATE: Place = statement("SET n += row.p");
const CREATE: Place = statement("OPTIONAL MATCH (a:");
const MOVE: Place = statement("SET c += $state");

#[tokio::test(flavor = "multi_thread")]
async fn a_window_at_once_whose_statement_goes_wrong() {
    let mut stand = Stand::following().await;
    for effect in AT_STATEMENT {
        stand.cell(ENTER, effect, false).await;
    }
    for place in [READ, UPDATE, CREATE, MOVE] {
        for effect in FEW_AT_STATEMENT {
            stand.cell(place, effect, false).await;
        }
    }
}

/// Nobody looks at a quarantine that is known to be empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_quarantine_that_goes_wrong() {
    let mut stand = Stand::following().await;
    stand.source.execute("INSERT INTO graph.AtomGraphNodes (AtomId) VALUES (5)").await;
    stand.quiet().await;
    for effect in FEW_AT_STATEMENT {
        let strikes = stand.arm(READ_ENTRIES, effect);
        stand.change_few().await;
        stand.struck(strikes, effect).await;
        stand.assert_right(&["graph.AtomGraphNodes 31 type-null"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_at_once_whose_commit_goes_wrong() {
    let mut stand = Stand::following().await;
    for effect in AT_COMMIT {
        stand.cell(commit("SET c += $state"), effect, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_window_that_goes_wrong() {
    let mut stand = Stand::following().await;
    let nodes = statement("SET n += row.p").after(1);
    let edges = statement("SET r += row.p").after(1);
    for effect in AT_STATEMENT {
        stand.cell(nodes, effect, true).await;
    }
    for effect in FEW_AT_STATEMENT {
        stand.cell(edges, effect, true).await;
    }
    for place in [nodes, edges] {
        let place = Place { commit: true, ..place };
        for effect in FEW_AT_COMMIT {
            stand.cell(place, effect, true).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_of_a_window_and_its_last_checkpoint_go_wrong() {
    let mut stand = Stand::following().await;
    // 20 nodes are three pages, and so are 20 edges; each moves the cursor.
    let moves = 6;
    for after in [0, 3, moves] {
        for effect in FEW_AT_COMMIT {
            stand.cell(commit(MOVE.text).after(after), effect, true).await;
        }
    }
    for effect in FEW_AT_STATEMENT {
        stand.cell(MOVE.after(moves), effect, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_graph_refuses_goes_into_quarantine_alone_and_comes_back() {
    let mut stand = Stand::following().await;
    let refused = Fault::next(On::RunContaining("MERGE (n:`Embedding`"), REFUSED).times(100);
    stand.proxy.arm(refused);
    let n = stand.next();
    stand
        .source
        .execute(&format!(
            "BEGIN TRANSACTION;
             SET IDENTITY_INSERT graph.AtomGraphNodes ON;
             INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType) VALUES (901, {n}, N'embedding'), (902, {n}, N'model');
             SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
             UPDATE graph.AtomGraphNodes SET Metadata = N'beside' WHERE NodeId <= 3;
             COMMIT"
        ))
        .await;
    stand.assert_right(&["graph.AtomGraphNodes 901 row-refused"]).await;
    stand
        .source
        .execute("UPDATE graph.AtomGraphNodes SET Metadata = N'again' WHERE NodeId = 901")
        .await;
    stand.assert_right(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_lasts_puts_no_row_into_quarantine() {
    let mut stand = Stand::following().await;
    let full = Effect::Fail {
        code: "Neo.DatabaseError.Transaction.TransactionCommitFailed",
        message: "no space left",
    };
    for (on, effect, times) in [
        (On::Commit, full, 4),
        (On::RunContaining(UPDATE.text), full, 4),
        (On::RunContaining(UPDATE.text), Effect::Cut, 4),
        (On::RunContaining(UPDATE.text), MEMORY, 4),
        (On::RunContaining(ENTER.text), MEMORY, 4),
    ] {
        println!("{on:?} {effect:?} {times}");
        let before = stand.proxy.struck();
        stand.proxy.arm(Fault::next(on, effect).times(times));
        stand.change_few().await;
        stand.proxy.until_struck(before + times).await;
        stand.assert_right(&[]).await;
    }
    stand.proxy.refuse(true);
    stand.change_few().await;
    stand.proxy.refuse(false);
    stand.assert_right(&[]).await;
    until(&stand.graph, "MATCH (q:ProvsyncQuarantine) RETURN count(q) AS row", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_for_rows_that_wait_goes_wrong() {
    let mut stand = Stand::following().await;
    for effect in FEW_AT_STATEMENT {
        // After a failure it is not known whether anybody waits, so that it is looked again.
        stand.proxy.arm(Fault::next(On::RunContaining(READ.text), Effect::Cut));
        stand.cell(DUE, effect, false).await;
    }
}
