//! Reports made up for the tests: of everything that a difference can be, and of texts that break
//! out of formats that do not escape them.

use std::collections::BTreeMap;

use provsync::compare::comparison::{Hop, Walk};
use provsync::compare::difference::{
    Command, Difference, Foreign, ForeignKind, Kind, Near, Repair, Report, State, TableCounts,
    Thing, Verdict,
};
use provsync::compare::shown::Shown;
use provsync::compare::walk::Direction;
use provsync::compare::{evidence, lookup};
use provsync::mapping::{Mapping, Registry};
use provsync::model::Value;

pub const NODES: &str = "graph.AtomGraphNodes";
pub const EDGES: &str = "graph.AtomGraphEdges";
pub const STREAMS: &str = "provenance.GenerationStreams";

pub const NASTY: [&str; 11] = [
    "]]>",
    "<script>alert(1)</script>",
    "\"'&amp;&",
    "a\0b\u{1}c\u{7f}",
    "a\u{fffd}b",
    "\u{202e}gnirts\u{2066}",
    "\u{1b}[2J\u{9b}31m",
    "--><!-- </td></svg></a>",
    "{{ 7 * 7 }}{% raw %}",
    "line\r\nline\u{2028}line",
    "javascript:alert(1)",
];

pub fn shown(value: i64) -> Shown {
    Shown::of(&Value::Integer(value))
}

pub fn node(label: &str, identity: i64) -> Thing {
    Thing { names: vec![label.into()], identity: Some(shown(identity)), ..Thing::default() }
}

pub fn between(name: &str, from: i64, to: i64) -> Thing {
    let (from, to) = (Some(shown(from)), Some(shown(to)));
    Thing { names: vec![name.into()], from, to, ..Thing::default() }
}

/// Of nothing, as `compare` begins it.
pub fn empty(command: Command) -> Report {
    let mapping = Mapping::default_mapping().unwrap();
    let registry = Registry::new(&mapping, &BTreeMap::new());
    let mut report = Report::new(command, "0123abcd", "Provenance 6f9619ff");
    report.lookups = lookup::all(&mapping, &registry);
    report.source_version = Some(41);
    report.checkpoint_version = Some(41);
    report.tables = [(NODES, 55), (EDGES, 109), (STREAMS, 22)]
        .map(|(table, rows)| TableCounts {
            table: table.into(),
            source_rows: rows,
            graph_things: rows,
            quarantined: 0,
        })
        .into();
    report
}

pub fn difference(table: &str, key: i64, kind: Kind, state: State) -> Difference {
    let (table, key) = (table.to_owned(), Some(key));
    Difference { table, key, kind, source: None, graph: Vec::new(), state, hop: None }
}

/// One thing of each side, and what both have: a picture with one of each.
pub fn drawn() -> Report {
    let mut report = empty(Command::Compare);
    let mut add = |table, key, kind, source: Option<Thing>, graph: Option<Thing>, hop| {
        let found = difference(table, key, kind, State::Real);
        let graph = graph.into_iter().collect();
        report.add(Difference { source, graph, hop: Some(hop), ..found }, 100);
    };
    add(NODES, 125, Kind::MissingInGraph, Some(node("Atom", 25)), None, 1);
    add(EDGES, 1047, Kind::MissingInGraph, Some(between("DERIVED_FROM", 128, 125)), None, 1);
    add(NODES, 999, Kind::ExtraInGraph, None, Some(node("Atom", 99)), 1);
    add(EDGES, 5000, Kind::ExtraInGraph, None, Some(between("DERIVED_FROM", 128, 999)), 1);
    let weight = Kind::Property {
        property: "weight".into(),
        source_value: Some(Shown::of(&Value::Float(0.5))),
        graph_value: Some(Shown::of(&Value::Float(0.25))),
    };
    let ends = || Some(between("DERIVED_FROM", 126, 123));
    add(EDGES, 1043, weight, ends(), ends(), 2);
    let metadata = Kind::Property {
        property: "metadata".into(),
        source_value: None,
        graph_value: Some(Shown::of(&Value::Text("{}".into()))),
    };
    add(NODES, 123, metadata, Some(node("Atom", 23)), Some(node("Atom", 23)), 2);
    let near = [(128, 28, 0), (126, 26, 1)];
    report.around = near
        .map(|(key, atom, hop)| Near {
            table: NODES.into(),
            key,
            thing: node("Atom", atom),
            hop: Some(hop),
        })
        .into();
    let thing = between("DERIVED_FROM", 128, 126);
    report.around.push(Near { table: EDGES.into(), key: 1048, thing, hop: None });
    report.walk = Some(walk());
    report.close();
    report
}

