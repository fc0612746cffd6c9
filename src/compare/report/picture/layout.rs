//! Where each thing of a picture stands: a hop is a column, an arrow a curve beside others between
//! the same two.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Arrow, Draft, Side, words};

/// All lengths are SVG's user units.
const COLUMN: f64 = 280.0;
const ROW: f64 = 90.0;
const MARGIN: f64 = 70.0;
/// From a shape's middle to where arrows begin and end.
const RADIUS: f64 = 20.0;
/// Between the middles of curves beside each other.
const BEND: f64 = 34.0;

/// A picture as the page draws it.
#[derive(Debug, Serialize)]
pub(in crate::compare::report) struct Picture {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Positions and names of columns; none where hops are not known.
    pub(super) columns: Vec<(f64, String)>,
    pub(super) shapes: Vec<Shape>,
    pub(super) curves: Vec<Curve>,
    pub(super) left_out: usize,
}

/// A node.
#[derive(Debug, Serialize)]
pub(super) struct Shape {
    pub(super) side: Side,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) label: String,
    pub(super) words: String,
    pub(super) link: Option<String>,
}

/// A relationship.
#[derive(Debug, Serialize)]
pub(super) struct Curve {
    pub(super) side: Side,
    /// SVG path data.
    pub(super) path: String,
    /// The middle, where its mark and its label stand.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) label: String,
    pub(super) words: String,
    pub(super) link: Option<String>,
}

pub(super) fn picture(draft: Draft) -> Picture {
    let columns = columns(&draft);
    let positions = positions(&draft, &columns);
    let hops_known = draft.spots.iter().any(|spot| spot.hop.is_some());
    let last = columns.iter().copied().max().unwrap_or(0);
    let names = (0..=last).filter(|_| hops_known);
    let mut beside: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    let curves = draft.arrows.iter().map(|arrow| {
        let among = beside.entry((arrow.from.min(arrow.to), arrow.from.max(arrow.to))).or_default();
        *among += 1;
        curve(arrow, &positions, *among - 1)
    });
    let curves = curves.collect();
    let down = positions.iter().map(|(_, y)| *y).fold(0.0, f64::max);
    Picture {
        width: 2.0 * MARGIN + COLUMN * f64::from(last) + COLUMN / 2.0,
        height: down + MARGIN,
        columns: names.map(|hop| (x_of(hop), format!("hop {hop}"))).collect(),
        shapes: draft
            .spots
            .into_iter()
            .zip(positions)
            .map(|(spot, (x, y))| Shape {
                side: spot.side,
                x,
                y,
                words: words(spot.side, &spot.label),
                label: spot.label,
                link: spot.link,
            })
            .collect(),
        curves,
        left_out: draft.left_out,
    }
}

fn x_of(column: i32) -> f64 {
    MARGIN + COLUMN / 4.0 + COLUMN * f64::from(column)
}

/// A column for each spot: its hop if that is known, else one beside the spots that it is joined to,
/// ends to the right of beginnings.
fn columns(draft: &Draft) -> Vec<i32> {
    let known = |hop: Option<u32>| hop.and_then(|hop| i32::try_from(hop).ok());
    let mut columns: Vec<Option<i32>> = draft.spots.iter().map(|spot| known(spot.hop)).collect();
    for arrow in &draft.arrows {
        if let (Some(hop), None, None) = (known(arrow.hop), columns[arrow.from], columns[arrow.to])
        {
            columns[arrow.from] = Some((hop - 1).max(0));
        }
    }
    loop {
        spread(draft, &mut columns);
        let Some(first) = unreached(draft, &columns) else { break };
        columns[first] = Some(0);
    }
    let left = columns.iter().flatten().copied().min().unwrap_or(0).min(0);
    columns.iter().map(|column| column.unwrap_or(0) - left).collect()
}

/// Gives a column to all that is joined to something that has one.
fn spread(draft: &Draft, columns: &mut [Option<i32>]) {
    let mut moved = true;
    while moved {
        moved = false;
        for arrow in &draft.arrows {
            match (columns[arrow.from], columns[arrow.to]) {
                (Some(from), None) => columns[arrow.to] = Some(from + 1),
                (None, Some(to)) => columns[arrow.from] = Some(to - 1),
                _ => continue,
            }
            moved = true;
        }
    }
}

/// A spot without a column, if possible one where nothing ends.
fn unreached(draft: &Draft, columns: &[Option<i32>]) -> Option<usize> {
    let mut without = (0..columns.len()).filter(|spot| columns[*spot].is_none());
    let is_end = |spot: usize| draft.arrows.iter().any(|arrow| arrow.to == spot);
    let first = without.next()?;
    if is_end(first) { without.find(|spot| !is_end(*spot)).or(Some(first)) } else { Some(first) }
}

