"""Dockerfile: what it copies is there, is let through by .dockerignore, and is enough for the build."""

import os
import pathlib
import re
import shutil
import unittest

from tools import ROOT, STATE, TARGET, built, run

COPY = re.compile(r"^COPY (?!--from)(?P<sources>.+) (?P<target>\S+)$", re.M)


class Dockerfile(unittest.TestCase):
    def setUp(self):
        text = (ROOT / "Dockerfile").read_text()
        self.copies = [(match["sources"].split(), match["target"]) for match in COPY.finditer(text)]
        self.build = re.search(r"cargo build --release (?P<arguments>--locked [^&]+?) &&", text)["arguments"].split()

    def test_the_context_is_what_is_copied(self):
        ignore = (ROOT / ".dockerignore").read_text().split("\n*\n")[1].split()
        self.assertEqual({line.removeprefix("!") for line in ignore}, {source for sources, _ in self.copies for source in sources})

    def copied(self):
        """A folder with these files alone, times kept, so that a second build has nothing to do."""
        context = (STATE / "context").resolve()
        shutil.rmtree(context, ignore_errors=True)
        for sources, target in self.copies:
            for source in sources:
                place = context / target
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place)
                else:
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / source, place)
        return context

    def test_what_the_program_was_built_from_is_copied(self):
        """The manifests resolve with the lock file as it is; the compiler's own list of files has none that is not copied."""
        context = self.copied()
        run("cargo", "tree", "--offline", "--locked", "--package", "provsync", cwd=context)
        program = built("provsync")
        files = program.with_suffix(".d").read_text().split(": ", 1)[1].split()
        root = next(pathlib.Path(file).parents[1] for file in files if file.endswith("/src/main.rs"))
        for file in files:
            self.assertTrue((context / pathlib.Path(file).relative_to(root)).is_file(), f"{file} is not copied")

    @unittest.skipUnless(os.environ.get("PACKAGING_BUILD"), "PACKAGING_BUILD=1 has the copied files compiled: minutes")
    def test_what_is_copied_compiles(self):
        environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET.resolve())}
        run("cargo", "check", "--offline", "--quiet", *self.build, cwd=self.copied(), env=environment, timeout=1800)


if __name__ == "__main__":
    unittest.main()
