//! Every SQL statement that depends on the mapping, built here and nowhere else.
//!
//! Names are quoted, columns are listed, values are parameters. Text is cast to its UTF-16 bytes
//! ([`super::decode`]); an edge is read through `MATCH` in a derived table that is joined to its
//! key, so that an edge whose end rows are gone still shows, without ends.

pub mod lineage;

use crate::mapping::names::{quote_sql, sql_table};
use crate::mapping::{Column, ColumnKind, Mapping, Slot, Table, Tracking};

/// A statement with its place in `provsync explain` and in the golden files.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is for, as a file name: `nodes-graph.AtomGraphNodes-range`.
    pub name: String,
    /// The text.
    pub sql: String,
}

/// The statements of one table.
#[derive(Clone, Debug)]
pub struct TableStatements {
    /// Rows of a key range: `@P1` first key, `@P2` last key.
    pub range: String,
    /// Rows by key: `@P1` a JSON array of keys.
    pub keys: String,
    /// Key, type and identity (nodes) or key alone, of a key range: `@P1` first, `@P2` last key.
    pub light: String,
    /// Last key and number of keys of a page: `@P1` first key, `@P2` rows.
    pub boundary: String,
    /// Number of rows.
    pub count: String,
    /// How to decode the cells of `range` and `keys`.
    pub kinds: Vec<ColumnKind>,
    /// How to decode the cells of `light`.
    pub light_kinds: Vec<ColumnKind>,
}

/// The statements of a slot's table.
pub fn table(mapping: &Mapping, slot: Slot) -> TableStatements {
    let t = mapping.table(slot);
    let (lead, lead_kinds) = lead_cells(mapping, slot);
    let columns: Vec<String> = t.columns.iter().map(cell).collect();
    let all = [lead.as_slice(), columns.as_slice()].concat();
    let kinds = lead_kinds.iter().copied().chain(t.columns.iter().map(|c| c.kind)).collect();
    let is_node = matches!(slot, Slot::Node(_));
    let (light, light_kinds) = if is_node { (lead, lead_kinds) } else { (vec![], vec![]) };
    TableStatements {
        range: select(mapping, slot, &all, in_range),
        keys: select(mapping, slot, &all, in_list),
        light: select_plain(t, &light),
        boundary: boundary(t),
        count: format!("SELECT COUNT_BIG(*) AS n FROM {};", sql_table(&t.name)),
        kinds,
        light_kinds,
    }
}

fn in_range(key: &str) -> String {
    format!("{key} >= @P1 AND {key} <= @P2")
}

fn in_list(key: &str) -> String {
    format!("{key} IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)")
}

fn lead_cells(mapping: &Mapping, slot: Slot) -> (Vec<String>, Vec<ColumnKind>) {
    match slot {
        Slot::Node(i) => {
            let node = &mapping.nodes[i];
            (
                vec![text(&node.types.column), cell(&node.identity)],
                vec![ColumnKind::Text, node.identity.kind],
            )
        }
        Slot::Edge(i) => {
            let ends = ["x.FromKey".to_owned(), "x.ToKey".to_owned()];
            let lead = [vec![text(&mapping.edges[i].types.column)], ends.to_vec()].concat();
            (lead, vec![ColumnKind::Text, ColumnKind::Integer, ColumnKind::Integer])
        }
        Slot::Link(i) => {
            let link = &mapping.links[i];
            let kind = mapping.nodes[link.nodes].identity.kind;
            let end = |column: &str| {
                cell(&Column { column: column.to_owned(), property: String::new(), kind })
            };
            (vec![end(&link.from_column), end(&link.to_column)], vec![kind, kind])
        }
    }
}

