"""The job `schema` of docker-compose.yml, run as it is, with the emulator for SQL Server and a stand-in for sqlcmd.

Outside of the emulator's subset, and so only parsed elsewhere: CREATE DATABASE, ALTER LOGIN and SUSER_ID. Of login.sql the
stand-in runs its CREATE LOGIN, the first time."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from tools import COMPOSE, ROOT, built, run

STAND_IN = """#!/usr/bin/env bash
set -euo pipefail
database='' file=''
while [ $# -gt 0 ]; do
    case $1 in
        -d) database=$2; shift 2 ;;
        -i) file=$2; shift 2 ;;
        -S | -U | -h) shift 2 ;;
        -C | -I | -b | -W) shift ;;
        *) echo "what is $1?" >&2; exit 1 ;;
    esac
done
echo "$database ${file##*/}" >>"$CALLS"
case ${file##*/} in
    database.sql) exit ;;
    login.sql) [ "$(grep -c login.sql "$CALLS")" = 1 ] || exit 0; text=$(grep 'CREATE LOGIN' "$file") ;;
    *) text=$(cat "$file") ;;
esac
answer=$(SQLGRAPH_EMULATOR_SA_PASSWORD=$SQLCMDPASSWORD "$QUERY" "$ADDRESS" <<<"$text")
if grep -vE '^-- ([0-9]+ row\\(s\\)|[0-9.]+ ms)$' <<<"$answer" | grep '^--' >&2; then exit 1; fi
sed -n 's/^Rows=I32(Some(\\([0-9]*\\)))$/\\1/p' <<<"$answer"
"""


class SchemaJob(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        emulator, query = built("sqlgraph-emulator"), built("examples/query")
        secrets = self.folder / "secrets"
        run("scripts/compose-secrets", "make", env={**os.environ, "PROVSYNC_SECRETS": str(secrets)})
        with (self.folder / "log").open("w") as log:
            server = subprocess.Popen(
                [emulator, "--listen", "127.0.0.1:0", "--sa-password-file", secrets / "mssql-sa", "--database", "Provenance"],
                stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        stand_in = self.folder / "sqlcmd"
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
        self.environment = {
            "PATH": os.environ["PATH"], "SECRETS": str(secrets), "SQL": str(ROOT / "sql/graph"), "SQLCMD": str(stand_in),
            "CALLS": str(self.folder / "calls"), "QUERY": str(query), "ADDRESS": self.address(server)}
        self.secrets = secrets

    def address(self, server):
        for _ in range(100):
            found = re.search("^listening on (.*)$", (self.folder / "log").read_text(), re.M)
            if found:
                return found[1]
            self.assertIsNone(server.poll(), "the emulator ended")
            time.sleep(0.1)
        self.fail("the emulator does not listen")

    def job(self):
        """What it said and what it had run."""
        calls = self.folder / "calls"
        before = len(calls.read_text().splitlines()) if calls.exists() else 0
        said = run("bash", COMPOSE / "schema", env=self.environment)
        return said, calls.read_text().splitlines()[before:]

    def doctor(self):
        """Of the source, as the user that the job has made; the graph is not there."""
        host, port = self.environment["ADDRESS"].split(":")
        settings = {
            "PROVSYNC_SOURCE__HOST": host, "PROVSYNC_SOURCE__PORT": port, "PROVSYNC_SOURCE__DATABASE": "Provenance",
            "PROVSYNC_SOURCE__USER": "provsync", "PROVSYNC_SOURCE__PASSWORD_FILE": str(self.secrets / "provsync-source"),
            "PROVSYNC_SOURCE__TLS__TRUST_CERTIFICATE": "true", "PROVSYNC_GRAPH__URI": "bolt://127.0.0.1:1", "PROVSYNC_GRAPH__PASSWORD": "x"}
        done = subprocess.run([built("provsync"), "doctor", "--output", "json"], env=settings, cwd=self.folder, text=True, capture_output=True, timeout=60)
        return json.loads(done.stdout)["source"]

    def test_it_makes_a_source_that_doctor_is_content_with_and_run_again_changes_nothing(self):
        said, calls = self.job()
        self.assertEqual(calls[0], "master database.sql")
        self.assertIn("Provenance 050_reader_role.sql", calls)
        self.assertIn("Provenance 040_streams.sql", calls)
        self.assertEqual(calls[-2:], ["master login.sql", "Provenance user.sql"])
        self.assertTrue(said.endswith("done\n"), said)
        source = self.doctor()
        self.assertIsNone(source["error"])
        self.assertEqual([finding for finding in source["findings"] if finding["level"] == "error"], [])

        said, calls = self.job()
        self.assertIn("no sample", said)
        self.assertNotIn("Provenance 040_streams.sql", calls)
        self.assertIsNone(self.doctor()["error"])


if __name__ == "__main__":
    unittest.main()
