//! What the source must be like, against what it is like.

use super::collation::check_collations;
use super::columns::check_columns;
use super::statements::DUPLICATE_ROWS_MAX;
use super::{Database, EdgeConstraint, SourceDescription, Table, TableKind};

use crate::finding::Finding;
use crate::mapping::names::{fold, quote_sql, sql_table};
use crate::mapping::{EdgeTable, Mapping, Slot, Table as Mapped, TableName, Tracking};

/// SQL Server 2019: edge constraints and the graph functions that provsync relies on.
const MAJOR_VERSION_MIN: i64 = 15;
/// OPENJSON.
const COMPATIBILITY_MIN: i64 = 130;
const DAY_MINUTES: i64 = 24 * 60;

/// Everything that is not as it should be, the database first, then table by table.
pub fn check(mapping: &Mapping, source: &SourceDescription) -> Vec<Finding> {
    let mut findings = check_server(&source.database);
    if mapping.tables().any(|(_, t)| t.tracking == Tracking::ChangeTracking) {
        findings.extend(check_tracking(source));
    }
    for (slot, mapped) in mapping.tables() {
        match source.table(&mapped.name) {
            Some(table) => findings.extend(check_table(mapping, slot, table, source)),
            None => findings.push(missing_table(mapped, &source.user)),
        }
    }
    findings.extend(source.duplicates.iter().map(|(name, count)| duplicates(name, *count)));
    findings
}

fn check_server(database: &Database) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &database.name;
    if let Some(version) = database.major_version.filter(|v| *v < MAJOR_VERSION_MIN) {
        let finding =
            Finding::new("server-version", "server").expected("SQL Server 2019 (15) or later");
        findings.push(finding.found(version.to_string()).fix("upgrade the server"));
    }
    if database.compatibility_level < COMPATIBILITY_MIN {
        let finding =
            Finding::new("compatibility-level", name).expected("130 or higher (OPENJSON)");
        let fix = "ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 150;";
        findings.push(finding.found(database.compatibility_level.to_string()).fix(fix));
    }
    if database.is_read_only {
        let finding = Finding::new("primary-replica", name).expected(
            "a database that can be written to: changes are tracked on the primary only (22117)",
        );
        let fix = "set source.host to the primary or to the availability group's listener";
        findings.push(finding.found("READ_ONLY").fix(fix));
    }
    if database.snapshot_isolation_state != 1 {
        let found = ["off", "on", "being switched off", "being switched on"];
        let state = usize::try_from(database.snapshot_isolation_state).unwrap_or_default();
        let finding = Finding::new("snapshot-isolation", name).expected("on (else Msg 3952)");
        let fix = "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;";
        findings.push(finding.found(found.get(state).copied().unwrap_or("unknown")).fix(fix));
    }
    findings
}

fn check_tracking(source: &SourceDescription) -> Option<Finding> {
    let name = &source.database.name;
    if source.current_version.is_none() {
        let finding = Finding::new("change-tracking-database", name).expected("on").found("off");
        return Some(finding.fix(
            "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON);",
        ));
    }
    let minutes = source.database.retention_minutes.filter(|minutes| *minutes < DAY_MINUTES)?;
    let finding = Finding::new("retention", name)
        .expected("at least 1 day, better 7: after a longer pause or full the changes are gone");
    let fix = "ALTER DATABASE CURRENT SET CHANGE_TRACKING (CHANGE_RETENTION = 7 DAYS);";
    Some(finding.found(format!("{minutes} minutes")).fix(fix).warning())
}

fn missing_table(mapped: &Mapped, user: &str) -> Finding {
    Finding::new("table", mapped.name.to_string())
        .expected("a table that the login may see")
        .found("none: it is not there, or the login has no permission on it")
        .fix(format!("create it, or name another in the mapping; or {}", grant(mapped, user)))
}

fn grant(mapped: &Mapped, user: &str) -> String {
    let permissions = match mapped.tracking {
        Tracking::ChangeTracking => "SELECT, VIEW CHANGE TRACKING",
        Tracking::None => "SELECT",
    };
    format!("GRANT {permissions} ON {} TO {};", sql_table(&mapped.name), quote_sql(user))
}

fn check_table(
    mapping: &Mapping,
    slot: Slot,
    table: &Table,
    source: &SourceDescription,
) -> Vec<Finding> {
    let mapped = mapping.table(slot);
    let mut findings = Vec::new();
    findings.extend(check_kind(slot, mapped, table));
    findings.extend(check_key(mapped, table));
    findings.extend(check_columns(mapping, slot, table));
    findings.extend(check_collations(mapping, slot, table));
    if !table.can_select {
        let finding = Finding::new("permission-select", mapped.name.to_string());
        findings.push(
            finding.expected("SELECT").found("no permission").fix(grant(mapped, &source.user)),
        );
    }
    if mapped.tracking == Tracking::ChangeTracking && source.current_version.is_some() {
        findings.extend(check_table_tracking(mapped, table, &source.user));
    }
    if let Slot::Edge(i) = slot {
        findings.extend(check_edge_constraint(mapping, &mapping.edges[i], table));
    }
    findings
}

