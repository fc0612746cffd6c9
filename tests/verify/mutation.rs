//! One thing made wrong on one side, and the differences that follow, worked out from the rows.

#[path = "at_graph.rs"]
mod at_graph;
#[path = "at_source.rs"]
mod at_source;

use std::collections::BTreeSet;

use super::rows::{Rows, name};
use crate::support::Random;
use crate::support::scenario::TYPES;

/// What is done, and what must be found.
#[derive(Clone, Debug)]
pub struct Mutation {
    pub what: &'static str,
    pub at: At,
    pub statements: Vec<String>,
    pub expected: BTreeSet<String>,
}

/// On which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Source,
    Graph,
}

/// Keys that mutations of one round have touched: what follows from one must not hide another.
#[derive(Debug, Default)]
pub struct Touched(BTreeSet<(char, i64)>);

impl Touched {
    /// Touches them all, or none if one was touched before.
    fn touch(&mut self, all: impl IntoIterator<Item = (char, i64)>) -> Option<()> {
        let all: BTreeSet<(char, i64)> = all.into_iter().collect();
        if !self.0.is_disjoint(&all) {
            return None;
        }
        self.0.extend(all);
        Some(())
    }
}

pub fn node(key: i64, what: &str) -> String {
    format!("graph.AtomGraphNodes {key} {what}")
}

pub fn edge(key: i64, what: &str) -> String {
    format!("graph.AtomGraphEdges {key} {what}")
}

pub fn stream(key: i64, what: &str) -> String {
    format!("provenance.GenerationStreams {key} {what}")
}

pub fn leftover(atom: i64) -> String {
    format!("graph.AtomGraphNodes leftover_placeholder {atom}")
}

/// A key that is no row's, as a report shows it.
pub fn wrong_key(table: &str, property: &str, key: &str) -> String {
    format!("{table} wrong_key {property} {key}")
}

/// Makes mutations over some rows.
pub struct Mutator<'a> {
    pub random: &'a mut Random,
    pub rows: &'a Rows,
    pub touched: Touched,
    /// Keys and identities that nothing has.
    pub fresh: i64,
    /// Whether the source's constraints leave it free what is changed there.
    pub source_too: bool,
}

/// What is done, by which statements, and what must be found.
type Made = (&'static str, Vec<String>, Vec<String>);

/// Makes a mutation, if what it picked is free for it.
type Make = fn(&mut Mutator<'_>) -> Option<Made>;

impl Mutator<'_> {
    /// A mutation that touches nothing that another one touched.
    pub fn next(&mut self) -> Mutation {
        loop {
            let at_source = if self.source_too { &at_source::ALL[..] } else { &[] };
            let kinds = at_graph::ALL.len() + at_source.len();
            let kind = usize::try_from(self.random.below(kinds as u64)).unwrap();
            let at = if kind < at_graph::ALL.len() { At::Graph } else { At::Source };
            let make = at_graph::ALL.iter().chain(at_source).nth(kind).unwrap();
            if let Some((what, statements, expected)) = make(self) {
                return Mutation { what, at, statements, expected: expected.into_iter().collect() };
            }
        }
    }

    fn pick(&mut self, keys: &[i64]) -> Option<i64> {
        let count = u64::try_from(keys.len()).unwrap();
        (count > 0).then(|| keys[usize::try_from(self.random.below(count)).unwrap()])
    }

    fn a_node(&mut self) -> Option<i64> {
        let key = self.pick(&self.rows.nodes.keys().copied().collect::<Vec<_>>())?;
        let streams = self.rows.streams_on_node(key);
        let atoms =
            streams.iter().flat_map(|s| [self.rows.streams[s].from, self.rows.streams[s].to]);
        let own = std::iter::once(('a', self.rows.nodes[&key].atom));
        let atoms = atoms.map(|a| ('a', a)).chain(own);
        let edges = self.rows.edges_on(key).into_iter().map(|e| ('e', e));
        let streams = streams.iter().map(|s| ('s', *s));
        self.touched.touch(edges.chain(streams).chain(atoms).chain([('n', key)]))?;
        Some(key)
    }

    fn an_edge(&mut self) -> Option<i64> {
        let key = self.pick(&self.rows.edges.keys().copied().collect::<Vec<_>>())?;
        let e = &self.rows.edges[&key];
        self.touched.touch([('e', key), ('n', e.from), ('n', e.to)])?;
        Some(key)
    }

    fn a_stream(&mut self) -> Option<i64> {
        let key = self.pick(&self.rows.streams.keys().copied().collect::<Vec<_>>())?;
        let s = &self.rows.streams[&key];
        self.touched.touch([('s', key), ('a', s.from), ('a', s.to)])?;
        Some(key)
    }

    /// A node that is nowhere touched, as an end.
    fn an_end(&mut self) -> Option<i64> {
        let key = self.pick(&self.rows.nodes.keys().copied().collect::<Vec<_>>())?;
        self.touched.touch([('n', key)])?;
        Some(key)
    }

    fn other_kind(&mut self, kinds: [&'static str; 4], than: &str) -> &'static str {
        let others: Vec<&str> = kinds.into_iter().filter(|kind| *kind != than).collect();
        others[usize::try_from(self.random.below(3)).unwrap()]
    }

    fn fresh(&mut self) -> i64 {
        self.fresh += 1;
        self.fresh
    }

    /// A node and a type's label that it can have without being in another's way.
    fn a_node_and_label(&mut self) -> Option<(i64, &'static str)> {
        let k = self.a_node()?;
        let other = self.other_kind(TYPES, &self.rows.nodes[&k].kind);
        let is_free = other != "atom" && !self.rows.has(self.rows.nodes[&k].atom, other);
        is_free.then(|| (k, name(other)))
    }

    fn edge_name(&self, key: i64) -> &'static str {
        name(&self.rows.edges[&key].kind)
    }

    fn match_edge(&self, key: i64) -> String {
        format!("MATCH (a)-[r:{} {{edgeId: {key}}}]->(b)", self.edge_name(key))
    }
}
