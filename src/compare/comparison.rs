//! `provsync compare`: lineage in both stores, from the same roots, hop by hop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::both::{self, Suspects, Walked};
use super::difference::{
    Command, Difference, KEPT_MAX, Kind, Report, State, TableCounts, Thing, Verdict, now,
};
use super::element::{Identity, NodeId, Way};
use super::evidence::{self, Body, How, Root};
use super::roots::{self, Choice};
use super::shown::Shown;
use super::side::{NODES_AT_A_TIME, Scope, Side};
use super::stores::Stores;
use super::walk::{Direction, Ended, HopSum, Limits};
use crate::config::Config;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::mapping::{Mapping, Slot};
use crate::neo4j::lineage::GraphSide;
use crate::reconcile::stores::SourceStore;
use crate::sqlserver::epoch;
use crate::sqlserver::lineage::SourceSide;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where walks begin.
    pub roots: Choice,
    /// Which way they go.
    pub direction: Direction,
    /// How far.
    pub limits: Limits,
    /// Types that are crossed; all, if none is named.
    pub types: Vec<String>,
    /// Whether links (generation streams) are.
    pub streams: bool,
    /// How often a difference is looked at ([`super::settle::Settler::new`]), and how often a walk for an
    /// evidence is made that changes came between.
    pub looks_max: u32,
    /// Where evidence is written.
    pub evidence: Option<PathBuf>,
}

/// How lineage was walked; part of a report, whose JSON form is a contract (`docs/output.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// `down`, `up` or `both`.
    pub direction: Direction,
    /// Hops that were asked for; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u32>,
    /// Types that were crossed; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    /// Whether links were.
    pub streams: bool,
    /// Nodes that it began at.
    pub roots: u64,
    /// Whether a limit ended it before its end.
    pub is_cut: bool,
    /// The first hop at which a difference stands that is real.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_divergent_hop: Option<u32>,
    /// What each store met by itself.
    pub hops: Vec<Hop>,
    /// SHA-256 of the evidence, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// One hop; hop 0 is the roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// What the source met.
    pub source: evidence::Hop,
    /// What the graph met.
    pub graph: evidence::Hop,
}

/// Compares and reports.
///
/// # Errors
/// Whatever keeps it from telling.
pub async fn run(config: &Config, mapping: Mapping, options: &Options) -> Result<Report> {
    let mut stores = Stores::open(config, mapping, options.looks_max).await?;
    Box::pin(stores.compare(options)).await
}

impl Stores {
    async fn compare(&mut self, options: &Options) -> Result<Report> {
        let began = Instant::now();
        let mut report = Report::new(Command::Compare, &self.mapping.digest, &self.id);
        let scope = Scope::new(&self.mapping, &self.registry, &options.types, options.streams)?;
        let changed = match options.roots.changed_since {
            Some(since) => roots::changed(&mut self.source, &self.mapping, since).await?,
            None => BTreeMap::new(),
        };
        let apart = self.source.another();
        let source = std::mem::replace(&mut self.source, apart);
        let (mapping, registry) = (self.mapping.clone(), self.registry.clone());
        let mut graph = GraphSide::new(self.graph.clone(), mapping, &registry, scope.clone());
        let mut source = SourceSide::new(source, self.mapping.clone(), registry, scope.clone());
        let mapping = &self.mapping;
        let roots = roots::find(&mut source, &mut graph, mapping, &options.roots, &changed).await?;
        let mut tries = 0;
        let (walked, differences, versions) = loop {
            tries += 1;
            let source_version = epoch::read_current(source.source()).await?;
            let version = self.settler.checkpoint().await?.version;
            let (direction, limits) = (options.direction, options.limits);
            let walk = both::walk(&mut source, &mut graph, &roots, direction, limits);
            let walked = Box::pin(walk).await?;
            let mut differences = self.settle(&walked.suspects).await?;
            let lone = self.lone_roots(&mut source, &mut graph, &walked.suspects, &differences);
            differences.extend(lone.await?);
            // Evidence is of one state: what was on its way when it was walked makes it worthless.
            let is_blurred = differences.is_empty() && !walked.is_same();
            if options.evidence.is_none() || !is_blurred {
                break (walked, differences, (source_version, version));
            }
            if tries >= options.looks_max {
                return Err(Error::new(
                    ErrorKind::Transient,
                    format!("the stores agree, but changed during each of {tries} walk(s): no evidence of one state can be taken"),
                )
                .hint("take it while nobody writes, of fewer roots and hops, or with more tries (--looks)"));
            }
        };
        report.source_version = Some(epoch::read_current(source.source()).await?);
        report.checkpoint_version = self.settler.checkpoint().await?.version;
        report.tables = tables(&self.mapping, &walked);
        for difference in differences {
            report.add(difference, KEPT_MAX);
        }
        report.close();
        conclude(&mut report, &walked, options, roots.nodes.len());
        let mut walk = walk_of(&report, &walked, options, &scope, roots.nodes.len());
        if let Some(path) = &options.evidence {
            let body = self.body(&report, &walked, &walk, &roots.nodes, versions);
            walk.evidence = Some(evidence::write(path, &body)?);
        }
        report.walk = Some(walk);
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }

