//! What constraints and indexes the database has, and where a required one stands among them.

use neo4rs::BoltType;

use super::{ItemKind, PREFIX, SchemaItem};
use crate::error::Result;
use crate::mapping::names::quote_cypher as q;
use crate::neo4j::{Graph, Statement, list, values};

/// Types of constraints that make properties unique: of all versions, and node and relationship keys
/// (Enterprise), which are unique too. A uniqueness constraint on fewer properties would be enough
/// for uniqueness as well, but seeks are planned by exactly the required ones.
const UNIQUE: [&str; 6] = [
    "UNIQUENESS",
    "RELATIONSHIP_UNIQUENESS",
    "NODE_PROPERTY_UNIQUENESS",
    "RELATIONSHIP_PROPERTY_UNIQUENESS",
    "NODE_KEY",
    "RELATIONSHIP_KEY",
];

/// The state of an index, its own or a constraint's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IndexState {
    /// Statements seek by it.
    Online,
    /// It is being filled, to this many percent.
    Populating(f64),
    /// The server could not fill it.
    Failed,
}

/// A constraint or an index of the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Existing {
    /// Its name.
    pub name: String,
    /// `UNIQUENESS`, `RANGE`, … as the server says.
    pub kind: String,
    /// Whether it is a constraint; its index is then part of it.
    pub is_constraint: bool,
    /// Whether it is on relationships.
    pub on_relationships: bool,
    /// Labels or relationship types.
    pub of: Vec<String>,
    /// Properties, in the order of the index.
    pub properties: Vec<String>,
    /// Of the index, or of the constraint's index; a constraint without an index is online.
    pub state: IndexState,
}

impl Existing {
    /// What a required item becomes in a database without anything in its way.
    pub fn made_from(item: &SchemaItem) -> Self {
        let kind = match (item.kind, item.on_relationships) {
            (ItemKind::Unique, false) => "UNIQUENESS",
            (ItemKind::Unique, true) => "RELATIONSHIP_UNIQUENESS",
            (ItemKind::Index, _) => "RANGE",
        };
        Self {
            name: item.name.clone(),
            kind: kind.to_owned(),
            is_constraint: item.kind == ItemKind::Unique,
            on_relationships: item.on_relationships,
            of: vec![item.of.clone()],
            properties: item.properties.clone(),
            state: IndexState::Online,
        }
    }

    /// Whether provsync gave it its name.
    pub fn is_named_by_provsync(&self) -> bool {
        self.name.starts_with(PREFIX)
    }

    /// Whether it makes its properties unique.
    pub fn is_unique(&self) -> bool {
        self.is_constraint && UNIQUE.contains(&self.kind.as_str())
    }

    fn is_on(&self, item: &SchemaItem) -> bool {
        self.on_relationships == item.on_relationships
            && self.of == [item.of.as_str()]
            && self.properties == item.properties
    }

    /// A uniqueness constraint brings the index that an item asks for.
    fn fits(&self, item: &SchemaItem) -> bool {
        let is_index = item.kind == ItemKind::Index && self.is_range_index();
        self.is_on(item) && (self.is_unique() || is_index)
    }

    fn is_range_index(&self) -> bool {
        !self.is_constraint && self.kind == "RANGE"
    }

    /// The statement that removes it.
    pub fn drop(&self) -> String {
        let what = if self.is_constraint { "CONSTRAINT" } else { "INDEX" };
        format!("DROP {what} {}", q(&self.name))
    }

    /// For people: `the index x (RANGE on Atom nodes, atomId)`.
    fn describe(&self) -> String {
        let what = if self.is_constraint { "constraint" } else { "index" };
        let entity = if self.on_relationships { "relationships" } else { "nodes" };
        let (of, properties) = (self.of.join("|"), self.properties.join(", "));
        format!("the {what} {} ({} on {of} {entity}, {properties})", self.name, self.kind)
    }
}