fn check_kind(slot: Slot, mapped: &Mapped, table: &Table) -> Option<Finding> {
    let expected = match slot {
        Slot::Node(_) => TableKind::Node,
        Slot::Edge(_) => TableKind::Edge,
        Slot::Link(_) => TableKind::Ordinary,
    };
    let finding = Finding::new("table-kind", mapped.name.to_string())
        .expected(kind_text(expected))
        .found(kind_text(table.kind))
        .fix("map it under [[nodes]] (AS NODE), [[edges]] (AS EDGE) or [[links]] (ordinary)");
    (expected != table.kind).then_some(finding)
}

fn kind_text(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Node => "AS NODE",
        TableKind::Edge => "AS EDGE",
        TableKind::Ordinary => "an ordinary table",
    }
}

fn check_key(mapped: &Mapped, table: &Table) -> Option<Finding> {
    if matches!(table.primary_key.as_slice(), [column] if fold(column) == fold(&mapped.key)) {
        return None;
    }
    let finding = Finding::new("primary-key", mapped.name.to_string())
        .expected(format!("{} alone", mapped.key))
        .found(if table.primary_key.is_empty() {
            "none".to_owned()
        } else {
            table.primary_key.join(", ")
        });
    if table.primary_key.len() > 1 {
        return Some(
            finding.fix("composite keys can't be carried: add an integer column as primary key"),
        );
    }
    let key = quote_sql(&mapped.key);
    let add = format!("ALTER TABLE {} ADD PRIMARY KEY ({key});", sql_table(&mapped.name));
    let finding = finding.fix(format!("{add} or map the key that it has"));
    // Without tracking any unique column will do, but nothing here says that it is one.
    Some(if mapped.tracking == Tracking::None { finding.warning() } else { finding })
}

fn check_table_tracking(mapped: &Mapped, table: &Table, user: &str) -> Option<Finding> {
    let name = mapped.name.to_string();
    if !table.is_tracked && table.min_valid_version.is_none() {
        let finding =
            Finding::new("change-tracking-table", name).expected("on").found("off, or not visible");
        let enable = "ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);";
        return Some(finding.fix(format!("ALTER TABLE {} {enable}", sql_table(&mapped.name))));
    }
    if !table.can_view_changes {
        let finding =
            Finding::new("permission-change-tracking", name).expected("VIEW CHANGE TRACKING");
        return Some(finding.found("no permission").fix(grant(mapped, user)));
    }
    if table.min_valid_version.is_none() {
        let finding =
            Finding::new("valid-version", name).expected("a version from which changes are there");
        let fix = "switch tracking of the table off and on again; then `provsync full`";
        return Some(finding.found("CHANGE_TRACKING_MIN_VALID_VERSION is NULL").fix(fix));
    }
    None
}

/// Without a constraint that holds, edges stay when their nodes go, and nothing reports them.
fn check_edge_constraint(mapping: &Mapping, edge: &EdgeTable, table: &Table) -> Option<Finding> {
    let (from, to) = (&mapping.nodes[edge.from].table.name, &mapping.nodes[edge.to].table.name);
    let covers = |c: &&EdgeConstraint| same(&c.from, from) && same(&c.to, to);
    let name = &edge.table.name;
    let finding = Finding::new("edge-constraint", name.to_string())
        .expected("a constraint that is enabled and trusted: else edges may dangle")
        .warning();
    let alter = format!("ALTER TABLE {}", sql_table(name));
    let Some(constraint) = table.edge_constraints.iter().find(covers) else {
        let clause = format!("CONNECTION ({} TO {})", sql_table(from), sql_table(to));
        let constraint = quote_sql(&format!("EC_{}", name.table));
        return Some(
            finding.found("none").fix(format!("{alter} ADD CONSTRAINT {constraint} {clause};")),
        );
    };
    let state = match (constraint.is_enabled, constraint.is_trusted) {
        (true, true) => return None,
        (false, _) => "disabled",
        (true, false) => "not trusted",
    };
    let enable = format!("{alter} WITH CHECK CHECK CONSTRAINT {};", quote_sql(&constraint.name));
    Some(finding.found(format!("{} is {state}", constraint.name)).fix(enable))
}

fn same(a: &TableName, b: &TableName) -> bool {
    fold(&a.schema) == fold(&b.schema) && fold(&a.table) == fold(&b.table)
}

fn duplicates(name: &TableName, count: i64) -> Finding {
    Finding::new("duplicate-identity", name.to_string())
        .expected("one row for each type and identity")
        .found(format!("{count} with more, among the first {DUPLICATE_ROWS_MAX} rows"))
        .fix("the first row keeps the node, others wait in quarantine: correct them at the source")
        .warning()
}