    async fn settle(&mut self, suspects: &Suspects) -> Result<Vec<Difference>> {
        let mut all = Vec::new();
        for (slot, keys) in &suspects.keys {
            let found = self.settler.settle(*slot, keys.keys().copied().collect()).await?;
            all.extend(found.into_iter().map(|difference| {
                let hop = difference.key.and_then(|key| keys.get(&key).copied());
                Difference { hop, ..difference }
            }));
        }
        for (slot, bare) in self.bare(suspects) {
            let ids: Vec<Identity> = bare.iter().map(|(id, _)| id.clone()).collect();
            let hops: BTreeMap<Name, u32> = bare.iter().map(|(id, hop)| (name(id), *hop)).collect();
            let found = self.settler.leftovers_among(slot, &ids).await?;
            all.extend(found.into_iter().filter_map(|difference| {
                let hop = leftovers(&difference).find_map(|name| hops.get(&name).copied());
                hop.map(|hop| Difference { hop: Some(hop), ..difference })
            }));
        }
        Ok(all)
    }

    /// Roots without a row that one store has and the other has not, where no difference that the walk met
    /// says why: what makes it so is a link that the walk did not cross.
    async fn lone_roots(
        &mut self,
        source: &mut SourceSide,
        graph: &mut GraphSide,
        suspects: &Suspects,
        found: &[Difference],
    ) -> Result<Vec<Difference>> {
        let leftover: BTreeSet<Name> = found.iter().flat_map(leftovers).collect();
        let rows: BTreeSet<(&str, i64)> =
            found.iter().filter_map(|d| Some((d.table.as_str(), d.key?))).collect();
        let is_open = |id: &NodeId| match id {
            NodeId::Bare(identity) => !leftover.contains(&name(identity)),
            NodeId::Row(..) => false,
        };
        let at_hop_0 = suspects.bare.iter().filter(|(_, hop)| **hop == 0).map(|(id, _)| id);
        let ids: Vec<NodeId> = at_hop_0.filter(|id| is_open(id)).cloned().collect();
        let mut lone = Vec::new();
        for part in ids.chunks(NODES_AT_A_TIME) {
            let mut why = self.links_that_differ(source, graph, part).await?;
            why.retain(|_, differences| {
                let is_found =
                    |d: &Difference| d.key.is_some_and(|key| rows.contains(&(&*d.table, key)));
                !differences.iter().any(is_found)
            });
            let there: BTreeSet<NodeId> =
                graph.nodes(part).await?.into_iter().map(|node| node.id).collect();
            lone.extend(why.into_iter().filter_map(|(id, mut differences)| {
                self.lone_root(&id, differences.swap_remove(0).state, there.contains(&id))
            }));
        }
        Ok(lone)
    }

    /// What differs of the links that stand on some identities in either store, by identity.
    async fn links_that_differ(
        &mut self,
        source: &mut SourceSide,
        graph: &mut GraphSide,
        ids: &[NodeId],
    ) -> Result<BTreeMap<NodeId, Vec<Difference>>> {
        let mut links: BTreeMap<Slot, BTreeMap<i64, Vec<NodeId>>> = BTreeMap::new();
        for way in [Way::Along, Way::Against] {
            let of_source = source.edges(ids, way, usize::MAX).await?;
            for crossed in of_source.into_iter().chain(graph.edges(ids, way, usize::MAX).await?) {
                let of_table = links.entry(crossed.slot).or_default();
                of_table.entry(crossed.key).or_default().push(crossed.near);
            }
        }
        let mut why: BTreeMap<NodeId, Vec<Difference>> = BTreeMap::new();
        for (slot, links) in links {
            for difference in self.settler.settle(slot, links.keys().copied().collect()).await? {
                for id in difference.key.and_then(|key| links.get(&key)).into_iter().flatten() {
                    why.entry(id.clone()).or_default().push(difference.clone());
                }
            }
        }
        Ok(why)
    }

