//! Both stores as raw rows, and how far things are from roots by a plain breadth-first search over
//! them: another way than provsync's walk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use neo4rs::{BoltType, query};

use super::graph::TestGraph;
use super::source::TestSource;

/// A node: `r5` for a row key, `a7` for an atom without a row.
pub type Handle = String;

/// A table and a row key: `n`, `e` or `s` for nodes, edges, streams; `p` and an atom for a placeholder.
pub type Element = (char, i64);

/// A relationship: its type, what it joins, and all of it as one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joined {
    pub from: Option<Handle>,
    pub to: Option<Handle>,
    pub name: String,
    pub line: String,
}

/// One store.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub nodes: BTreeMap<Handle, BTreeSet<String>>,
    pub joined: BTreeMap<Element, BTreeSet<Joined>>,
    /// Atoms without a row that the graph has a node for.
    pub placeholders: BTreeSet<Handle>,
}

pub async fn of_source(source: &TestSource) -> Raw {
    let mut raw = Raw::default();
    let mut atoms = BTreeMap::new();
    let nodes = "SELECT NodeId, AtomId, NodeType, Metadata, CreatedAt FROM graph.AtomGraphNodes";
    for row in source.query(nodes).await {
        let (key, atom): (i64, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let (kind, metadata) = (row.get::<&str, _>(2).unwrap(), row.get::<&str, _>(3));
        let at = row.get::<chrono::NaiveDateTime, _>(4).map_or("null".into(), |t| t.to_string());
        let label = super::truth::label(kind);
        if label == "Atom" {
            atoms.insert(atom, format!("r{key}"));
        }
        let line = format!("{label} {atom} {kind} {metadata:?} {at} false");
        raw.nodes.entry(format!("r{key}")).or_default().insert(line);
    }
    let edges = "SELECT e.EdgeId, a.NodeId, b.NodeId, e.RelationshipType, e.Weight, e.CreatedAt
        FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b WHERE MATCH(a-(e)->b)";
    for row in source.query(edges).await {
        let key: i64 = row.get(0).unwrap();
        let ends: [i64; 2] = [row.get(1).unwrap(), row.get(2).unwrap()];
        let [from, to] = ends.map(|key| format!("r{key}"));
        let kind: &str = row.get(3).unwrap();
        let weight = row.get::<f32, _>(4).map_or("null".into(), |w| w.to_string());
        let at = row.get::<chrono::NaiveDateTime, _>(5).map_or("null".into(), |t| t.to_string());
        let name = super::truth::relationship(kind);
        let line = format!("{name} {} {} {kind} {weight} {at}", ends[0], ends[1]);
        raw.join(('e', key), Some(from), Some(to), name, line);
    }
    let streams = "SELECT StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed FROM provenance.GenerationStreams";
    for row in source.query(streams).await {
        let key: i64 = row.get(0).unwrap();
        let ends: [i64; 2] = [row.get(1).unwrap(), row.get(2).unwrap()];
        let [from, to] =
            ends.map(|atom| atoms.get(&atom).cloned().unwrap_or_else(|| format!("a{atom}")));
        let texts = [3, 4].map(|i| row.get::<&str, _>(i).unwrap_or("null").to_owned());
        let line = format!("GENERATED {} {} {}", ends[0], ends[1], texts.join(" "));
        raw.join(('s', key), Some(from), Some(to), "GENERATED".into(), line);
    }
    raw
}

pub async fn of_graph(graph: &TestGraph) -> Raw {
    let mut raw = Raw::default();
    let handle = |v: &str| {
        format!(
            "CASE WHEN {v}:AtomGraphNode THEN 'r' + {v}.nodeId WHEN {v}:Atom THEN 'a' + {v}.atomId END"
        )
    };
    let nodes = "MATCH (n:AtomGraphNode) RETURN ['r' + n.nodeId,
        reduce(t = '', l IN [l IN labels(n) WHERE l IN ['Atom', 'Embedding', 'Model', 'Layer']] | t + l), n.atomId, n.nodeType, n.metadata, n.createdAt, n:AtomPlaceholder] AS row";
    for cells in rows(graph, nodes).await {
        let [handle, label, atom, kind, metadata, at, placeholder] = cells.try_into().unwrap();
        let metadata = (metadata != "null").then_some(metadata);
        let metadata = metadata.as_deref();
        let line = format!("{label} {atom} {kind} {metadata:?} {} {placeholder}", naive(&at));
        raw.nodes.entry(handle).or_default().insert(line);
    }
    let placeholders =
        "MATCH (n:Atom:AtomPlaceholder) WHERE NOT n:AtomGraphNode RETURN 'a' + n.atomId AS row";
    raw.placeholders.extend(graph.column(placeholders).await);
    let edges = format!(
        "MATCH (a)-[r]->(b) WHERE r.edgeId IS NOT NULL RETURN [r.edgeId, {}, {}, type(r), CASE WHEN a:AtomGraphNode THEN a.nodeId END, CASE WHEN b:AtomGraphNode THEN b.nodeId END, r.relationshipType, r.weight, r.createdAt] AS row",
        handle("a"),
        handle("b")
    );
    for cells in rows(graph, &edges).await {
        let [key, from, to, name, a, b, kind, weight, at] = cells.try_into().unwrap();
        let line = format!("{name} {a} {b} {kind} {weight} {}", naive(&at));
        let [from, to] = [from, to].map(|end| end.starts_with('r').then_some(end));
        raw.join(('e', key.parse().unwrap()), from, to, name, line);
    }
    let streams = format!(
        "MATCH (a)-[r]->(b) WHERE r.streamId IS NOT NULL RETURN [r.streamId, {}, {}, type(r), CASE WHEN a:Atom THEN a.atomId END, CASE WHEN b:Atom THEN b.atomId END, r.generationType, r.modelUsed] AS row",
        handle("a"),
        handle("b")
    );
    for cells in rows(graph, &streams).await {
        let [key, from, to, name, a, b, kind, model] = cells.try_into().unwrap();
        let line = format!("{name} {a} {b} {kind} {model}");
        let [from, to] = [from, to].map(|end| (end != "null").then_some(end));
        raw.join(('s', key.parse().unwrap()), from, to, name, line);
    }
    raw
}

