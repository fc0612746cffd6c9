"""The Neo4j server that the benchmark's subjects write to: starting it, emptying it, counting what it holds."""

import os
import pathlib
import shlex
import subprocess

import neo4j

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "neo4j"
SCHEMA = ROOT / "cypher" / "CoreSchema.cypher"
COUNTS = {
    "nodes": "MATCH (n:AtomGraphNode) RETURN count(*)",
    "placeholders": "MATCH (n:AtomPlaceholder) RETURN count(*)",
    "relationships": "MATCH ()-[r]->() RETURN count(*)",
    "node properties": "MATCH (n:AtomGraphNode) RETURN sum(size(keys(n)))",
    "relationship properties": "MATCH ()-[r]->() RETURN sum(size(keys(r)))",
}


def script(instance: str, *arguments: str) -> str:
    """Runs scripts/neo4j for an instance of its own; a server that the caller's environment names is no concern of it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PROVSYNC_GRAPH__")}
    environment |= {"NEO4J_INSTANCE": instance, "NEO4J_HEAP": "2g", "NEO4J_ADMIN_HEAP": "2g", "NEO4J_PAGECACHE": "1g"}
    return subprocess.run([str(SCRIPT), *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def start(instance: str) -> dict[str, str]:
    """Starts the instance; returns what a client needs, as environment variables."""
    lines = shlex.split(script(instance, "start"))
    return dict(line.split("=", 1) for line in lines)


def connect(environment: dict[str, str]) -> neo4j.Driver:
    password = pathlib.Path(environment["PROVSYNC_GRAPH__PASSWORD_FILE"]).read_text().strip()
    return neo4j.GraphDatabase.driver(
        environment["PROVSYNC_GRAPH__URI"],
        auth=(environment["PROVSYNC_GRAPH__USER"], password),
        notifications_min_severity="OFF",
    )


def empty(driver: neo4j.Driver) -> None:
    with driver.session() as session:
        session.run("MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS").consume()
        session.run("MATCH (n) CALL (n) { DELETE n } IN TRANSACTIONS OF 20000 ROWS").consume()
        for name in session.run("SHOW CONSTRAINTS YIELD name").value():
            session.run(f"DROP CONSTRAINT `{name}`").consume()
        for name in session.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name").value():
            session.run(f"DROP INDEX `{name}`").consume()


def apply_schema(driver: neo4j.Driver) -> None:
    text = "\n".join(line for line in SCHEMA.read_text().splitlines() if not line.startswith("//"))
    with driver.session() as session:
        for statement in filter(None, map(str.strip, text.split(";"))):
            session.run(statement).consume()
        session.run("CALL db.awaitIndexes()").consume()


def counts(driver: neo4j.Driver) -> dict[str, int]:
    with driver.session() as session:
        return {what: session.run(query).single().value() for what, query in COUNTS.items()}