    fn lone_root(&self, id: &NodeId, state: State, in_graph: bool) -> Option<Difference> {
        let NodeId::Bare(identity) = id else { return None };
        let thing = Thing {
            names: vec![identity.label.to_string()],
            identity: Some(Shown::identity(&identity.value)),
            ..Thing::default()
        };
        let table = self.mapping.nodes[identity.table].table.name.to_string();
        let (kind, source, graph) = if in_graph {
            (Kind::LeftoverPlaceholder, None, vec![thing])
        } else {
            (Kind::MissingInGraph, Some(thing), Vec::new())
        };
        Some(Difference { table, key: None, kind, source, graph, state, hop: Some(0) })
    }

    fn bare(&self, suspects: &Suspects) -> Vec<(Slot, Vec<(Identity, u32)>)> {
        let of_table = |table: usize| {
            let bare = suspects.bare.iter().filter_map(|(id, hop)| match id {
                NodeId::Bare(identity) if identity.table == table => {
                    Some(((**identity).clone(), *hop))
                }
                _ => None,
            });
            (Slot::Node(table), bare.collect::<Vec<_>>())
        };
        let tables = (0..self.mapping.nodes.len()).map(of_table);
        tables.filter(|(_, bare)| !bare.is_empty()).collect()
    }

    fn body(
        &self,
        report: &Report,
        walked: &Walked,
        walk: &Walk,
        roots: &[NodeId],
        (source_version, checkpoint_version): (i64, Option<i64>),
    ) -> Body {
        let verdict = serde_json::to_value(report.verdict).unwrap_or_default();
        Body {
            format: Body::FORMAT,
            tool_version: report.tool_version.clone(),
            mapping: report.mapping.clone(),
            owned: self.state.owned.clone(),
            source: report.source.clone(),
            source_version,
            checkpoint_version,
            taken_at: now(),
            verdict: verdict.as_str().unwrap_or_default().to_owned(),
            walk: How {
                direction: walk.direction,
                hops: walk.hops_max,
                types: walk.types.clone(),
                streams: walk.streams,
                is_cut: walk.is_cut,
            },
            roots: roots.iter().map(|id| Root::of(&self.mapping, id)).collect(),
            source_hops: evidence::hops(walked.hops.iter().map(|[source, _]| source)),
            graph_hops: evidence::hops(walked.hops.iter().map(|[_, graph]| graph)),
        }
    }
}

/// What a walk that was cut, or that had nowhere to begin, means for the answer.
fn conclude(report: &mut Report, walked: &Walked, options: &Options, roots: usize) {
    if let (Ended::Limit(limit), hop) = walked.ended {
        report.notes.push(options.limits.said(limit, hop));
        if report.verdict != Verdict::Different {
            report.verdict = Verdict::Unknown;
        }
    }
    if roots == 0 {
        report.notes.push("there is no root: nothing was compared".to_owned());
    }
}

/// What an identity without a row is called in a report.
type Name = (String, Shown);

fn name(identity: &Identity) -> Name {
    (identity.label.to_string(), Shown::identity(&identity.value))
}

/// The identities that a placeholder which is left over stands for.
fn leftovers(difference: &Difference) -> impl Iterator<Item = Name> {
    let is_leftover = difference.kind == Kind::LeftoverPlaceholder;
    let of_thing = |thing: &Thing| {
        let identity = thing.identity.clone();
        let names = thing.names.clone().into_iter();
        names.filter_map(move |name| Some((name, identity.clone()?)))
    };
    difference.graph.iter().filter(move |_| is_leftover).flat_map(of_thing)
}

fn tables(mapping: &Mapping, walked: &Walked) -> Vec<TableCounts> {
    let of = |(slot, [source, graph]): (&Slot, &[u64; 2])| TableCounts {
        table: mapping.table(*slot).name.to_string(),
        source_rows: *source,
        graph_things: *graph,
        quarantined: 0,
    };
    walked.counts.iter().map(of).collect()
}

fn walk_of(
    report: &Report,
    walked: &Walked,
    options: &Options,
    scope: &Scope,
    roots: usize,
) -> Walk {
    let is_real = |d: &&Difference| d.state == State::Real;
    let hop = |[source, graph]: &[HopSum; 2]| Hop {
        source: evidence::Hop::of(source),
        graph: evidence::Hop::of(graph),
    };
    Walk {
        direction: options.direction,
        hops_max: options.limits.hops,
        types: scope.types(),
        streams: scope.has_links(),
        roots: roots as u64,
        is_cut: evidence::is_cut(walked.ended.0),
        first_divergent_hop: report.differences.iter().filter(is_real).filter_map(|d| d.hop).min(),
        hops: walked.hops.iter().map(hop).collect(),
        evidence: None,
    }
}
