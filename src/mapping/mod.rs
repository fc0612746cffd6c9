//! What becomes what: tables, keys, columns and types as data.
//!
//! [`parse`] turns the TOML into a checked [`Mapping`]; SQL and Cypher are built from it in one
//! place each ([`crate::sqlserver::statements`], [`crate::neo4j::cypher`]).

pub mod names;
pub mod parse;
pub mod registry;
pub mod shape;

pub use registry::Registry;
pub use shape::Shape;

/// Labels that provsync keeps for itself.
pub const RESERVED_NAMES: [&str; 2] = ["ProvsyncCheckpoint", "ProvsyncQuarantine"];

/// The default mapping, embedded so that the binary needs no file.
pub const DEFAULT: &str = include_str!("../../mappings/default.toml");

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Tables whose rows become nodes.
    pub nodes: Vec<NodeTable>,
    /// Edge tables (AS EDGE) whose rows become relationships between nodes of [`Mapping::nodes`].
    pub edges: Vec<EdgeTable>,
    /// Ordinary tables whose rows become relationships between identities.
    pub links: Vec<LinkTable>,
    /// How many types that are not listed may be added by themselves, over all tables.
    pub automatic_types_max: usize,
    /// SHA-256 of the mapping's meaning, in hex; stands on the checkpoint.
    pub digest: String,
}

/// What every mapped table has.
#[derive(Clone, Debug)]
pub struct Table {
    /// Schema and name at the source.
    pub name: TableName,
    /// Row key column: an integer, the whole primary key.
    pub key: String,
    /// Property that carries the row key in the graph.
    pub key_property: String,
    /// Columns that become properties, beside key, type and identity.
    pub columns: Vec<Column>,
    /// Whether changes are tracked.
    pub tracking: Tracking,
}

/// `schema.table`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// How a table's changes are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// SQL Server change tracking.
    ChangeTracking,
    /// None: only a full carries the table.
    None,
}

/// A column and the property it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Column at the source.
    pub column: String,
    /// Property in the graph.
    pub property: String,
    /// How the value is read and what it becomes.
    pub kind: ColumnKind,
}

/// How a column is read; the property's type follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// tinyint, smallint, int, bigint → INTEGER.
    Integer,
    /// bit → BOOLEAN.
    Boolean,
    /// real → FLOAT, the shortest decimal that reads back as the same REAL; float → FLOAT.
    Float,
    /// decimal, numeric, money → STRING, exact.
    Decimal,
    /// Any text or JSON → STRING.
    Text,
    /// datetime2, datetime that holds UTC, or datetimeoffset → ZONED DATETIME in UTC.
    Utc,
    /// datetime2, datetime of no known zone → LOCAL DATETIME.
    Local,
    /// date → DATE.
    Date,
    /// binary, varbinary → STRING of hex.
    Hex,
    /// uniqueidentifier → STRING.
    Guid,
}

/// A table whose rows become nodes.
#[derive(Clone, Debug)]
pub struct NodeTable {
    /// Table, key, columns.
    pub table: Table,
    /// Label of every node of this table, beside its type's label.
    pub label: String,
    /// Label of a node that stands for an identity without a row (R7).
    pub placeholder: String,
    /// Column that, with the type, is the identity.
    pub identity: Column,
    /// Type column and the labels of its values.
    pub types: TypeColumn,
}

/// A table whose rows become relationships between rows of node tables.
#[derive(Clone, Debug)]
pub struct EdgeTable {
    /// Table, key, columns.
    pub table: Table,
    /// Index in [`Mapping::nodes`] of the table where edges begin.
    pub from: usize,
    /// Index in [`Mapping::nodes`] of the table where edges end.
    pub to: usize,
    /// Type column and the relationship types of its values.
    pub types: TypeColumn,
}

/// A table whose rows become relationships between identities that two columns name.
#[derive(Clone, Debug)]
pub struct LinkTable {
    /// Table, key, columns.
    pub table: Table,
    /// Relationship type of every row.
    pub relationship: String,
    /// Column that names the identity where it begins.
    pub from_column: String,
    /// Column that names the identity where it ends.
    pub to_column: String,
    /// Index in [`Mapping::nodes`] of the table that the identities belong to.
    pub nodes: usize,
    /// Label of both ends, one of the node table's types.
    pub label: String,
}

/// A type column: its values name labels or relationship types.
#[derive(Clone, Debug)]
pub struct TypeColumn {
    /// Column at the source, text.
    pub column: String,
    /// Property that keeps the value as it is written at the source.
    pub property: String,
    /// Value at the source and its name in the graph.
    pub listed: Vec<(String, String)>,
}

/// Which kind of thing a table's rows become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// [`Mapping::nodes`] at this index.
    Node(usize),
    /// [`Mapping::edges`] at this index.
    Edge(usize),
    /// [`Mapping::links`] at this index.
    Link(usize),
}

impl Mapping {
    /// All tables in the order in which a full carries them.
    pub fn slots(&self) -> Vec<Slot> {
        let nodes = (0..self.nodes.len()).map(Slot::Node);
        let edges = (0..self.edges.len()).map(Slot::Edge);
        let links = (0..self.links.len()).map(Slot::Link);
        nodes.chain(edges).chain(links).collect()
    }

    /// The table of a slot.
    pub fn table(&self, slot: Slot) -> &Table {
        match slot {
            Slot::Node(i) => &self.nodes[i].table,
            Slot::Edge(i) => &self.edges[i].table,
            Slot::Link(i) => &self.links[i].table,
        }
    }

    /// The name of a slot's entry, under which the checkpoint keeps all that belongs to it. An entry is
    /// named after its table, in the mapping's spelling.
    pub fn entry(&self, slot: Slot) -> String {
        self.table(slot).name.to_string()
    }

    /// The slot of the entry of this name.
    pub fn slot(&self, entry: &str) -> Option<Slot> {
        self.slots().into_iter().find(|slot| self.entry(*slot) == entry)
    }

    /// All tables with their slots.
    pub fn tables(&self) -> impl Iterator<Item = (Slot, &Table)> {
        self.slots().into_iter().map(|slot| (slot, self.table(slot)))
    }

    /// The properties that the rows of a slot own in the graph, in one fixed order: the type's
    /// (where there is one), then the columns'. Key and identity are not among them.
    pub fn properties(&self, slot: Slot) -> Vec<&str> {
        let types = match slot {
            Slot::Node(i) => Some(&self.nodes[i].types),
            Slot::Edge(i) => Some(&self.edges[i].types),
            Slot::Link(_) => None,
        };
        let columns = self.table(slot).columns.iter().map(|c| c.property.as_str());
        types.map(|t| t.property.as_str()).into_iter().chain(columns).collect()
    }
}