/// Every kind and every state, with a nasty text wherever a text can stand.
pub fn nasty() -> Report {
    let mut report = empty(Command::Verify);
    report.lookups.clear();
    report.tables.clear();
    for (i, text) in NASTY.iter().enumerate() {
        let value = Some(Shown::of(&Value::Text((*text).to_owned())));
        let thing = Thing {
            names: vec![(*text).to_owned()],
            identity: value.clone(),
            from: None,
            to: None,
        };
        let ends =
            Thing { identity: None, from: value.clone(), to: value.clone(), ..thing.clone() };
        let name = || (*text).to_owned();
        let unsettled = State::Unsettled { looks: 3, why: name() };
        let explained = State::Explained { reason: name() };
        let graph_value = Shown::of(&Value::Text(name()));
        let wrong_key = Kind::WrongKey { property: name(), graph_value };
        let property =
            Kind::Property { property: name(), source_value: value.clone(), graph_value: value };
        let all = [
            (Kind::MissingInGraph, State::Real),
            (Kind::ExtraInGraph, State::Real),
            (Kind::WrongIdentity, State::Real),
            (Kind::WrongName, unsettled.clone()),
            (Kind::ExtraName { name: name() }, State::Real),
            (Kind::WrongEnds, State::Real),
            (Kind::WrongDirection, unsettled),
            (Kind::Doubled { name: name() }, State::Real),
            (property, State::Real),
            (Kind::PlaceholderLabel, State::Real),
            (wrong_key, State::Real),
            (Kind::LeftoverPlaceholder, State::Real),
            (Kind::NotInQuarantine { reason: name() }, State::Real),
            (Kind::StillInQuarantine { reason: name() }, State::Real),
            (Kind::MissingInGraph, explained),
        ];
        for (j, (kind, state)) in all.into_iter().enumerate() {
            let is_relationship = j % 2 == 1;
            let key = i64::try_from(100 * i + j).unwrap();
            let things = if is_relationship { &ends } else { &thing };
            let found = difference(&format!("s.{text}{is_relationship}"), key, kind, state);
            let (source, graph) = (Some(things.clone()), vec![things.clone()]);
            let key = found.key.filter(|_| found.kind != Kind::LeftoverPlaceholder);
            report.add(Difference { source, graph, key, ..found }, 10_000);
        }
        report.notes.push(name());
        let count = TableCounts { table: format!("s.{text}"), ..TableCounts::default() };
        report.tables.push(count);
    }
    let text = NASTY.concat();
    report.source.clone_from(&text);
    report.mapping.clone_from(&text);
    let foreign = |what| Foreign { what, name: text.clone(), count: 2 };
    report.foreign = Some(
        [ForeignKind::Nodes, ForeignKind::Relationships, ForeignKind::Label, ForeignKind::Property]
            .map(foreign)
            .into(),
    );
    report.repair = Some(Repair {
        dry_run: true,
        keys: [(text.clone(), 3)].into(),
        placeholders: 1,
        wrong_keys: 2,
        left: report.differences[..2].to_vec(),
        worker: Some(text.clone()),
        refused: Some(text),
    });
    report.close();
    report
}

/// A report that could not be ended.
pub fn unknown() -> Report {
    let mut report = empty(Command::Compare);
    report.notes.push("more edges than --edges-max".into());
    report.close();
    report.verdict = Verdict::Unknown;
    report
}

/// What was wrong was made right.
pub fn repaired() -> Report {
    let mut report = drawn();
    report.verdict = Verdict::Repaired;
    let keys = [(NODES.to_owned(), 3), (EDGES.to_owned(), 3)].into();
    report.repair = Some(Repair { keys, ..Repair::default() });
    report
}

/// What each store met by itself.
fn hop(edges: u64, nodes: u64) -> evidence::Hop {
    let sha256 = || "0123456789abcdef".repeat(4);
    evidence::Hop { edges, nodes, edges_sha256: sha256(), nodes_sha256: sha256() }
}

/// How the lineage of [`drawn`] was walked.
pub fn walk() -> Walk {
    let hops = [((0, 1), (0, 1)), ((3, 3), (2, 2)), ((1, 1), (1, 1))];
    let hops = hops.map(|(source, graph)| Hop {
        source: hop(source.0, source.1),
        graph: hop(graph.0, graph.1),
    });
    Walk {
        direction: Direction::Down,
        hops_max: Some(2),
        types: Some(vec!["DERIVED_FROM".into()]),
        streams: false,
        roots: 1,
        is_cut: false,
        first_divergent_hop: Some(1),
        hops: hops.into(),
        evidence: None,
    }
}