fn naive(at: &str) -> String {
    let at = chrono::DateTime::parse_from_rfc3339(at);
    at.map_or("null".into(), |at| at.naive_utc().to_string())
}

async fn rows(graph: &TestGraph, cypher: &str) -> Vec<Vec<String>> {
    let mut found = graph.driver.execute(query(cypher)).await.unwrap();
    let mut out = Vec::new();
    while let Some(row) = found.next().await.unwrap() {
        let BoltType::List(cells) = row.get::<BoltType>("row").unwrap() else { panic!("a list") };
        let text = |value: &BoltType| match value {
            BoltType::Float(float) => float.value.to_string(),
            other => super::graph::text(other),
        };
        out.push(cells.value.iter().map(text).collect());
    }
    out
}

/// Which way a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Down,
    Up,
    Both,
}

impl Raw {
    fn join(
        &mut self,
        element: Element,
        from: Option<Handle>,
        to: Option<Handle>,
        name: String,
        line: String,
    ) {
        self.joined.entry(element).or_default().insert(Joined { from, to, name, line });
    }

    /// Everything that either store has.
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (handle, lines) in &other.nodes {
            all.nodes.entry(handle.clone()).or_default().extend(lines.iter().cloned());
        }
        for (element, joined) in &other.joined {
            all.joined.entry(*element).or_default().extend(joined.iter().cloned());
        }
        all.placeholders.extend(other.placeholders.iter().cloned());
        all
    }

    /// Every node, with a row or without one.
    pub fn handles(&self) -> Vec<Handle> {
        let ends = self.joined.values().flatten().flat_map(|joined| [&joined.from, &joined.to]);
        let all = ends.flatten().chain(self.nodes.keys()).chain(&self.placeholders);
        all.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The nodes that stand for an atom: of rows of any type, and the one without a row.
    pub fn of_atom(&self, atom: i64) -> Vec<Handle> {
        let atom = atom.to_string();
        let is_of = |line: &String| line.split(' ').nth(1) == Some(&atom);
        let rows = self.nodes.iter().filter(|(_, lines)| lines.iter().any(is_of));
        let bare = format!("a{atom}");
        let has_bare = self.placeholders.contains(&bare) || self.is_linked(&bare);
        rows.map(|(handle, _)| handle.clone()).chain(has_bare.then_some(bare)).collect()
    }

    /// What a row says: a stream names atoms, whichever node stands for them.
    fn line(&self, element: &Element) -> BTreeSet<&str> {
        self.joined.get(element).into_iter().flatten().map(|j| j.line.as_str()).collect()
    }

    /// Whether a stream begins or ends there.
    fn is_linked(&self, handle: &Handle) -> bool {
        self.streams_on(handle).next().is_some()
    }

    fn streams_on(&self, handle: &Handle) -> impl Iterator<Item = &Element> {
        let stands = |joined: &Joined| {
            [&joined.from, &joined.to].into_iter().any(|end| end.as_ref() == Some(handle))
        };
        self.joined
            .iter()
            .filter(move |((table, _), joined)| *table == 's' && joined.iter().any(stands))
            .map(|(element, _)| element)
    }

    /// Hops from roots to every node that is reached.
    pub fn distances(&self, roots: &[Handle], way: Way) -> BTreeMap<Handle, u32> {
        let mut next: BTreeMap<&Handle, Vec<&Handle>> = BTreeMap::new();
        for joined in self.joined.values().flatten() {
            if let (Some(from), Some(to)) = (&joined.from, &joined.to) {
                if way != Way::Up {
                    next.entry(from).or_default().push(to);
                }
                if way != Way::Down {
                    next.entry(to).or_default().push(from);
                }
            }
        }
        let mut reached: BTreeMap<Handle, u32> = roots.iter().map(|r| (r.clone(), 0)).collect();
        let mut queue: VecDeque<Handle> = roots.iter().cloned().collect();
        while let Some(handle) = queue.pop_front() {
            let hop = reached[&handle] + 1;
            for far in next.get(&handle).into_iter().flatten() {
                if !reached.contains_key(*far) {
                    reached.insert((*far).clone(), hop);
                    queue.push_back((*far).clone());
                }
            }
        }
        reached
    }

    /// The hop at which each relationship is crossed.
    pub fn crossings(&self, distances: &BTreeMap<Handle, u32>, way: Way) -> BTreeMap<Element, u32> {
        let hop = |joined: &BTreeSet<Joined>| {
            let ends = joined.iter().flat_map(|j| {
                let from = j.from.as_ref().filter(|_| way != Way::Up);
                let to = j.to.as_ref().filter(|_| way != Way::Down);
                from.into_iter().chain(to)
            });
            ends.filter_map(|end| distances.get(end)).min().map(|hop| hop + 1)
        };
        self.joined.iter().filter_map(|(e, joined)| Some((*e, hop(joined)?))).collect()
    }
}

