//! A flowchart for Mermaid. Labels are quoted; what means something inside quotes is written as an
//! entity code (Mermaid, "Flowcharts Syntax", "Entity codes to escape characters").

use super::{Lineage, ends, name, plain, row};
use crate::mapping::Mapping;

pub(super) fn text(lineage: &Lineage, mapping: &Mapping) -> String {
    let numbers = lineage.numbers();
    let mut lines = vec!["flowchart LR".to_owned()];
    for (id, (_, node)) in &lineage.nodes {
        let label = format!("{}<br>{}", escaped(&name(node)), escaped(&row(node, mapping)));
        let [open, close] = if lineage.roots.contains(id) { ["[[", "]]"] } else { ["[", "]"] };
        lines.push(format!("  n{}{open}\"{label}\"{close}", numbers[id]));
    }
    for (_, crossed) in &lineage.edges {
        if let (Some(from), Some(to)) = ends(crossed) {
            let label = escaped(&plain(&crossed.name));
            lines.push(format!("  n{} -->|\"{label}\"| n{}", numbers[from], numbers[to]));
        }
    }
    if let Some(cut) = &lineage.cut {
        lines.push(format!("  cut>\"{}\"]", escaped(cut)));
    }
    lines.join("\n")
}

fn escaped(text: &str) -> String {
    let code = |c: char| match c {
        '#' | '"' | '<' | '>' | '&' | '`' | '|' | ';' | '\\' | '*' | '_' => {
            format!("#{};", u32::from(c))
        }
        _ => c.to_string(),
    };
    text.chars().map(code).collect()
}
