"""The systemd unit, by systemd's own parser."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

from tools import ROOT


class Service(unittest.TestCase):
    def test_the_unit_is_understood(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd is not here: the unit is not checked")
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "provsync"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            unit = pathlib.Path(folder) / "provsync.service"
            unit.write_text((ROOT / "packaging/provsync.service").read_text().replace("/usr/local/bin/provsync", str(program)))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], text=True, capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
