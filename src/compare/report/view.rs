//! What people read of a report, in the order in which they need it. Every text in it went through
//! [`escape`].

use serde::Serialize;

use super::paste::{Paste, pastes};
use crate::compare::comparison::{Hop, Walk};
use crate::compare::difference::{Command, Difference, Kind, Report, State, Thing, Verdict};
use crate::compare::difference::{Foreign, ForeignKind, Repair};
use crate::compare::shown::{Shown, escape};
use crate::compare::walk::Direction;

/// A report to read from the top down.
#[derive(Debug, Serialize)]
pub(super) struct View {
    pub(super) title: &'static str,
    /// The verdict's word in the JSON form.
    pub(super) verdict: &'static str,
    /// The verdict as a sentence.
    pub(super) answer: String,
    pub(super) first_hop: Option<String>,
    /// How lineage was walked, and what each store met at each hop by itself.
    pub(super) walk: Option<WalkView>,
    /// What was compared, when, by what.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) tables: Vec<TableLine>,
    pub(super) groups: Vec<Group>,
    /// Differences that the report does not hold.
    pub(super) left_out: u64,
    pub(super) pastes: Vec<Paste>,
    pub(super) notes: Vec<String>,
    pub(super) repair: Vec<String>,
    /// `None` if they were not asked for.
    pub(super) foreign: Option<Vec<String>>,
}

/// A walk.
#[derive(Debug, Serialize)]
pub(super) struct WalkView {
    pub(super) how: String,
    pub(super) hops: Vec<HopLine>,
}

/// What each store met at one hop.
#[derive(Debug, Serialize)]
pub(super) struct HopLine {
    pub(super) hop: usize,
    /// Relationships and nodes.
    pub(super) source: (u64, u64),
    pub(super) graph: (u64, u64),
    pub(super) is_same: bool,
}

/// What was compared of one table.
#[derive(Debug, Serialize)]
pub(super) struct TableLine {
    pub(super) name: String,
    pub(super) source_rows: u64,
    pub(super) graph_things: u64,
    pub(super) quarantined: u64,
}

/// Differences of one sort.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) entries: Vec<Entry>,
}

/// One difference.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    /// Its place in [`Report::differences`].
    pub(super) place: usize,
    /// The same in all formats: `d` and its place, counted from 1.
    pub(super) id: String,
    pub(super) table: String,
    /// Row key, or the identity of a placeholder.
    pub(super) key: String,
    /// [`Kind::code`].
    pub(super) code: &'static str,
    /// What differs, as a sentence without its subject.
    pub(super) what: String,
    /// How sure that is, where it is not.
    pub(super) doubt: String,
    pub(super) source: String,
    pub(super) graph: String,
    pub(super) hop: Option<u32>,
}

impl View {
    pub(super) fn of(report: &Report) -> Self {
        Self {
            title: title(report.command),
            verdict: verdict(report.verdict),
            answer: answer(report),
            first_hop: first_hop(report),
            walk: report.walk.as_ref().map(walk),
            facts: facts(report),
            tables: tables(report),
            groups: groups(report),
            left_out: report.left_out,
            pastes: pastes(report),
            notes: report.notes.iter().map(|note| escape(note)).collect(),
            repair: report.repair.as_ref().map(repair).unwrap_or_default(),
            foreign: report.foreign.as_ref().map(|found| found.iter().map(foreign).collect()),
        }
    }

    /// All differences, in groups' order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.iter().flat_map(|group| &group.entries)
    }
}

impl Entry {
    /// Each side in a line, and how sure it is, where there is something to say.
    pub(super) fn lines(&self) -> Vec<String> {
        let sides = [("source", &self.source), ("graph", &self.graph)];
        let sides = sides.into_iter().filter(|(_, thing)| !thing.is_empty());
        let doubt = Some(&self.doubt).filter(|doubt| !doubt.is_empty());
        sides.map(|(side, thing)| format!("{side:<6} {thing}")).chain(doubt.cloned()).collect()
    }
}

fn title(command: Command) -> &'static str {
    match command {
        Command::Verify => "provsync verify",
        Command::Compare => "provsync compare",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "equal",
        Verdict::Different => "different",
        Verdict::Repaired => "repaired",
        Verdict::Explained => "explained",
        Verdict::Unknown => "unknown",
    }
}

