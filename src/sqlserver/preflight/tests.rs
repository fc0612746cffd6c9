#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{
    Column, Database, EdgeConstraint, SourceDescription, Table, TableKind, all_statements,
    base_type, check,
};
use crate::finding::{Finding, Level};
use crate::mapping::{ColumnKind, Mapping, TableName, Tracking};

fn mapping() -> Mapping {
    Mapping::default_mapping().unwrap()
}

fn columns(all: &[(&str, &str)]) -> Vec<Column> {
    let column = |(name, sql_type): &(&str, &str)| Column {
        name: (*name).to_owned(),
        sql_type: (*sql_type).to_owned(),
        ..Column::default()
    };
    all.iter().map(column).collect()
}

fn table(schema: &str, name: &str, key: &str) -> Table {
    Table {
        schema: schema.into(),
        name: name.into(),
        is_tracked: true,
        can_select: true,
        can_view_changes: true,
        min_valid_version: Some(0),
        primary_key: vec![key.into()],
        ..Table::default()
    }
}

fn nodes_name() -> TableName {
    TableName { schema: "graph".into(), table: "AtomGraphNodes".into() }
}

/// What `sql/graph/` makes.
fn sound() -> SourceDescription {
    let mut nodes = table("graph", "AtomGraphNodes", "NodeId");
    nodes.kind = TableKind::Node;
    let shared = [("Metadata", "nvarchar"), ("CreatedAt", "datetime2")];
    nodes.columns =
        columns(&[("NodeId", "bigint"), ("AtomId", "bigint"), ("NodeType", "nvarchar")]);
    nodes.columns.extend(columns(&shared));
    let mut edges = table("graph", "AtomGraphEdges", "EdgeId");
    edges.kind = TableKind::Edge;
    edges.columns =
        columns(&[("EdgeId", "bigint"), ("RelationshipType", "nvarchar"), ("Weight", "real")]);
    edges.columns.extend(columns(&shared));
    edges.edge_constraints = vec![EdgeConstraint {
        name: "EC".into(),
        is_enabled: true,
        is_trusted: true,
        from: nodes_name(),
        to: nodes_name(),
    }];
    let mut streams = table("provenance", "GenerationStreams", "StreamId");
    streams.columns = columns(&[
        ("StreamId", "bigint"),
        ("SourceAtomId", "bigint"),
        ("TargetAtomId", "bigint"),
        ("GenerationType", "nvarchar"),
        ("ModelUsed", "nvarchar"),
        ("Parameters", "nvarchar"),
    ]);
    streams.columns.extend(columns(&shared));
    SourceDescription {
        user: "reader".into(),
        database: Database {
            name: "prov".into(),
            snapshot_isolation_state: 1,
            compatibility_level: 150,
            retention_minutes: Some(7 * 24 * 60),
            is_read_only: false,
            major_version: Some(15),
        },
        current_version: Some(0),
        tables: vec![nodes, edges, streams],
        duplicates: Vec::new(),
    }
}

fn findings(spoil: impl FnOnce(&mut SourceDescription)) -> Vec<Finding> {
    let mut source = sound();
    spoil(&mut source);
    check(&mapping(), &source)
}

/// The one finding that follows when one thing is not as in [`sound`].
fn found(spoil: impl FnOnce(&mut SourceDescription)) -> Finding {
    let findings = findings(spoil);
    let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
    finding.clone()
}

fn assert_found(spoil: impl FnOnce(&mut SourceDescription), check: &str, level: Level, fix: &str) {
    let finding = found(spoil);
    assert_eq!((finding.check, finding.level), (check, level), "{finding:?}");
    assert!(finding.fix.contains(fix), "{finding:?}");
    assert!(!finding.expected.is_empty() && !finding.found.is_empty(), "{finding:?}");
}

#[test]
fn a_sound_source_has_no_finding() {
    assert_eq!(findings(|_| ()), []);
    assert_eq!(findings(|s| s.database.major_version = None), []);
    assert_eq!(findings(|s| s.tables[0].name = "atomgraphnodes".into()), []);
}