/// Where a required item stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is there, and statements seek by it.
    Online,
    /// Its index is being filled, to this many percent.
    Populating(f64),
    /// Nothing is there, and nothing is in its way.
    Missing,
    /// It can't be made, or can't be used, until something is removed.
    Blocked {
        /// Why, with the name of what is in the way.
        why: String,
        /// The statement that removes it.
        fix: String,
    },
}

/// Where a required item stands among what the database has. Pure.
pub fn standing(item: &SchemaItem, existing: &[Existing]) -> Standing {
    if let Some(found) = existing.iter().find(|e| e.fits(item)) {
        return match found.state {
            IndexState::Online => Standing::Online,
            IndexState::Populating(percent) => Standing::Populating(percent),
            IndexState::Failed => {
                let why = format!("the server could not fill the index of {}", found.describe());
                Standing::Blocked { why, fix: found.drop() }
            }
        };
    }
    let takes_name = |e: &&Existing| e.name == item.name;
    let takes_place =
        |e: &&Existing| item.kind == ItemKind::Unique && e.is_range_index() && e.is_on(item);
    let name = existing.iter().find(takes_name).map(|e| (e, "already has the name"));
    let place = existing.iter().find(takes_place).map(|e| (e, "is in the way of the constraint"));
    match name.or(place) {
        None => Standing::Missing,
        // While another session makes a constraint, its index is listed without its owner.
        Some((Existing { state: IndexState::Populating(percent), .. }, _)) => {
            Standing::Populating(*percent)
        }
        Some((other, does)) => {
            Standing::Blocked { why: format!("{} {does}", other.describe()), fix: other.drop() }
        }
    }
}

const CONSTRAINTS: &str =
    "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties, ownedIndex
RETURN [name, type, entityType = 'RELATIONSHIP', labelsOrTypes, properties, ownedIndex] AS row";
const INDEXES: &str = "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, state, populationPercent
RETURN [name, type, entityType = 'RELATIONSHIP', labelsOrTypes, properties, state, populationPercent] AS row";

/// Every constraint and index of the database, whoever made it.
pub async fn read(graph: &Graph) -> Result<Vec<Existing>> {
    let mut constraints = Vec::new();
    graph
        .read(Statement::new(CONSTRAINTS), |row| {
            let cells = list(&row)?;
            constraints.push((parse(&cells, true), text(&cells, 5)));
            Ok(())
        })
        .await?;
    let mut indexes = Vec::new();
    graph
        .read(Statement::new(INDEXES), |row| {
            let cells = list(&row)?;
            let state = match text(&cells, 5).as_str() {
                "ONLINE" => IndexState::Online,
                "FAILED" => IndexState::Failed,
                _ => IndexState::Populating(cells.get(6).and_then(number).unwrap_or_default()),
            };
            indexes.push(Existing { state, ..parse(&cells, false) });
            Ok(())
        })
        .await?;
    Ok(with_own_indexes(constraints, indexes))
}

/// Constraints take the state of the index that each owns; other indexes stand for themselves.
fn with_own_indexes(
    constraints: Vec<(Existing, String)>,
    mut indexes: Vec<Existing>,
) -> Vec<Existing> {
    let mut all = Vec::new();
    for (constraint, own) in constraints {
        let index = indexes.iter().position(|index| index.name == own);
        let state = match index.map(|at| indexes.swap_remove(at)) {
            Some(index) => index.state,
            None if own.is_empty() => IndexState::Online,
            // The constraint was dropped between the two statements.
            None => IndexState::Populating(0.0),
        };
        all.push(Existing { state, ..constraint });
    }
    all.extend(indexes);
    all
}

fn parse(cells: &[BoltType], is_constraint: bool) -> Existing {
    Existing {
        name: text(cells, 0),
        kind: text(cells, 1),
        is_constraint,
        on_relationships: cells.get(2).is_some_and(values::boolean),
        of: texts(cells.get(3)),
        properties: texts(cells.get(4)),
        state: IndexState::Online,
    }
}