/// What the two stores do not agree on within some hops of roots, with the first hop at which it shows.
pub fn differing(
    source: &Raw,
    graph: &Raw,
    roots: &[Handle],
    way: Way,
    hops: u32,
) -> BTreeMap<Element, u32> {
    let all = source.union(graph);
    let distances = all.distances(roots, way);
    let mut found = BTreeMap::new();
    for handle in all.nodes.keys() {
        if source.nodes.get(handle) != graph.nodes.get(handle)
            && let (Some(hop), Some(key)) = (distances.get(handle), handle.strip_prefix('r'))
        {
            found.insert(('n', key.parse().unwrap()), *hop);
        }
    }
    for (element, hop) in all.crossings(&distances, way) {
        if source.line(&element) != graph.line(&element) {
            found.insert(element, hop);
        }
    }
    // A placeholder is right while a stream of either store stands on it: what is wrong is the stream then.
    for handle in graph.placeholders.iter().filter(|handle| !all.is_linked(handle)) {
        if let (Some(hop), Some(atom)) = (distances.get(handle), handle.strip_prefix('a')) {
            found.insert(('p', atom.parse().unwrap()), *hop);
        }
    }
    found.retain(|_, hop| *hop <= hops);
    // A root that one store has alone, and not for the sake of a stream that is found already.
    for (handle, _) in
        distances.iter().filter(|(handle, hop)| **hop == 0 && handle.starts_with('a'))
    {
        let is_wrong = |element: &&Element| source.line(element) != graph.line(element);
        let wrong: Vec<&Element> = all.streams_on(handle).filter(is_wrong).collect();
        let is_lone = graph.placeholders.contains(handle) != source.is_linked(handle);
        if is_lone && !wrong.is_empty() && !wrong.iter().any(|e| found.contains_key(e)) {
            found.insert(('p', handle[1..].parse().unwrap()), 0);
        }
    }
    found
}