#[test]
fn the_database_must_allow_snapshots_and_track_changes() {
    use Level::{Error, Warning};
    assert_found(|s| s.database.major_version = Some(14), "server-version", Error, "upgrade");
    assert_found(|s| s.database.compatibility_level = 120, "compatibility-level", Error, "150");
    assert_found(|s| s.database.is_read_only = true, "primary-replica", Error, "listener");
    for state in [0, 2, 3] {
        let spoil = |s: &mut SourceDescription| s.database.snapshot_isolation_state = state;
        assert_found(spoil, "snapshot-isolation", Error, "ALLOW_SNAPSHOT_ISOLATION ON");
    }
    assert_found(|s| s.database.retention_minutes = Some(60), "retention", Warning, "7 DAYS");
    let off = |s: &mut SourceDescription| s.current_version = None;
    assert_found(off, "change-tracking-database", Error, "SET CHANGE_TRACKING = ON");
}

#[test]
fn a_table_must_be_there_of_its_kind_with_its_key() {
    use Level::Error;
    let gone = found(|s| drop(s.tables.remove(2)));
    assert!(gone.found.contains("not there, or the login has no permission"), "{gone:?}");
    assert!(gone.fix.contains(
        "GRANT SELECT, VIEW CHANGE TRACKING ON [provenance].[GenerationStreams] TO [reader];"
    ));
    assert_found(|s| s.tables[0].kind = TableKind::Ordinary, "table-kind", Error, "[[nodes]]");
    assert_found(|s| s.tables[1].kind = TableKind::Node, "table-kind", Error, "AS EDGE");
    assert_found(|s| s.tables[2].kind = TableKind::Edge, "table-kind", Error, "[[links]]");
    assert_found(
        |s| s.tables[0].primary_key.clear(),
        "primary-key",
        Error,
        "ADD PRIMARY KEY ([NodeId])",
    );
    assert_found(
        |s| s.tables[0].primary_key.push("AtomId".into()),
        "primary-key",
        Error,
        "composite",
    );
}

#[test]
fn each_column_must_be_there_with_a_type_that_fits() {
    use Level::Error;
    assert_found(|s| drop(s.tables[0].columns.remove(3)), "column", Error, "mapping");
    let json = |s: &mut SourceDescription| s.tables[0].columns[3].sql_type = "json".into();
    assert_eq!(findings(json), []);
    let retype = |to: &'static str| {
        move |s: &mut SourceDescription| s.tables[0].columns[4].sql_type = to.into()
    };
    assert_found(retype("date"), "column-type", Error, "type = \"date\"");
    assert_found(retype("nvarchar"), "column-type", Error, "type = \"text\"");
    assert_found(retype("geometry"), "column-type", Error, "leave the column out");
    assert_found(
        |s| s.tables[0].columns[0].sql_type = "uniqueidentifier".into(),
        "column-type",
        Error,
        "guid",
    );
    assert_found(
        |s| s.tables[2].columns[1].sql_type = "nvarchar".into(),
        "column-type",
        Error,
        "text",
    );
}

/// The default mapping with identities of text, `Code` in the node table and both ends of a stream.
fn mapping_of_texts() -> Mapping {
    let mut mapping = mapping();
    mapping.nodes[0].identity.kind = ColumnKind::Text;
    mapping
}

fn text_column(s: &mut SourceDescription, [table, column]: [usize; 2], collation: &str) {
    let column = &mut s.tables[table].columns[column];
    column.sql_type = "nvarchar".into();
    (column.collation, column.max_length) = (Some(collation.into()), 100);
}

#[test]
fn a_text_identity_needs_a_binary_collation_and_so_do_the_ends_of_links() {
    let of = |collation: &str| {
        let mut source = sound();
        for place in [[0, 1], [2, 1], [2, 2]] {
            text_column(&mut source, place, collation);
        }
        source.tables[0].columns[1].index_count = 2;
        source.tables[2].columns[1].is_nullable = true;
        check(&mapping_of_texts(), &source)
    };
    assert_eq!(of("Latin1_General_100_BIN2"), []);
    assert_eq!(of("Latin1_General_BIN"), []);
    for collation in ["SQL_Latin1_General_CP1_CI_AS", "Latin1_General_100_CS_AS_KS_WS"] {
        let findings = of(collation);
        let objects: Vec<_> =
            findings.iter().map(|f| (f.level, f.check, f.object.as_str())).collect();
        let warned = |object| (Level::Warning, "identity-collation", object);
        let expected = [
            warned("graph.AtomGraphNodes.AtomId"),
            warned("provenance.GenerationStreams.SourceAtomId"),
            warned("provenance.GenerationStreams.TargetAtomId"),
        ];
        assert_eq!(objects, expected);
        assert!(findings.iter().all(|f| f.found.starts_with(collation)), "{findings:?}");
        let fixes = [
            "drop the 2 index(es) or key(s) that contain the column, then ALTER TABLE [graph].[AtomGraphNodes] ALTER COLUMN [AtomId] nvarchar(50) COLLATE Latin1_General_100_BIN2 NOT NULL;",
            "ALTER TABLE [provenance].[GenerationStreams] ALTER COLUMN [SourceAtomId] nvarchar(50) COLLATE Latin1_General_100_BIN2 NULL;",
        ];
        assert_eq!([&findings[0].fix, &findings[1].fix], fixes);
    }
}

