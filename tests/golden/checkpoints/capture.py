"""Captures the golden checkpoints: what an older provsync leaves in both stores, state by state.

    capture.py PROVSYNC EMULATOR HTTP_URL BOLT_URL PASSWORD_FILE

PROVSYNC and EMULATOR are binaries of the version whose checkpoints are wanted; the graph is emptied. Needs
python-tds. Each state becomes NAME.sqlite.gz, the source, and NAME.cypher, the graph.
"""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytds

PROVSYNC, EMULATOR, HTTP, BOLT, PASSWORD_FILE = sys.argv[1:6]
HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SA = "p@ss 'w\"ord;/#^$1"
NEO4J = Path(PASSWORD_FILE).read_text().strip()

ROWS = """
DECLARE @i int = 1;
WHILE @i <= 60 BEGIN
  INSERT INTO graph.AtomGraphNodes (AtomId, NodeType, Metadata, CreatedAt)
  VALUES (1000 + @i, CASE @i % 4 WHEN 0 THEN N'model' WHEN 1 THEN N'atom' WHEN 2 THEN N'embedding' ELSE N'layer' END,
          N'{"n": ' + CAST(@i AS nvarchar(9)) + N', "text": "Grüße, ''日本'' \\\\ "}', '2024-06-01T10:20:30.1234567');
  SET @i = @i + 1;
END;
INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType, Weight, Metadata, CreatedAt)
SELECT a.$node_id, b.$node_id, CASE a.NodeId % 3 WHEN 0 THEN N'DerivedFrom' WHEN 1 THEN N'ComponentOf' ELSE N'SimilarTo' END,
       CAST(0.7 AS real), NULL, '2024-06-02T00:00:00.0000001'
FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE b.NodeId = a.NodeId + 1 OR b.NodeId = a.NodeId + 7;
SET @i = 1;
WHILE @i <= 20 BEGIN
  INSERT INTO provenance.GenerationStreams (SourceAtomId, TargetAtomId, GenerationType, ModelUsed, CreatedAt)
  VALUES (1000 + @i, 1070 + @i, N'text', N'a model', '2024-06-03T01:02:03');
  SET @i = @i + 1;
END;
"""

WINDOW = "UPDATE graph.AtomGraphNodes SET Metadata = N'changed' WHERE NodeId <= 5; DELETE FROM provenance.GenerationStreams WHERE StreamId = 3;"

BIG = """BEGIN TRANSACTION;
UPDATE graph.AtomGraphNodes SET Metadata = N'a large transaction';
UPDATE graph.AtomGraphEdges SET Metadata = N'a large transaction';
DELETE FROM provenance.GenerationStreams WHERE StreamId <= 5;
COMMIT;"""

BAD = """
INSERT INTO graph.AtomGraphNodes (AtomId, NodeType) VALUES (NULL, N'atom'), (1001, N'atom'), (1098, N'<no word>');
INSERT INTO graph.AtomGraphEdges ($from_id, $to_id, RelationshipType)
SELECT a.$node_id, b.$node_id, N'DerivedFrom' FROM graph.AtomGraphNodes AS a, graph.AtomGraphNodes AS b WHERE a.NodeId = 61 AND b.NodeId = 3;
"""


TEXT = "CASE WHEN valueType(x) STARTS WITH 'LIST' THEN x ELSE toString(x) END"


def cypher(statement):
    body = json.dumps({"statements": [{"statement": statement}]}).encode()
    request = urllib.request.Request(f"{HTTP}/db/neo4j/tx/commit", body, {"Content-Type": "application/json"})
    request.add_header("Authorization", "Basic " + base64.b64encode(f"neo4j:{NEO4J}".encode()).decode())
    answer = json.load(urllib.request.urlopen(request))
    assert not answer["errors"], answer["errors"]
    return [row["row"][0] for row in answer["results"][0]["data"]]


def literal(value, kind):
    if kind.startswith("LIST"):
        return json.dumps(value)
    if kind.startswith("STRING"):
        return json.dumps(value)
    if kind.startswith(("ZONED DATETIME", "LOCAL DATETIME", "DATE")):
        function = {"Z": "datetime", "L": "localdatetime", "D": "date"}[kind[0]]
        return f"{function}({json.dumps(value)})"
    return value


def properties(pairs, more=""):
    texts = [f"`{name}`: {literal(value, kind)}" for name, value, kind in sorted(pairs)]
    return "{" + ", ".join(texts + ([more] if more else [])) + "}"