fn answer(report: &Report) -> String {
    let counts = report.counts;
    let sentence = match report.verdict {
        Verdict::Equal => "Equal: the graph says what the source says.".to_owned(),
        Verdict::Different => format!("Different: {}.", differences(counts.real)),
        Verdict::Repaired => "Repaired: they did not say the same, and do now.".to_owned(),
        Verdict::Explained => {
            format!(
                "Different, explained: {} of rows in quarantine.",
                differences(counts.explained)
            )
        }
        Verdict::Unknown => "Not known: it could not be told whether the stores agree.".to_owned(),
    };
    let beside = [
        (counts.explained, "of rows in quarantine", report.verdict != Verdict::Explained),
        (counts.unsettled, "that could not be told from changes on their way", true),
    ];
    let beside = beside.iter().filter(|(count, _, said)| *count > 0 && *said);
    let beside = beside.map(|(count, what, _)| format!(" Also {} {what}.", differences(*count)));
    std::iter::once(sentence).chain(beside).collect()
}

fn differences(count: u64) -> String {
    counted(count, "difference")
}

/// `1 difference`, `2 differences`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn first_hop(report: &Report) -> Option<String> {
    let is_wrong = |d: &&Difference| d.state == State::Real;
    let hops = || report.differences.iter().filter(is_wrong).filter_map(|d| d.hop);
    let first = hops().min()?;
    let count = hops().filter(|hop| *hop == first).count() as u64;
    let from = if first == 0 { " (the roots themselves)" } else { "" };
    Some(format!("The stores part at hop {first}{from}: {} there.", differences(count)))
}

