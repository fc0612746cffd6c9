//! What of a report is drawn: the nodes and relationships on which the stores do not agree, those
//! nearest to the roots first, and what both have next to them.

mod layout;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::view::id;
use crate::compare::difference::{Difference, Kind, Near, Report, Thing};
use crate::compare::lookup::{Place, Reference};
use crate::compare::shown::{Shown, escape};

pub(super) use layout::Picture;

/// Nodes that are drawn: more can't be read.
const SPOTS_MAX: usize = 60;
/// Relationships that are drawn.
const ARROWS_MAX: usize = 120;

/// Which store has a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// Both, and they agree.
    #[default]
    Both,
    /// Both, and they do not agree.
    Differs,
    /// The source alone.
    Source,
    /// The graph alone.
    Graph,
}

impl Side {
    fn words(self) -> &'static str {
        match self {
            Self::Both => "in both",
            Self::Differs => "in both, and different",
            Self::Source => "in the source only",
            Self::Graph => "in the graph only",
        }
    }
}

/// Places on a picture, before they have a position.
#[derive(Debug, Default)]
struct Draft {
    spots: Vec<Spot>,
    arrows: Vec<Arrow>,
    /// Spots by the first name of each.
    found: BTreeMap<String, usize>,
    /// All names of each node that is known by several: the first of them.
    first_names: BTreeMap<String, String>,
    /// Differences for which there is no room.
    left_out: usize,
}

#[derive(Debug, Default)]
struct Spot {
    side: Side,
    label: String,
    hop: Option<u32>,
    /// The difference that it is about.
    link: Option<String>,
}

#[derive(Debug)]
struct Arrow {
    side: Side,
    label: String,
    from: usize,
    to: usize,
    hop: Option<u32>,
    link: Option<String>,
}

/// The picture of a report; `None` if there is nothing to draw.
pub(super) fn picture(report: &Report) -> Option<Picture> {
    let mut draft = Draft { first_names: first_names(report), ..Draft::default() };
    let mut places: Vec<usize> = (0..report.differences.len()).collect();
    // Nodes first: their relationships then end at what is known of them.
    let is_node = |place: &usize| !is_relationship(&report.differences[*place]);
    places.sort_by_key(|place| (report.differences[*place].hop, !is_node(place)));
    let mut drawn = BTreeSet::new();
    for place in places {
        let difference = &report.differences[place];
        let is_again =
            difference.key.is_some() && !drawn.insert((&difference.table, difference.key));
        if !is_again {
            draft.add(report, place, difference);
        }
    }
    for near in &report.around {
        draft.add_near(report, near);
    }
    (!draft.spots.is_empty()).then(|| layout::picture(draft))
}

/// A node's row key is one name of it, its identity under each label another: relationships of edge
/// tables end at the one, those of link tables at the other.
fn first_names(report: &Report) -> BTreeMap<String, String> {
    let of_near = report.around.iter().map(|near| (&near.table, Some(near.key), vec![&near.thing]));
    let of_differences = report.differences.iter().map(|difference| {
        let things = difference.source.iter().chain(&difference.graph).collect();
        (&difference.table, difference.key, things)
    });
    let mut first_names = BTreeMap::new();
    for (table, key, things) in of_near.chain(of_differences) {
        let names = names(report, table, key, &things);
        for name in names.iter().skip(1) {
            first_names.entry(name.clone()).or_insert_with(|| names[0].clone());
        }
    }
    first_names
}

fn is_relationship(difference: &Difference) -> bool {
    let things = difference.source.iter().chain(&difference.graph);
    things.into_iter().any(|thing| thing.from.is_some() || thing.to.is_some())
}

impl Draft {
    fn add(&mut self, report: &Report, place: usize, difference: &Difference) {
        let link = Some(id(place));
        if !is_relationship(difference) {
            let things: Vec<&Thing> = difference.source.iter().chain(&difference.graph).collect();
            let side = match difference.kind {
                Kind::MissingInGraph => Side::Source,
                Kind::ExtraInGraph | Kind::WrongKey { .. } | Kind::LeftoverPlaceholder => {
                    Side::Graph
                }
                _ => Side::Differs,
            };
            let names = names(report, &difference.table, difference.key, &things);
            match self.spot(&names, || label(things.first().copied(), difference.key)) {
                Some(spot) => self.mark(spot, side, difference.hop, link),
                None => self.left_out += 1,
            }
            return;
        }
        for (side, thing) in sides(difference) {
            let arrow = (side, difference.key, difference.hop, link.clone());
            if !self.arrow(report, &difference.table, thing, arrow) {
                self.left_out += 1;
            }
        }
    }

    /// What both have is drawn as far as there is room.
    fn add_near(&mut self, report: &Report, near: &Near) {
        if near.thing.from.is_some() || near.thing.to.is_some() {
            let arrow = (Side::Both, Some(near.key), near.hop, None);
            self.arrow(report, &near.table, &near.thing, arrow);
            return;
        }
        let names = names(report, &near.table, Some(near.key), &[&near.thing]);
        let label = || label(Some(&near.thing), Some(near.key));
        if let Some(spot) = self.spot(&names, label) {
            // Until now it may have been known as a relationship's end alone.
            if self.spots[spot].link.is_none() {
                self.spots[spot].label = label();
            }
            self.mark(spot, Side::Both, near.hop, None);
        }
    }

