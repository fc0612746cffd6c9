//! A tree for a terminal. Each node's relationships are shown once, under the first line that reaches
//! the node with the fewest hops; any other line says that it stands elsewhere, or is a cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lineage, name, plain, row};
use crate::compare::element::{Crossed, NodeId, Way};
use crate::mapping::Mapping;

/// A line that is still to be written: how deep it stands, what was crossed, whether it is the last
/// of its parent's.
struct Line<'a> {
    parents: Vec<bool>,
    crossed: Option<&'a Crossed>,
    id: Option<&'a NodeId>,
    is_last: bool,
    path: Vec<&'a NodeId>,
}

pub(super) fn text(lineage: &Lineage, mapping: &Mapping) -> String {
    let mut children: BTreeMap<&NodeId, Vec<&Crossed>> = BTreeMap::new();
    let mut expanded_by: BTreeMap<&NodeId, *const Crossed> = BTreeMap::new();
    for (hop, crossed) in &lineage.edges {
        children.entry(&crossed.near).or_default().push(crossed);
        if let Some(far) = &crossed.far
            && lineage.nodes.get(far).is_some_and(|(reached, _)| reached == hop)
        {
            expanded_by.entry(far).or_insert(crossed);
        }
    }
    let roots: BTreeSet<&NodeId> =
        lineage.roots.iter().filter(|root| lineage.nodes.contains_key(root)).collect();
    let mut out = String::new();
    let mut stack: Vec<Line<'_>> = Vec::new();
    let root =
        |id| Line { parents: vec![], crossed: None, id: Some(id), is_last: true, path: vec![] };
    stack.extend(roots.into_iter().rev().map(root));
    while let Some(line) = stack.pop() {
        let is_shown_here = match (line.crossed, line.id) {
            (None, _) => true,
            (Some(crossed), Some(id)) => {
                expanded_by.get(id).is_some_and(|by| std::ptr::eq(*by, crossed))
            }
            (Some(_), None) => false,
        };
        out += &written(lineage, mapping, &line, is_shown_here);
        out.push('\n');
        let (Some(id), true) = (line.id, is_shown_here) else { continue };
        let of_node = children.get(id).map(Vec::as_slice).unwrap_or_default();
        let parents: Vec<bool> = match line.crossed {
            None => vec![],
            Some(_) => line.parents.iter().copied().chain([line.is_last]).collect(),
        };
        let path: Vec<&NodeId> = line.path.iter().copied().chain([id]).collect();
        for (i, crossed) in of_node.iter().enumerate().rev() {
            stack.push(Line {
                parents: parents.clone(),
                crossed: Some(crossed),
                id: crossed.far.as_ref(),
                is_last: i + 1 == of_node.len(),
                path: path.clone(),
            });
        }
    }
    if let Some(cut) = &lineage.cut {
        out.extend(["(", cut, ")"]);
    }
    out.truncate(out.trim_end().len());
    out
}

fn written(lineage: &Lineage, mapping: &Mapping, line: &Line<'_>, is_shown_here: bool) -> String {
    let node = line.id.and_then(|id| lineage.nodes.get(id));
    let node = match node {
        Some((_, node)) => format!("{} ({})", name(node), row(node, mapping)),
        None => "(what is not provsync's)".to_owned(),
    };
    let Some(crossed) = line.crossed else { return node };
    let indent: String =
        line.parents.iter().map(|is_last| if *is_last { "   " } else { "│  " }).collect();
    let branch = if line.is_last { "└─" } else { "├─" };
    let name = plain(&crossed.name);
    let arrow = match crossed.way {
        Way::Along => format!("{name}→"),
        Way::Against => format!("←{name}"),
    };
    let mark = match line.id {
        Some(_) if is_shown_here => "",
        Some(id) if line.path.contains(&id) => "  (cycle)",
        Some(_) => "  (shown elsewhere)",
        None => "",
    };
    format!("{indent}{branch}{arrow} {node}{mark}")
}