/// Rows by key, as people read them: `@P1` a JSON array of keys. For pasting; provsync does not send it.
pub fn look(mapping: &Mapping, slot: Slot) -> String {
    let plain = |column: &str| format!("t.{}", quote_sql(column));
    let lead: Vec<String> = match slot {
        Slot::Node(i) => {
            let node = &mapping.nodes[i];
            vec![plain(&node.types.column), plain(&node.identity.column)]
        }
        Slot::Edge(i) => {
            vec![plain(&mapping.edges[i].types.column), "x.FromKey".into(), "x.ToKey".into()]
        }
        Slot::Link(i) => {
            let link = &mapping.links[i];
            vec![plain(&link.from_column), plain(&link.to_column)]
        }
    };
    let columns = mapping.table(slot).columns.iter().map(|column| plain(&column.column));
    let all: Vec<String> = lead.into_iter().chain(columns).collect();
    select(mapping, slot, &all, in_list)
}

/// A column in the form in which [`super::decode`] expects it.
fn cell(column: &Column) -> String {
    let name = format!("t.{}", quote_sql(&column.column));
    match column.kind {
        ColumnKind::Text => text(&column.column),
        // Style 2 keeps the four decimals of money; decimal has no styles.
        ColumnKind::Decimal => format!("CAST(CONVERT(nvarchar(60), {name}, 2) AS varbinary(max))"),
        ColumnKind::Guid => format!("CAST(LOWER(CAST({name} AS nvarchar(36))) AS varbinary(max))"),
        ColumnKind::Hex => format!("CAST({name} AS varbinary(max))"),
        _ => name,
    }
}

fn text(column: &str) -> String {
    format!("CAST(CAST(t.{} AS nvarchar(max)) AS varbinary(max))", quote_sql(column))
}

fn select(
    mapping: &Mapping,
    slot: Slot,
    cells: &[String],
    condition: fn(&str) -> String,
) -> String {
    let t = mapping.table(slot);
    let key = format!("t.{}", quote_sql(&t.key));
    let ends = match slot {
        Slot::Edge(i) => ends_join(mapping, i, condition),
        _ => String::new(),
    };
    format!(
        "SELECT {key}{}\nFROM {} AS t{ends}\nWHERE {}\nORDER BY {key};",
        cells.iter().map(|c| format!(",\n       {c}")).collect::<String>(),
        sql_table(&t.name),
        condition(&key),
    )
}

/// The condition stands inside the derived table as well: the engine then has no choice but to run
/// MATCH over the page alone.
fn ends_join(mapping: &Mapping, edge: usize, condition: fn(&str) -> String) -> String {
    let edge = &mapping.edges[edge];
    let (from, to) = (&mapping.nodes[edge.from].table, &mapping.nodes[edge.to].table);
    let key = quote_sql(&edge.table.key);
    format!(
        "\nLEFT JOIN (SELECT e.{key} AS RowKey, a.{} AS FromKey, b.{} AS ToKey\n           FROM {} AS a, {} AS e, {} AS b\n           WHERE MATCH(a-(e)->b) AND {}) AS x ON x.RowKey = t.{key}",
        quote_sql(&from.key),
        quote_sql(&to.key),
        sql_table(&from.name),
        sql_table(&edge.table.name),
        sql_table(&to.name),
        condition(&format!("e.{key}")),
    )
}

fn select_plain(t: &Table, cells: &[String]) -> String {
    let key = format!("t.{}", quote_sql(&t.key));
    format!(
        "SELECT {key}{}\nFROM {} AS t\nWHERE {}\nORDER BY {key};",
        cells.iter().map(|c| format!(", {c}")).collect::<String>(),
        sql_table(&t.name),
        in_range(&key),
    )
}

/// The edge table alone gives the boundary, so that dangling edges neither end nor stall a scan.
fn boundary(t: &Table) -> String {
    let key = quote_sql(&t.key);
    format!(
        "SELECT MAX(p.k) AS hi, COUNT_BIG(*) AS n\nFROM (SELECT TOP (@P2) t.{key} AS k FROM {} AS t WHERE t.{key} >= @P1 ORDER BY t.{key}) AS p;",
        sql_table(&t.name),
    )
}

