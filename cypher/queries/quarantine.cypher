// Which rows of the source can the graph not hold, and why?
//
// :param {table: 'graph.AtomGraphNodes'}
// $table  text: the source's table, or how its name begins; '' for all
//
// Finds the entries by table, in the unique key of table and row key.
MATCH (entry:ProvsyncQuarantine) USING INDEX SEEK entry:ProvsyncQuarantine(table, key)
WHERE entry.table STARTS WITH $table AND entry.key IS NOT NULL
RETURN entry.table AS table, entry.key AS key, entry.reason AS reason, entry.detail AS detail, entry.since AS since
ORDER BY table, key;
