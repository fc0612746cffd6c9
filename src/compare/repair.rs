//! What differs for sure is made right: the rows are carried once more, by us under the worker's lease,
//! or by the worker that has it. Then the rows are looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::difference::{Counts, Difference, Kind, Repair, Report, State, Verdict};
use super::settle::Settler;
use crate::config::Config;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::mapping::{Mapping, Registry, Slot};
use crate::neo4j::Graph;
use crate::neo4j::checkpoint::Found;
use crate::neo4j::leader::{self, KEYS_ASKED_MAX, Mended, Request, RequestKind};
use crate::reconcile::carrier::Carrier;
use crate::reconcile::engine::Engine;
use crate::reconcile::full::Alone;
use crate::reconcile::mend::Named;
use crate::reconcile::stores::{GraphStore, SourceStore};
use crate::sqlserver::Source;
use crate::sync::asked;
use crate::sync::life::{Life, holder};
use crate::sync::right::lease_name;

/// Changes that are made unless more are allowed.
pub const CHANGES_MAX: u64 = 1_000;

/// How a repair is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Say what would be done; write nothing.
    pub dry_run: bool,
    /// Rows and placeholders beyond which nothing is done.
    pub changes_max: u64,
    /// How long a worker has for what it is asked; as long as it gives signs, if `None`.
    pub wait_max: Option<Duration>,
    /// How often what is left is looked at.
    pub looks_max: u32,
}

/// Makes right what a report calls real, notes it in the report, and gives the report its new answer.
///
/// # Errors
/// A store can't be read or written, or a worker that has the lease does not do it in time. What was
/// carried up to then is carried.
pub async fn run(
    config: &Config,
    mapping: &Mapping,
    options: Options,
    report: &mut Report,
) -> Result<()> {
    let named = named(mapping, &report.differences);
    let keys = |(slot, keys): (&Slot, &Vec<i64>)| {
        (mapping.table(*slot).name.to_string(), keys.len() as u64)
    };
    let mut repair = Repair {
        dry_run: options.dry_run,
        keys: named.keys.iter().map(keys).collect(),
        placeholders: placeholders(&report.differences),
        wrong_keys: wrong_keys(&report.differences),
        ..Repair::default()
    };
    let changes = repair.keys.values().sum::<u64>() + repair.placeholders + repair.wrong_keys;
    repair.refused = refusal(report, changes, options.changes_max);
    if changes > 0 && repair.refused.is_none() && !options.dry_run {
        Box::pin(make_right(config, mapping, options, &named, &mut repair)).await?;
        let is_right = repair.refused.is_none() && repair.left.is_empty();
        report.verdict = after(report, is_right);
    }
    report.repair = Some(repair);
    Ok(())
}

/// What a report calls real, by table.
fn named(mapping: &Mapping, differences: &[Difference]) -> Named {
    let mut keys: BTreeMap<Slot, BTreeSet<i64>> = BTreeMap::new();
    let slots: BTreeMap<String, Slot> =
        mapping.tables().map(|(slot, table)| (table.name.to_string(), slot)).collect();
    for difference in differences.iter().filter(|d| d.state == State::Real) {
        if let (Some(slot), Some(key)) = (slots.get(&difference.table), difference.key) {
            keys.entry(*slot).or_default().insert(key);
        }
    }
    Named {
        keys: keys.into_iter().map(|(slot, keys)| (slot, keys.into_iter().collect())).collect(),
        leftovers: placeholders(differences) + wrong_keys(differences) > 0,
    }
}

fn placeholders(differences: &[Difference]) -> u64 {
    let is_left = |d: &&Difference| d.kind == Kind::LeftoverPlaceholder && d.state == State::Real;
    differences.iter().filter(is_left).count() as u64
}

fn wrong_keys(differences: &[Difference]) -> u64 {
    differences.iter().filter(|d| matches!(d.kind, Kind::WrongKey { .. })).count() as u64
}

/// Why it is not done at all: half a repair of many differences hides what made them.
fn refusal(report: &Report, changes: u64, max: u64) -> Option<String> {
    if changes > max {
        return Some(format!(
            "{changes} row(s) differ, more than --max-changes {max}: allow as many if that is what you expect, or let `provsync full` compare all rows"
        ));
    }
    let left_out = report.left_out;
    (left_out > 0).then(|| {
        format!("{left_out} difference(s) are not listed, and what is not listed is not repaired")
    })
}