/// Current version; then object id and minimum valid version of every tracked table, in the
/// mapping's order. The one statement of an idle poll: whatever a TRUNCATE, a new table of the same
/// name or a switch of tracking does shows in it, if only by a number that moved.
pub fn versions(mapping: &Mapping) -> String {
    let of_table = |(_, t): (Slot, &Table)| {
        let id = object_id(t);
        format!(",\n       {id}, CHANGE_TRACKING_MIN_VALID_VERSION({id})")
    };
    let tables: String = tracked(mapping).map(of_table).collect();
    format!("SELECT CHANGE_TRACKING_CURRENT_VERSION() AS current_version{tables};")
}

/// Keys that changed, of all tracked tables: number of the table in the mapping's order of tracked
/// tables, key, version, whether the row was inserted since, whether it is there. `@P1` … are the
/// versions from which each table is read, the parameter after them the version up to which.
///
/// A row that was deleted and inserted again reads as an update with a creation version.
/// Source: observed on SQL Server 2025 by others (docs/unproven.md).
pub fn changes(mapping: &Mapping) -> String {
    let to = tracked(mapping).count() + 1;
    let of_table = |(i, (_, t)): (usize, (Slot, &Table))| {
        let (table, key) = (sql_table(&t.name), quote_sql(&t.key));
        format!(
            "SELECT {i} AS part, ct.{key} AS row_key, ct.SYS_CHANGE_VERSION AS version,
       CAST(CASE WHEN ct.SYS_CHANGE_CREATION_VERSION IS NULL THEN 0 ELSE 1 END AS bit) AS is_inserted,
       CAST(CASE WHEN t.{key} IS NULL THEN 0 ELSE 1 END AS bit) AS is_present
FROM CHANGETABLE(CHANGES {table}, @P{from}) AS ct LEFT JOIN {table} AS t ON t.{key} = ct.{key}
WHERE ct.SYS_CHANGE_VERSION <= @P{to}",
            from = i + 1
        )
    };
    let tables: Vec<String> = tracked(mapping).enumerate().map(of_table).collect();
    format!("{};", tables.join("\nUNION ALL\n"))
}

/// How many of some keys (`@P2`, a JSON array) changed at `@P3` or later, which is after `@P1`.
pub fn witness(t: &Table) -> String {
    let key = quote_sql(&t.key);
    format!(
        "SELECT COUNT_BIG(*) AS n FROM CHANGETABLE(CHANGES {}, @P1) AS ct
WHERE {} AND ct.SYS_CHANGE_VERSION >= @P3;",
        sql_table(&t.name),
        in_list(&format!("ct.{key}")).replace("@P1", "@P2"),
    )
}

/// Which of some keys (`@P2`, a JSON array) changed after `@P1`.
pub fn changed_keys(t: &Table) -> String {
    let key = quote_sql(&t.key);
    format!(
        "SELECT ct.{key} AS row_key FROM CHANGETABLE(CHANGES {}, @P1) AS ct
WHERE {};",
        sql_table(&t.name),
        in_list(&format!("ct.{key}")).replace("@P1", "@P2"),
    )
}

/// Takes the lease `@P1` for this session, if nobody has it: the status of `sp_getapplock`.
pub const TAKE_LEASE: &str = "DECLARE @status int;
EXEC @status = sp_getapplock @Resource = @P1, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
SELECT CAST(@status AS bigint) AS status;";

/// Whether any session has the lease `@P1`.
pub const IS_LEASED: &str =
    "SELECT CAST(1 - APPLOCK_TEST('public', @P1, 'Exclusive', 'Session') AS bigint) AS leased;";

/// Whether this session has the lease `@P1`.
pub const HOLDS_LEASE: &str = "SELECT CAST(CASE WHEN APPLOCK_MODE('public', @P1, 'Session') = 'Exclusive' THEN 1 ELSE 0 END AS bigint) AS held;";

/// The current version alone: the first statement of every page's snapshot.
pub const CURRENT_VERSION: &str = "SELECT CHANGE_TRACKING_CURRENT_VERSION() AS current_version;";

/// Database part of the epoch.
pub const EPOCH_DATABASE: &str = "SELECT DB_NAME() AS database_name, CONVERT(nvarchar(40), d.create_date, 126) AS create_date,
       CAST(rs.database_guid AS nvarchar(36)) AS database_guid, CAST(rs.recovery_fork_guid AS nvarchar(36)) AS recovery_fork_guid,
       CAST(rs.family_guid AS nvarchar(36)) AS family_guid,
       CAST(DATABASEPROPERTYEX(d.name, 'Updateability') AS nvarchar(30)) AS updateability,
       CAST(d.group_database_id AS nvarchar(36)) AS group_database_id, CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name
