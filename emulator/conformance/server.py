"""A server of its own for each run: an emulator with fresh data."""

import os
import secrets
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATABASE = "Conformance"


def build():
    subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "sqlgraph-emulator"], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "sqlgraph-emulator"


class Emulator:
    """Runs while the block lasts; without TLS in mode plain."""

    def __init__(self, program, mode):
        self.program, self.mode = program, mode
        self.password = "Aa1'\"{};€" + secrets.token_urlsafe(12)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.certificate = str(Path(self.folder.name) / "certificate.pem")
        tls = ["--tls", "off"] if self.mode == "plain" else ["--certificate-out", self.certificate]
        command = [self.program, "--listen", "127.0.0.1:0", "--database", DATABASE, "--init", Path(__file__).parent / "setup.sql", *tls]
        environment = os.environ | {"SQLGRAPH_EMULATOR_SA_PASSWORD": self.password}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit(f"the emulator did not start: {line}")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def access(self):
        return {"port": self.port, "user": "sa", "password": self.password, "database": DATABASE, "mode": self.mode,
                "certificate": self.certificate}
