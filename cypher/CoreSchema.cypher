// The graph's schema for the default mapping; re-runnable. `provsync schema apply` runs it,
// `provsync schema check` compares, `provsync schema print` prints it for the mapping in use.
// Needs Neo4j 5.23 or later. Each constraint brings the index that provsync seeks by.
//
// (:Atom|Embedding|Model|Layer:AtomGraphNode {atomId, nodeId, nodeType, metadata, createdAt})
// (:Atom:AtomPlaceholder {atomId})                 an atom that only a generation stream names
// -[:DERIVED_FROM|COMPONENT_OF|SIMILAR_TO|GENERATED_BY {edgeId, relationshipType, weight, metadata, createdAt}]->
// -[:GENERATED {streamId, generationType, modelUsed, parameters, metadata, createdAt}]->
// (:ProvsyncCheckpoint {source, version, consistent, updatedAt, …})   what the graph stands at
// (:ProvsyncQuarantine {table, key, reason, …})    a row that can't be represented, and why

CREATE CONSTRAINT `provsync_node_ProvsyncCheckpoint_source` IF NOT EXISTS FOR (n:`ProvsyncCheckpoint`) REQUIRE (n.`source`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_ProvsyncCheckpoint_only` IF NOT EXISTS FOR (n:`ProvsyncCheckpoint`) REQUIRE (n.`only`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_ProvsyncQuarantine_table_key` IF NOT EXISTS FOR (n:`ProvsyncQuarantine`) REQUIRE (n.`table`, n.`key`) IS UNIQUE;
CREATE RANGE INDEX `provsync_index_node_ProvsyncQuarantine_due` IF NOT EXISTS FOR (n:`ProvsyncQuarantine`) ON (n.`due`);
CREATE RANGE INDEX `provsync_index_node_ProvsyncQuarantine_retryAt` IF NOT EXISTS FOR (n:`ProvsyncQuarantine`) ON (n.`retryAt`);
CREATE RANGE INDEX `provsync_index_node_ProvsyncQuarantine_wait1` IF NOT EXISTS FOR (n:`ProvsyncQuarantine`) ON (n.`wait1`);
CREATE RANGE INDEX `provsync_index_node_ProvsyncQuarantine_wait2` IF NOT EXISTS FOR (n:`ProvsyncQuarantine`) ON (n.`wait2`);
CREATE CONSTRAINT `provsync_node_AtomGraphNode_nodeId` IF NOT EXISTS FOR (n:`AtomGraphNode`) REQUIRE (n.`nodeId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_Atom_atomId` IF NOT EXISTS FOR (n:`Atom`) REQUIRE (n.`atomId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_Embedding_atomId` IF NOT EXISTS FOR (n:`Embedding`) REQUIRE (n.`atomId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_Layer_atomId` IF NOT EXISTS FOR (n:`Layer`) REQUIRE (n.`atomId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_node_Model_atomId` IF NOT EXISTS FOR (n:`Model`) REQUIRE (n.`atomId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_relationship_COMPONENT_OF_edgeId` IF NOT EXISTS FOR ()-[r:`COMPONENT_OF`]-() REQUIRE (r.`edgeId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_relationship_DERIVED_FROM_edgeId` IF NOT EXISTS FOR ()-[r:`DERIVED_FROM`]-() REQUIRE (r.`edgeId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_relationship_GENERATED_BY_edgeId` IF NOT EXISTS FOR ()-[r:`GENERATED_BY`]-() REQUIRE (r.`edgeId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_relationship_SIMILAR_TO_edgeId` IF NOT EXISTS FOR ()-[r:`SIMILAR_TO`]-() REQUIRE (r.`edgeId`) IS UNIQUE;
CREATE CONSTRAINT `provsync_relationship_GENERATED_streamId` IF NOT EXISTS FOR ()-[r:`GENERATED`]-() REQUIRE (r.`streamId`) IS UNIQUE;