async fn make_right(
    config: &Config,
    mapping: &Mapping,
    options: Options,
    named: &Named,
    repair: &mut Repair,
) -> Result<()> {
    let mut source = Source::new(config.source.clone());
    source.connect().await?;
    let graph = Graph::connect(&config.graph).await?;
    let mut lease = source.another();
    let alone = lease.take_lease(&lease_name(&graph).await?).await?;
    if alone {
        let carried = carry(config, mapping, source.another(), graph.clone(), named);
        match Box::pin(carried).await {
            // A rule forbids it: what was carried before is carried, as a look at it will tell.
            Err(error) if error.kind == ErrorKind::Stop => repair.refused = Some(error.to_string()),
            outcome => outcome?,
        }
    } else {
        let takeover = config.sync.takeover;
        let limits = asked::Limits { takeover, wait_max: options.wait_max };
        (repair.worker, repair.refused) = ask(&graph, mapping, named, limits).await?;
    }
    lease.release_lease();
    let shared = Arc::new(mapping.clone());
    let mut settler = Settler::new(source, graph, shared, config.full.clone(), options.looks_max);
    repair.left = left(&mut settler, mapping, named).await?;
    Ok(())
}

/// Carries the rows with the lease in hand, as a full does.
async fn carry(
    config: &Config,
    mapping: &Mapping,
    mut source: Source,
    graph: Graph,
    named: &Named,
) -> Result<()> {
    let epoch = source.epoch(mapping).await?;
    let (fence, found) = graph.raise(&epoch.database, false).await?;
    let Found { state, sealed } = found;
    // What stands behind the lock: another may have written since the graph was verified.
    let known = state.epoch.as_ref();
    let is_same = known.is_some_and(|known| epoch.is_that_of(&state.identity, known, mapping));
    if !sealed || state.mapping != mapping.digest || !is_same {
        return Err(Error::stop("the checkpoint is another than when the graph was verified")
            .hint("verify again"));
    }
    let registry = Registry::new(mapping, &state.owned);
    let fenced = Some(fence.clone());
    let engine = Engine::new(graph, mapping.clone(), registry, fenced, state, config.full.clone());
    let life = Life::new(holder("verify --repair"), config.sync.heartbeat, None);
    let mut alone = Alone(Some(life));
    let heartbeat = alone.start_heartbeat(&engine);
    let mut carrier = Carrier { source, engine };
    let outcome = Box::pin(carrier.mend(named, &mut alone)).await;
    if let Some(heartbeat) = heartbeat {
        heartbeat.stop().await;
    }
    if let Some(fence) = &carrier.engine.fence {
        carrier.engine.graph.leave(fence).await?;
    }
    outcome
}

/// Hands the rows to the worker that has the lease, some at a time; returns who it is, and why it
/// refused, if it did.
async fn ask(
    graph: &Graph,
    mapping: &Mapping,
    named: &Named,
    limits: asked::Limits,
) -> Result<(Option<String>, Option<String>)> {
    let holder = leader::holder(graph).await?;
    for kind in requests(mapping, named) {
        let request = Request::new(kind, None);
        leader::ask(graph, &request).await?;
        let answer = asked::answer(graph, &request.id, limits).await?;
        // A worker that read all rows instead answers with their counts.
        if let Ok(Mended::Refused(why)) = serde_json::from_str(&answer) {
            return Ok((Some(holder), Some(why)));
        }
    }
    Ok((Some(holder), None))
}

/// Requests of at most [`KEYS_ASKED_MAX`] rows; what is left over comes last, when nothing needs it.
fn requests(mapping: &Mapping, named: &Named) -> Vec<RequestKind> {
    let mut requests = Vec::new();
    for (slot, keys) in &named.keys {
        let table = mapping.table(*slot).name.to_string();
        for some in keys.chunks(KEYS_ASKED_MAX) {
            let tables = BTreeMap::from([(table.clone(), some.to_vec())]);
            requests.push(RequestKind::Keys { tables, placeholders: false });
        }
    }
    if named.leftovers {
        requests.push(RequestKind::Keys { tables: BTreeMap::new(), placeholders: true });
    }
    requests
}

/// What differs still.
async fn left(settler: &mut Settler, mapping: &Mapping, named: &Named) -> Result<Vec<Difference>> {
    let mut left = Vec::new();
    for (slot, keys) in &named.keys {
        left.extend(settler.settle(*slot, keys.clone()).await?);
    }
    if named.leftovers {
        for slot in mapping.slots() {
            left.extend(settler.leftovers(slot).await?);
        }
    }
    Ok(left)
}

/// The answer after a repair: what was real is right now, or not; the rest is as it was.
fn after(report: &Report, is_right: bool) -> Verdict {
    if !is_right {
        return Verdict::Different;
    }
    match (Counts { real: 0, ..report.counts }).verdict() {
        Verdict::Equal => Verdict::Repaired,
        other => other,
    }
}