    fn mark(&mut self, spot: usize, side: Side, hop: Option<u32>, link: Option<String>) {
        let spot = &mut self.spots[spot];
        spot.side = spot.side.max(side);
        spot.hop = spot.hop.or(hop);
        spot.link = spot.link.take().or(link);
    }

    /// The spot of any of these names, or a new one; `None` if there is no room.
    fn spot(&mut self, names: &[String], label: impl FnOnce() -> String) -> Option<usize> {
        let name = names.first()?;
        let name = self.first_names.get(name).unwrap_or(name);
        if let Some(spot) = self.found.get(name) {
            return Some(*spot);
        }
        if self.spots.len() >= SPOTS_MAX {
            return None;
        }
        self.found.insert(name.clone(), self.spots.len());
        self.spots.push(Spot { label: label(), ..Spot::default() });
        Some(self.spots.len() - 1)
    }

    fn arrow(
        &mut self,
        report: &Report,
        table: &str,
        thing: &Thing,
        (side, key, hop, link): (Side, Option<i64>, Option<u32>, Option<String>),
    ) -> bool {
        if self.arrows.len() >= ARROWS_MAX {
            return false;
        }
        let end = |place: fn(&Place) -> Option<&Reference>, value: &Option<Shown>| {
            let reference = report.lookups.get(table).and_then(|lookup| place(&lookup.place));
            end_name(reference, value.as_ref())
        };
        let from = end(
            |place| if let Place::Between { from, .. } = place { Some(from) } else { None },
            &thing.from,
        );
        let to = end(
            |place| if let Place::Between { to, .. } = place { Some(to) } else { None },
            &thing.to,
        );
        let ends = [(from, &thing.from), (to, &thing.to)].map(|(name, value)| {
            let value = value.as_ref().map_or("?".to_owned(), Shown::to_string);
            let label = name.split_once('\n').map(|(label, _)| escape(label));
            self.spot(&[name], || [label.unwrap_or_default(), value].join(" "))
        });
        let [Some(from), Some(to)] = ends else { return false };
        let label = label(Some(thing), key);
        self.arrows.push(Arrow { side, label, from, to, hop, link });
        true
    }
}

/// What of a relationship that differs is drawn on which side.
fn sides(difference: &Difference) -> Vec<(Side, &Thing)> {
    let source = || difference.source.iter().map(|thing| (Side::Source, thing));
    let graph = || difference.graph.iter().map(|thing| (Side::Graph, thing));
    match &difference.kind {
        Kind::Property { .. } => {
            let either = difference.source.iter().chain(&difference.graph).next();
            either.map(|thing| (Side::Differs, thing)).into_iter().collect()
        }
        Kind::Doubled { name } => graph().filter(|(_, thing)| thing.names.contains(name)).collect(),
        Kind::StillInQuarantine { .. } => graph().map(|(_, thing)| (Side::Both, thing)).collect(),
        _ => source().chain(graph()).collect(),
    }
}

/// All that a node may be found by: its row key, and its identity under each of its labels.
fn names(report: &Report, table: &str, key: Option<i64>, things: &[&Thing]) -> Vec<String> {
    let place = report.lookups.get(table).map(|lookup| &lookup.place);
    let Some(Place::Node { key: by_key, identity }) = place else {
        return key.map(|key| format!("{table} {key}")).into_iter().collect();
    };
    let mut names: Vec<String> =
        key.iter().map(|key| name(&by_key.label, &by_key.property, &key.to_string())).collect();
    for thing in things {
        if let Some(value) = &thing.identity {
            names.extend(thing.names.iter().map(|label| name(label, identity, &value.to_string())));
        }
    }
    names
}

fn name(label: &str, property: &str, value: &str) -> String {
    format!("{label}\n{property}\n{value}")
}

fn end_name(reference: Option<&Reference>, value: Option<&Shown>) -> String {
    let value = value.map_or("?".to_owned(), Shown::to_string);
    match reference {
        Some(by) => name(&by.label, &by.property, &value),
        None => value,
    }
}

/// `Atom 28 · row 128`, `DERIVED_FROM · row 1041`.
fn label(thing: Option<&Thing>, key: Option<i64>) -> String {
    let names = |thing: &Thing| escape(&thing.names.join(":"));
    let head = thing.map(|thing| match &thing.identity {
        Some(identity) => format!("{} {identity}", names(thing)),
        None => names(thing),
    });
    let row = key.map(|key| format!("row {key}"));
    let parts: Vec<String> = head.into_iter().chain(row).filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// A thing in words, for those who do not see the picture.
fn words(side: Side, label: &str) -> String {
    format!("{label}: {}", side.words())
}

#[cfg(test)]
mod tests;