fn text(cells: &[BoltType], index: usize) -> String {
    cells.get(index).and_then(values::text).unwrap_or_default().to_owned()
}

/// Empty where there is no list, as of the index that finds labels.
fn texts(cell: Option<&BoltType>) -> Vec<String> {
    let Some(BoltType::List(list)) = cell else { return Vec::new() };
    list.value.iter().map(|v| values::text(v).unwrap_or_default().to_owned()).collect()
}

fn number(cell: &BoltType) -> Option<f64> {
    if let BoltType::Float(float) = cell { Some(float.value) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn atom() -> SchemaItem {
        SchemaItem::unique_node("Atom", &["atomId"])
    }

    fn index(name: &str, state: IndexState) -> Existing {
        Existing {
            name: name.into(),
            kind: "RANGE".into(),
            is_constraint: false,
            state,
            ..Existing::made_from(&atom())
        }
    }

    fn blocked(existing: &[Existing]) -> (String, String) {
        match standing(&atom(), existing) {
            Standing::Blocked { why, fix } => (why, fix),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_the_same_kind_entity_label_and_properties_fit() {
        let right = Existing::made_from(&atom());
        assert_eq!(
            standing(&atom(), &[Existing { name: "other".into(), ..right.clone() }]),
            Standing::Online
        );
        let other = Existing { name: "other".into(), ..right };
        for wrong in [
            Existing { kind: "NODE_PROPERTY_EXISTENCE".into(), ..other.clone() },
            Existing { on_relationships: true, ..other.clone() },
            Existing { of: vec!["Model".into()], ..other.clone() },
            Existing { properties: vec!["atomId".into(), "x".into()], ..other.clone() },
        ] {
            assert_eq!(standing(&atom(), &[wrong]), Standing::Missing);
        }
    }

    #[test]
    fn a_name_that_is_taken_and_an_index_in_the_way_are_named_with_what_removes_them() {
        let mut taken = Existing::made_from(&SchemaItem::unique_relationship("KNOWS", &["a`b"]));
        taken.name = atom().name;
        let (why, fix) = blocked(&[taken]);
        assert!(why.contains("KNOWS") && why.contains("already has the name"), "{why}");
        assert_eq!(fix, "DROP CONSTRAINT `provsync_node_Atom_atomId`");
        let (why, fix) = blocked(&[index("by `id`", IndexState::Online)]);
        assert!(why.contains("by `id`") && why.contains("in the way"), "{why}");
        assert_eq!(fix, "DROP INDEX `by ``id```");
    }

    #[test]
    fn what_is_being_filled_is_waited_for_and_what_failed_is_not() {
        let constraint = |state| Existing { state, ..Existing::made_from(&atom()) };
        assert_eq!(
            standing(&atom(), &[constraint(IndexState::Populating(7.0))]),
            Standing::Populating(7.0)
        );
        let making = index("provsync_node_Atom_atomId", IndexState::Populating(9.0));
        assert_eq!(standing(&atom(), &[making]), Standing::Populating(9.0));
        let (why, fix) = blocked(&[constraint(IndexState::Failed)]);
        assert!(why.contains("could not fill"), "{why}");
        assert_eq!(fix, "DROP CONSTRAINT `provsync_node_Atom_atomId`");
    }

    #[test]
    fn an_index_is_there_too_where_a_constraint_brings_it() {
        let item = SchemaItem::node_index("Atom", &["atomId"]);
        assert_eq!(standing(&item, &[index("x", IndexState::Online)]), Standing::Online);
        assert_eq!(standing(&item, &[Existing::made_from(&atom())]), Standing::Online);
        let text = Existing { kind: "TEXT".into(), ..index("x", IndexState::Online) };
        assert_eq!(standing(&item, &[text]), Standing::Missing);
    }
}