fn walk(walk: &Walk) -> WalkView {
    let direction = match walk.direction {
        Direction::Down => "down",
        Direction::Up => "up",
        Direction::Both => "both ways",
    };
    let far = walk.hops_max.map_or("until nothing new".to_owned(), |hops| format!("{hops} hops"));
    let types =
        walk.types.as_ref().map_or("all types".to_owned(), |types| escape(&types.join(", ")));
    let streams = if walk.streams { "with streams" } else { "without streams" };
    let line = |(hop, met): (usize, &Hop)| HopLine {
        hop,
        source: (met.source.edges, met.source.nodes),
        graph: (met.graph.edges, met.graph.nodes),
        is_same: met.source == met.graph,
    };
    WalkView {
        how: format!(
            "from {}, {direction}, {far}, {types}, {streams}",
            counted(walk.roots, "root")
        ),
        hops: walk.hops.iter().enumerate().map(line).collect(),
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let version = |version: Option<i64>| version.map_or("none".to_owned(), |v| v.to_string());
    vec![
        ("source", escape(&report.source)),
        ("source's version", version(report.source_version)),
        ("graph's version", version(report.checkpoint_version)),
        ("began", escape(&report.started_at)),
        ("ended", escape(&report.ended_at)),
        ("took", format!("{:.1} s", report.seconds)),
        ("mapping", escape(&report.mapping)),
        ("provsync", escape(&report.tool_version)),
    ]
}

fn tables(report: &Report) -> Vec<TableLine> {
    let line = |table: &crate::compare::difference::TableCounts| TableLine {
        name: escape(&table.table),
        source_rows: table.source_rows,
        graph_things: table.graph_things,
        quarantined: table.quarantined,
    };
    report.tables.iter().map(line).collect()
}

/// Which group a difference is in, and the headings in their order.
const HEADINGS: [&str; 6] = [
    "In the source only",
    "In the graph only",
    "In both, and different",
    "In quarantine without reason, or not in it with one",
    "Not settled: they may be changes on their way",
    "Explained: the row is in quarantine",
];

fn group(difference: &Difference) -> usize {
    match (&difference.state, &difference.kind) {
        (State::Unsettled { .. }, _) => 4,
        (State::Explained { .. }, _) => 5,
        (State::Real, Kind::MissingInGraph) => 0,
        (
            State::Real,
            Kind::ExtraInGraph
            | Kind::Doubled { .. }
            | Kind::WrongKey { .. }
            | Kind::LeftoverPlaceholder,
        ) => 1,
        (State::Real, Kind::NotInQuarantine { .. } | Kind::StillInQuarantine { .. }) => 3,
        (State::Real, _) => 2,
    }
}

/// Of a group, what is nearest to the roots comes first.
fn groups(report: &Report) -> Vec<Group> {
    let mut groups = HEADINGS.map(|heading| Group { heading, entries: Vec::new() });
    for (i, difference) in report.differences.iter().enumerate() {
        groups[group(difference)].entries.push(entry(i, difference));
    }
    for group in &mut groups {
        group.entries.sort_by_key(|entry| entry.hop);
    }
    groups.into_iter().filter(|group| !group.entries.is_empty()).collect()
}

/// The name of the difference at a place of the report.
pub(super) fn id(place: usize) -> String {
    format!("d{}", place + 1)
}

fn entry(place: usize, difference: &Difference) -> Entry {
    let things = difference.graph.iter().map(thing).collect::<Vec<_>>().join(" and ");
    Entry {
        place,
        id: id(place),
        table: escape(&difference.table),
        key: key(difference),
        code: difference.kind.code(),
        what: what(&difference.kind),
        doubt: doubt(&difference.state),
        source: difference.source.as_ref().map(thing).unwrap_or_default(),
        graph: things,
        hop: difference.hop,
    }
}

fn key(difference: &Difference) -> String {
    let thing = || difference.graph.first().or(difference.source.as_ref());
    let identity = || thing().and_then(|thing| thing.identity.as_ref());
    match difference.key {
        Some(key) => key.to_string(),
        None => identity().map(Shown::to_string).unwrap_or_default(),
    }
}

fn what(kind: &Kind) -> String {
    let value = |value: &Option<Shown>| match value {
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    };
    match kind {
        Kind::MissingInGraph => "the graph lacks it".into(),
        Kind::ExtraInGraph => "no row stands for it".into(),
        Kind::WrongIdentity => "it stands for another identity".into(),
        Kind::WrongName => "it has another label or type".into(),
        Kind::ExtraName { name } => format!("it also has the label {}", escape(name)),
        Kind::WrongEnds => "it joins other nodes".into(),
        Kind::WrongDirection => "it runs the other way".into(),
        Kind::Doubled { name } => {
            format!("it stands under a second type, {}, as well", escape(name))
        }
        Kind::Property { property, source_value, graph_value } => format!(
            "its {} is {} in the source and {} in the graph",
            escape(property),
            value(source_value),
            value(graph_value)
        ),
        Kind::WrongKey { property, graph_value } => {
            format!("its {} is {graph_value}, which is no row's key", escape(property))
        }
        Kind::PlaceholderLabel => "it has a row and is labelled as a placeholder".into(),
        Kind::LeftoverPlaceholder => "a placeholder that nothing needs".into(),
        Kind::NotInQuarantine { reason } => {
            format!("it can't be represented ({}) and is not in quarantine", escape(reason))
        }
        Kind::StillInQuarantine { reason } => {
            format!("it is in quarantine ({}) and need not be", escape(reason))
        }
    }
}

fn doubt(state: &State) -> String {
    match state {
        State::Real => String::new(),
        State::Explained { reason } => format!("in quarantine: {}", escape(reason)),
        State::Unsettled { looks, why } => format!("after {looks} looks: {}", escape(why)),
    }
}

/// `(:Atom 28)`, `(128)-[:DERIVED_FROM]->(111)`.
pub(super) fn thing(thing: &Thing) -> String {
    let names: String = thing.names.iter().map(|name| format!(":{}", escape(name))).collect();
    let shown = |value: &Option<Shown>| value.as_ref().map_or("?".to_owned(), Shown::to_string);
    match (&thing.identity, &thing.from, &thing.to) {
        (None, None, None) => format!("({names})"),
        (identity, None, None) => format!("({names} {})", shown(identity)),
        (_, from, to) => format!("({})-[{names}]->({})", shown(from), shown(to)),
    }
}

fn repair(repair: &Repair) -> Vec<String> {
    let verb = if repair.dry_run { "would be carried again" } else { "carried again" };
    let keys = repair.keys.iter();
    let mut lines: Vec<String> =
        keys.map(|(table, count)| format!("{}: {count} keys {verb}", escape(table))).collect();
    if repair.placeholders > 0 {
        let verb = if repair.dry_run { "would be removed" } else { "removed" };
        lines.push(format!("{} placeholders {verb}", repair.placeholders));
    }
    if repair.wrong_keys > 0 {
        let verb = if repair.dry_run { "would be made right" } else { "made right" };
        lines.push(format!("{} things with a wrong key {verb}", repair.wrong_keys));
    }
    lines.extend(repair.worker.iter().map(|worker| format!("by the worker {}", escape(worker))));
    lines.extend(repair.refused.iter().map(|why| format!("refused: {}", escape(why))));
    let left = |difference: &Difference| {
        let (table, key) = (escape(&difference.table), key(difference));
        format!("still differs: {table} {key}: {}", what(&difference.kind))
    };
    lines.extend(repair.left.iter().map(left));
    lines
}

fn foreign(foreign: &Foreign) -> String {
    let what = match foreign.what {
        ForeignKind::Nodes => "nodes",
        ForeignKind::Relationships => "relationships",
        ForeignKind::Label => "things with the label",
        ForeignKind::Property => "things with the property",
    };
    format!("{} {what} {}", foreign.count, escape(&foreign.name))
}
