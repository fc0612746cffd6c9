"""docker-compose.yml against the files that it names, and the worker's settings against provsync."""

import http.server
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

from tools import COMPOSE, ROOT, built, project, run


def healthy(port):
    return subprocess.run(["bash", COMPOSE / "neo4j-healthy", port], capture_output=True, timeout=10).returncode


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = project()
        cls.services = cls.project["services"]

    def test_services_are_there_and_wait_for_services_that_are_there(self):
        self.assertEqual(set(self.services), {"sqlserver", "neo4j", "schema", "graph-schema", "worker", "tests", "neo4j-test"})
        for name, service in self.services.items():
            for other, how in service.get("depends_on", {}).items():
                self.assertIn(other, self.services, name)
                if how["condition"] == "service_healthy":
                    self.assertIn("healthcheck", self.services[other], f"{name} waits for {other} to be healthy")

    def test_the_suites_start_only_where_they_are_asked_for(self):
        """They empty their Neo4j, so it is never the worker's."""
        self.assertEqual({name for name, service in self.services.items() if service.get("profiles") == ["test"]}, {"tests", "neo4j-test"})
        environment = self.services["tests"]["environment"]
        self.assertEqual(environment["PROVSYNC_TEST_GRAPH_URI"], "bolt://neo4j-test:7687")
        self.assertEqual(environment["PROVSYNC_TEST_ALLOW_WIPE"], "neo4j-test")
        self.assertNotIn("PROVSYNC_GRAPH__URI", environment)
        self.assertNotIn("neo4j", [volume["source"] for volume in self.services["neo4j-test"]["volumes"]])

    def test_secrets_are_those_that_the_script_makes(self):
        made = set(run("scripts/compose-secrets", "list").split())
        self.assertEqual(set(self.project["secrets"]), made)
        used = {secret["source"] for service in self.services.values() for secret in service.get("secrets", [])}
        self.assertEqual(used, made)

    def test_no_password_is_in_the_description_of_a_container(self):
        with tempfile.TemporaryDirectory() as folder:
            run("scripts/compose-secrets", "make", env={**os.environ, "PROVSYNC_SECRETS": folder})
            text = str(project(PROVSYNC_SECRETS=folder))
            for file in pathlib.Path(folder).iterdir():
                self.assertNotIn(file.read_text(), text)
        for name, service in self.services.items():
            for variable, value in service.get("environment", {}).items():
                if "PASSWORD" in variable or "AUTH" in variable:
                    self.assertRegex(value, "^/run/secrets/", f"{name}: {variable}")
                    self.assertIn(value.removeprefix("/run/secrets/"), [secret["source"] for secret in service["secrets"]], name)

    def test_ports_are_open_to_this_machine_only(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertEqual(port.get("host_ip"), "127.0.0.1", name)

    def test_mounted_folders_and_started_scripts_are_there(self):
        for name, service in self.services.items():
            folders = {}
            for volume in service.get("volumes", []):
                if volume["type"] == "bind":
                    self.assertTrue(pathlib.Path(volume["source"]).exists(), volume["source"])
                    self.assertTrue(volume.get("read_only"), f"{name}: {volume['target']}")
                    folders[volume["target"]] = pathlib.Path(volume["source"])
            for word in [*(service.get("entrypoint") or []), *service.get("healthcheck", {}).get("test", [])]:
                if word.startswith("/provsync/"):
                    self.assertTrue((folders["/provsync"] / word.removeprefix("/provsync/")).is_file(), f"{name}: {word}")

    def test_scripts_parse(self):
        scripts = [file for file in COMPOSE.iterdir() if not file.suffix]
        self.assertEqual(len(scripts), 4)
        for script in scripts:
            run("bash", "-n", script)

    def test_neo4j_is_healthy_only_when_it_answers(self):
        class Root(http.server.BaseHTTPRequestHandler):
            answer = b'{"bolt_direct": "bolt://localhost:7687", "neo4j_version": "5.26.0"}'

            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.answer)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Root) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            port = str(server.server_port)
            self.assertEqual(healthy(port), 0)
            Root.answer = b"starting"
            self.assertNotEqual(healthy(port), 0)
            server.shutdown()
        self.assertNotEqual(healthy(port), 0)

    def test_texts_for_sqlcmd_are_ascii(self):
        """sqlcmd reads a file in the system's code page."""
        for file in [*COMPOSE.glob("*.sql"), *(ROOT / "sql").rglob("*.sql")]:
            self.assertTrue(file.read_bytes().isascii(), file)

    def test_the_worker_has_nothing_that_it_does_not_need(self):
        for name in ["worker", "graph-schema"]:
            service = self.services[name]
            self.assertTrue(service["read_only"])
            self.assertEqual(service["cap_drop"], ["ALL"])
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
        self.assertEqual(self.services["worker"]["healthcheck"]["test"][0], "CMD", "the image has no shell")

    def test_provsync_takes_the_settings_of_the_worker(self):
        """The same variables with a folder of secrets here: nothing but the hosts is wrong with them."""
        program = built("provsync")
        for name in ["worker", "graph-schema"]:
            with tempfile.TemporaryDirectory() as folder:
                run("scripts/compose-secrets", "make", env={**os.environ, "PROVSYNC_SECRETS": folder})
                settings = {variable: value.replace("/run/secrets", folder) for variable, value in self.services[name]["environment"].items()}
                # The names of compose's network are not known here; an unused port of this machine is refused at once.
                settings |= {"PROVSYNC_SOURCE__HOST": "127.0.0.1", "PROVSYNC_SOURCE__PORT": "1", "PROVSYNC_GRAPH__URI": "bolt://127.0.0.1:1"}
                doctor = subprocess.run([program, "doctor"], env=settings, cwd=folder, text=True, capture_output=True, timeout=60)
                said = doctor.stdout + doctor.stderr
                self.assertEqual(doctor.returncode, 2, said)
                self.assertIn("127.0.0.1:1", said)
                self.assertNotIn("PROVSYNC_", said)
                settings["PROVSYNC_SOURCE__HOSTS"] = "x"
                doctor = subprocess.run([program, "doctor"], env=settings, cwd=folder, text=True, capture_output=True, timeout=60)
                self.assertIn("PROVSYNC_SOURCE__HOSTS", doctor.stderr, "a fault of the settings would have shown")


if __name__ == "__main__":
    unittest.main()