FROM sys.databases AS d LEFT JOIN sys.database_recovery_status AS rs ON rs.database_id = d.database_id
WHERE d.database_id = DB_ID();";

/// Table part of the epoch: number of the table in the mapping's order of tracked tables, object id,
/// `begin_version`. A table that is not tracked has no row.
pub fn epoch_tables(mapping: &Mapping) -> String {
    let of_table = |(i, (_, t)): (usize, (Slot, &Table))| {
        format!(
            "SELECT {i} AS part, ct.object_id, ct.begin_version
FROM sys.change_tracking_tables AS ct WHERE ct.object_id = {}",
            object_id(t)
        )
    };
    let tables: Vec<String> = tracked(mapping).enumerate().map(of_table).collect();
    format!("{};", tables.join("\nUNION ALL\n"))
}

/// Types part of the epoch: number of the table in the mapping's order, and each type that its mapped columns
/// have or, where they have an alias type, stand for.
pub fn epoch_types(mapping: &Mapping) -> String {
    let of_table = |(i, (_, t)): (usize, (Slot, &Table))| {
        let names = t.columns.iter().map(|c| c.column.as_str()).chain([t.key.as_str()]);
        let names: Vec<String> =
            names.map(|name| format!("N'{}'", name.replace('\'', "''"))).collect();
        format!(
            "SELECT DISTINCT {i} AS part, ty.name AS type_name
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.system_type_id
WHERE c.object_id = {} AND c.name IN ({})",
            object_id(t),
            names.join(", ")
        )
    };
    let tables: Vec<String> = mapping.tables().enumerate().map(of_table).collect();
    format!("{};", tables.join("\nUNION ALL\n"))
}

/// `OBJECT_ID(N'[schema].[table]')`.
pub fn object_id(t: &Table) -> String {
    format!("OBJECT_ID(N'{}')", sql_table(&t.name).replace('\'', "''"))
}

/// The tables that are followed by change tracking.
pub fn tracked(mapping: &Mapping) -> impl Iterator<Item = (Slot, &Table)> {
    mapping.tables().filter(|(_, t)| t.tracking == Tracking::ChangeTracking)
}

/// Every statement that provsync sends or prints for this mapping, for `provsync explain`.
pub fn all(mapping: &Mapping) -> Vec<Statement> {
    let mut out = vec![
        Statement { name: "versions".into(), sql: versions(mapping) },
        Statement { name: "current-version".into(), sql: CURRENT_VERSION.into() },
        Statement { name: "changes".into(), sql: changes(mapping) },
        Statement { name: "take-lease".into(), sql: TAKE_LEASE.into() },
        Statement { name: "holds-lease".into(), sql: HOLDS_LEASE.into() },
        Statement { name: "is-leased".into(), sql: IS_LEASED.into() },
        Statement { name: "epoch-database".into(), sql: EPOCH_DATABASE.into() },
        Statement { name: "epoch-tables".into(), sql: epoch_tables(mapping) },
        Statement { name: "epoch-types".into(), sql: epoch_types(mapping) },
    ];
    for (slot, t) in mapping.tables() {
        let s = table(mapping, slot);
        let texts = [
            ("range", s.range),
            ("keys", s.keys),
            ("light", s.light),
            ("boundary", s.boundary),
            ("count", s.count),
            ("look", look(mapping, slot)),
        ];
        out.extend(texts.map(|(what, sql)| Statement { name: format!("{}-{what}", t.name), sql }));
        if t.tracking == Tracking::ChangeTracking {
            out.push(Statement { name: format!("{}-witness", t.name), sql: witness(t) });
            let name = format!("{}-changed-keys", t.name);
            out.push(Statement { name, sql: changed_keys(t) });
        }
    }
    out.extend(lineage::all(mapping));
    out
}
