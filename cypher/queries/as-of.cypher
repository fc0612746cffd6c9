// Which version of the source is this the graph of?
//
// Finds the only checkpoint by its unique key. If exact is true, the graph stands exactly at that version of the source's change
// tracking; else something is under way. All that was committed at the source before asOf is in the graph. asOf is null until the
// first load is complete, and while a full resync runs.
MATCH (checkpoint:ProvsyncCheckpoint {only: true})
RETURN checkpoint.source AS source, checkpoint.version AS version, coalesce(checkpoint.consistent, false) AS exact,
  checkpoint.asOf AS asOf, checkpoint.updatedAt AS updatedAt, coalesce(checkpoint.phase, 'idle') AS phase;
