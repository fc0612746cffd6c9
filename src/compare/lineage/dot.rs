//! A graph in the DOT language. Labels are double-quoted strings, in which `\` begins an escape and
//! `&` an entity (Graphviz, "The DOT Language" and "escString").

use super::{Lineage, ends, name, plain, row};
use crate::mapping::Mapping;

pub(super) fn text(lineage: &Lineage, mapping: &Mapping) -> String {
    let numbers = lineage.numbers();
    let mut lines = vec!["digraph lineage {".to_owned(), "  rankdir=LR;".to_owned()];
    for (id, (_, node)) in &lineage.nodes {
        let label = format!("{}\\n{}", escaped(&name(node)), escaped(&row(node, mapping)));
        let shape = if lineage.roots.contains(id) { ", penwidth=2" } else { "" };
        lines.push(format!("  n{} [label=\"{label}\"{shape}];", numbers[id]));
    }
    for (_, crossed) in &lineage.edges {
        if let (Some(from), Some(to)) = ends(crossed) {
            let label = escaped(&plain(&crossed.name));
            lines.push(format!("  n{} -> n{} [label=\"{label}\"];", numbers[from], numbers[to]));
        }
    }
    if let Some(cut) = &lineage.cut {
        lines.push(format!("  label=\"{}\";", escaped(cut)));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\"")
}