#[test]
fn tracking_and_permissions_are_needed_on_each_table() {
    use Level::Error;
    let off = |s: &mut SourceDescription| {
        s.tables[1].is_tracked = false;
        s.tables[1].min_valid_version = None;
    };
    assert_found(off, "change-tracking-table", Error, "ENABLE CHANGE_TRACKING");
    assert_found(|s| s.tables[1].can_select = false, "permission-select", Error, "GRANT SELECT");
    let blind = |s: &mut SourceDescription| {
        s.tables[1].can_view_changes = false;
        s.tables[1].min_valid_version = None;
    };
    assert_found(blind, "permission-change-tracking", Error, "VIEW CHANGE TRACKING");
    assert_found(|s| s.tables[1].min_valid_version = None, "valid-version", Error, "off and on");
}

#[test]
fn an_untracked_table_needs_no_tracking_and_no_primary_key() {
    let mut mapping = mapping();
    for table in
        [&mut mapping.nodes[0].table, &mut mapping.edges[0].table, &mut mapping.links[0].table]
    {
        table.tracking = Tracking::None;
    }
    let mut source = sound();
    source.current_version = None;
    source.tables[0].is_tracked = false;
    source.tables[0].primary_key.clear();
    let findings = check(&mapping, &source);
    let found: Vec<_> = findings.iter().map(|f| (f.level, f.check)).collect();
    assert_eq!(found, [(Level::Warning, "primary-key")]);
}

#[test]
fn edges_without_a_constraint_that_holds_may_dangle() {
    use Level::Warning;
    assert_found(
        |s| s.tables[1].edge_constraints.clear(),
        "edge-constraint",
        Warning,
        "CONNECTION (",
    );
    let edges = |spoil: fn(&mut EdgeConstraint)| {
        move |s: &mut SourceDescription| spoil(&mut s.tables[1].edge_constraints[0])
    };
    assert_found(
        edges(|c| c.is_enabled = false),
        "edge-constraint",
        Warning,
        "WITH CHECK CHECK CONSTRAINT [EC]",
    );
    assert_found(edges(|c| c.is_trusted = false), "edge-constraint", Warning, "WITH CHECK CHECK");
    assert_found(
        edges(|c| c.to.table = "Other".into()),
        "edge-constraint",
        Warning,
        "ADD CONSTRAINT",
    );
}

#[test]
fn duplicates_of_identity_are_counted() {
    let finding = found(|s| s.duplicates.push((nodes_name(), 3)));
    assert_eq!((finding.check, finding.level), ("duplicate-identity", Level::Warning));
    assert!(finding.found.starts_with("3 "), "{finding:?}");
}

#[test]
fn everything_is_found_at_once() {
    let findings = findings(|s| {
        *s = SourceDescription { user: "reader".into(), ..SourceDescription::default() };
    });
    // compatibility, snapshots, tracking, three tables
    assert_eq!(findings.len(), 6, "{findings:#?}");
}

#[test]
fn an_alias_type_is_judged_by_what_it_stands_for() {
    assert_eq!(base_type("AtomKey", "bigint".into()), "bigint");
    assert_eq!(base_type("vector", "varbinary".into()), "vector");
    assert_eq!(base_type("geometry", String::new()), "geometry");
    assert_eq!(base_type("sysname", "nvarchar".into()), "sysname");
}

#[test]
fn names_of_statements_are_unique() {
    let statements = all_statements(&mapping());
    let names: std::collections::BTreeSet<_> = statements.iter().map(|s| &s.name).collect();
    assert_eq!(names.len(), statements.len());
}