def dump(path):
    """One statement a line; a node is found again by `golden`, which the last line takes off."""
    nodes = cypher(f"MATCH (n) RETURN [elementId(n), labels(n), [k IN keys(n) | [k, {TEXT.replace('x', 'n[k]')}, valueType(n[k])]]]")
    ids, lines = {}, []
    for number, (element, labels, pairs) in enumerate(sorted(nodes, key=lambda n: (sorted(n[1]), sorted(n[2])))):
        ids[element] = number
        named = "".join(f":`{label}`" for label in sorted(labels))
        lines.append(f"CREATE ({named} {properties(pairs, f'golden: {number}')})")
    edges = cypher(f"MATCH (a)-[r]->(b) RETURN [elementId(a), type(r), elementId(b), [k IN keys(r) | [k, {TEXT.replace('x', 'r[k]')}, valueType(r[k])]]]")
    for a, kind, b, pairs in sorted(edges, key=lambda e: (ids[e[0]], e[1], ids[e[2]], e[3])):
        lines.append(f"MATCH (a {{golden: {ids[a]}}}), (b {{golden: {ids[b]}}}) CREATE (a)-[:`{kind}` {properties(pairs)}]->(b)")
    lines.append("MATCH (n) REMOVE n.golden")
    path.write_text("\n".join(lines) + "\n")


class Source:
    def __init__(self, folder):
        self.data = folder / "data.sqlite"
        environment = dict(os.environ, SQLGRAPH_EMULATOR_SA_PASSWORD=SA)
        command = [EMULATOR, "--listen", "127.0.0.1:0", "--data", str(self.data), "--admin", "127.0.0.1:0",
                   "--init", str(ROOT / "tests/sql/loose.sql")]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(2)]
        ports = {line.split()[0]: line.strip().rsplit(":", 1)[1] for line in lines}
        self.admin = int(ports.pop("admin"))
        self.port = int(ports.popitem()[1])
        self.folder = folder

    def execute(self, sql):
        with pytds.connect("127.0.0.1", "Provenance", "sa", SA, port=self.port, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql)

    def save(self, name):
        import socket
        backup = self.folder / "backup"
        with socket.create_connection(("127.0.0.1", self.admin)) as admin:
            admin.sendall(json.dumps({"backup": {"file": str(backup)}}).encode() + b"\n")
            assert b"ok" in admin.recv(1000)
        (HERE / f"{name}.sqlite.gz").write_bytes(gzip.compress(backup.read_bytes(), 9, mtime=0))

    def end(self):
        self.process.kill()
        self.process.wait()


def provsync(source, *arguments, **settings):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PROVSYNC_")}
    environment |= {
        "PROVSYNC_SOURCE__HOST": "127.0.0.1", "PROVSYNC_SOURCE__PORT": str(source.port),
        "PROVSYNC_SOURCE__DATABASE": "Provenance", "PROVSYNC_SOURCE__USER": "sa", "PROVSYNC_SOURCE__PASSWORD": SA,
        "PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE": "true", "PROVSYNC_GRAPH__URI": BOLT,
        "PROVSYNC_GRAPH__USER": "neo4j", "PROVSYNC_GRAPH__PASSWORD_FILE": PASSWORD_FILE,
        "PROVSYNC_SYNC__VERIFY_INTERVAL_HOURS": "0",
    } | settings
    return subprocess.Popen([PROVSYNC, *arguments], env=environment)


def wait(condition):
    begun = time.time()
    while not cypher(f"MATCH (c:ProvsyncCheckpoint) WHERE {condition} RETURN 1"):
        assert time.time() - begun < 60, cypher("MATCH (c:ProvsyncCheckpoint) RETURN properties(c)")
        time.sleep(0.002)


def follow(source, until, **settings):
    worker = provsync(source, "sync", **settings)
    wait(until)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0


SMALL = {"PROVSYNC_FULL__PAGE_ROWS": "10", "PROVSYNC_FULL__BATCH_ROWS": "5", "PROVSYNC_FULL__LANES": "1"}


def idle(source):
    assert provsync(source, "full").wait() == 0


def witness(source):
    idle(source)
    source.execute(WINDOW)
    follow(source, "c.witness IS NOT NULL AND c.consistent")


def quarantine(source):
    source.execute(BAD)
    idle(source)


def during_a_full(source):
    run = provsync(source, "full", **SMALL)
    wait("c.progress CONTAINS 'AtomGraphEdges\",\"next\"' AND c.progress CONTAINS '\"carry\"'")
    run.kill()
    run.wait()


def during_a_window(source):
    idle(source)
    source.execute(WINDOW)
    follow(source, "c.witness IS NOT NULL AND c.consistent")
    source.execute(BIG)
    run = provsync(source, "sync", **SMALL)
    wait("c.cursor CONTAINS '\"part\":3'")
    run.kill()
    run.wait()


for state in [idle, witness, quarantine, during_a_full, during_a_window]:
    name = state.__name__.replace("_", "-")
    with tempfile.TemporaryDirectory() as folder:
        cypher("MATCH (n) DETACH DELETE n")
        source = Source(Path(folder))
        try:
            source.execute(ROWS)
            assert provsync(source, "schema", "apply").wait() == 0
            state(source)
            dump(HERE / f"{name}.cypher")
            source.save(name)
            print(name, cypher("MATCH (c:ProvsyncCheckpoint) RETURN properties(c)"))
        finally:
            source.end()