/// From the top down in each column, beside the middle of what stands to the left.
fn positions(draft: &Draft, columns: &[i32]) -> Vec<(f64, f64)> {
    let mut positions = vec![(0.0, 0.0); columns.len()];
    for column in 0..=columns.iter().copied().max().unwrap_or(0) {
        let mut spots: Vec<usize> =
            (0..columns.len()).filter(|spot| columns[*spot] == column).collect();
        spots.sort_by(|a, b| {
            let middle = |spot| middle_of_left(draft, columns, &positions, spot);
            middle(*a).total_cmp(&middle(*b))
        });
        let mut y = MARGIN + ROW / 2.0;
        for spot in spots {
            positions[spot] = (x_of(column), y);
            y += ROW;
        }
    }
    positions
}

fn middle_of_left(draft: &Draft, columns: &[i32], positions: &[(f64, f64)], spot: usize) -> f64 {
    let neighbour = |arrow: &Arrow| {
        let other = if arrow.from == spot { arrow.to } else { arrow.from };
        let is_ours = arrow.from == spot || arrow.to == spot;
        (is_ours && columns[other] < columns[spot]).then(|| positions[other].1)
    };
    let (sum, count) = draft
        .arrows
        .iter()
        .filter_map(neighbour)
        .fold((0.0, 0.0), |(sum, count): (f64, f64), y| (sum + y, count + 1.0));
    if count > 0.0 { sum / count } else { f64::MAX }
}

/// The curve of an arrow that has `among` others between the same two before it.
fn curve(arrow: &Arrow, positions: &[(f64, f64)], among: u32) -> Curve {
    let ((x1, y1), (x2, y2)) = (positions[arrow.from], positions[arrow.to]);
    let (path, (x, y)) = if arrow.from == arrow.to {
        loop_at(x1, y1, among)
    } else {
        between((x1, y1), (x2, y2), bend(among, (x1 - x2).abs() < 1.0, arrow.from > arrow.to))
    };
    let words = words(arrow.side, &arrow.label);
    Curve {
        side: arrow.side,
        path,
        x,
        y,
        label: arrow.label.clone(),
        words,
        link: arrow.link.clone(),
    }
}

/// How far to the side a curve bends: none, then by turns to either. Within a column it bends round
/// what stands between; which side is which does not depend on the direction.
fn bend(among: u32, within_column: bool, is_turned: bool) -> f64 {
    let step = f64::from(among.div_ceil(2)) * if among % 2 == 1 { 1.0 } else { -1.0 };
    let bend = BEND * (step + if within_column { 1.5 } else { 0.0 });
    if is_turned { -bend } else { bend }
}

fn between((x1, y1): (f64, f64), (x2, y2): (f64, f64), bend: f64) -> (String, (f64, f64)) {
    let length = (x2 - x1).hypot(y2 - y1).max(1.0);
    let (across_x, across_y) = ((y1 - y2) / length, (x2 - x1) / length);
    // A quadratic curve passes its control point at half the distance.
    let (cx, cy) = (
        f64::midpoint(x1, x2) + 2.0 * bend * across_x,
        f64::midpoint(y1, y2) + 2.0 * bend * across_y,
    );
    let (sx, sy) = towards((x1, y1), (cx, cy), RADIUS);
    let (ex, ey) = towards((x2, y2), (cx, cy), RADIUS + 4.0);
    let path = format!("M{sx:.0} {sy:.0} Q{cx:.0} {cy:.0} {ex:.0} {ey:.0}");
    (path, (f64::midpoint(f64::midpoint(sx, ex), cx), f64::midpoint(f64::midpoint(sy, ey), cy)))
}

fn towards((x, y): (f64, f64), (to_x, to_y): (f64, f64), by: f64) -> (f64, f64) {
    let length = (to_x - x).hypot(to_y - y).max(1.0);
    (x + (to_x - x) / length * by, y + (to_y - y) / length * by)
}

fn loop_at(x: f64, y: f64, among: u32) -> (String, (f64, f64)) {
    let high = 40.0 + 14.0 * f64::from(among);
    let top = y - RADIUS - high;
    let path = format!(
        "M{:.0} {:.0} C{:.0} {top:.0} {:.0} {top:.0} {:.0} {:.0}",
        x - 10.0,
        y - RADIUS,
        x - high,
        x + high,
        x + 10.0,
        y - RADIUS - 4.0
    );
    (path, (x, y - RADIUS - 0.75 * high))
}
