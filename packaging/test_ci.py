"""The jobs of docs/ci.md and action.yml, by the schemas of those who run them, and what the action's scripts do."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from tools import ROOT, built, run

JOBS = re.findall(r"^```yaml\n(# (\S+)\n.*?)^```$", (ROOT / "docs/ci.md").read_text(), re.MULTILINE | re.DOTALL)
ACTION = ROOT / "action.yml"


def check(kind, *files):
    run("scripts/check-schemas", kind, *files)


def script(step):
    """What a step of the action runs, by its id."""
    text = ACTION.read_text()
    found = re.search(rf"- id: {step}\n(?:(?:      .*)?\n)*?      run: \|\n((?:        .*\n)+)", text)
    return re.sub("^        ", "", found.group(1), flags=re.MULTILINE)


class Jobs(unittest.TestCase):
    def test_each_job_is_what_its_machine_understands(self):
        self.assertEqual([name for _, name in JOBS], [".github/workflows/lineage.yml", ".github/workflows/lineage-of-a-change.yml", ".gitlab-ci.yml"])
        for text, name in JOBS:
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / pathlib.Path(name).name
                file.write_text(text)
                check("gitlab-ci" if name == ".gitlab-ci.yml" else "github-workflow", file)

    def test_a_job_with_a_fault_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "lineage.yml"
            file.write_text(JOBS[0][0].replace("runs-on: ubuntu-24.04", "runs-at: ubuntu-24.04"))
            with self.assertRaises(AssertionError):
                check("github-workflow", file)

    def test_commands_and_flags_are_provsyncs(self):
        program = built("provsync")
        text = (ROOT / "docs/ci.md").read_text()
        lines = re.findall(r"^ *(?:- |- run: )?(provsync [^|`#\n]*)$", text, re.MULTILINE)
        commands = [command.split()[1:] for line in lines for command in line.split("&&")]
        commands += [line.split() for line in re.findall(r"^ *arguments: ([a-z].*)$", text, re.MULTILINE)]
        self.assertEqual(len(commands), 11)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PROVSYNC_")}
        for command in commands:
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([program, *command], cwd=folder, env=environment, text=True, capture_output=True, timeout=60)
            # It knows what it is asked for, and lacks only where the stores are.
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("source.host" if "schema" not in command else "graph.uri", done.stderr, command)


class Action(unittest.TestCase):
    def test_it_is_what_github_understands(self):
        check("github-action", ACTION)

    def test_scripts_hold_nothing_that_is_put_in_from_outside(self):
        for line in ACTION.read_text().splitlines():
            if "${{" in line:
                self.assertRegex(line, r"^ +(key|path|value|ARGUMENTS|REPORTS|- if|if): ", line)

    def compare(self, arguments, code):
        """The step `compare` with a stand-in for provsync: its exit code, the words that it was given, the step's output."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            program = folder / "provsync"
            program.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "$@" >{folder}/words\nexit {code}\n')
            program.chmod(0o755)
            environment = {"PATH": f"{folder}:{os.environ['PATH']}", "ARGUMENTS": arguments, "REPORTS": f"{folder}/re ports", "GITHUB_OUTPUT": f"{folder}/output"}
            # As GitHub runs `shell: bash`.
            done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("compare")], env=environment, cwd=folder, timeout=60)
            self.assertTrue((folder / "re ports").is_dir())
            words = (folder / "words").read_text().splitlines()
            return done.returncode, words, (folder / "output").read_text(), folder

    def test_it_hands_on_arguments_and_exit_code(self):
        for code in (0, 1, 2):
            returned, words, output, folder = self.compare("compare --sample 100 --hops 6", code)
            self.assertEqual((returned, output), (code, f"exit-code={code}\n"))
            self.assertEqual(words[:5], ["compare", "--sample", "100", "--hops", "6"])
            reports = [f"{folder}/re ports/provsync.{ending}" for ending in ("xml", "sarif", "html", "json")]
            self.assertEqual(words[5:], [word for report in reports for word in ("--report", report)])

    def test_arguments_are_words_and_no_program(self):
        _, words, _, folder = self.compare("verify --tables $(touch broken);ls `id`", 0)
        self.assertEqual(words[:5], ["verify", "--tables", "$(touch", "broken);ls", "`id`"])
        self.assertFalse((folder / "broken").exists())

    def test_the_cache_is_of_what_provsync_is_built_from(self):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "output"
            environment = {**os.environ, "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_OUTPUT": str(output)}
            for _ in range(2):
                subprocess.run(["bash", "-eo", "pipefail", "-c", script("program")], env=environment, check=True, timeout=60)
            first, second = output.read_text().splitlines()
            self.assertRegex(first, "^digest=[0-9a-f]{16}$")
            self.assertEqual(first, second)


if __name__ == "__main__":
    unittest.main()
