# SPDX-License-Identifier: Apache-2.0
"""The recipes for CI: YAML that its linter likes, of the form that each service asks for, and the
commands in it are such as there are.

LAVA's own schema is packaged and judges its job. Neither GitHub's nor GitLab's is, so of theirs the
keys are looked at here.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from redoubt_board import cli, remote
from redoubt_board.paths import BOARD, ROOT

CI = BOARD / "ci"
# Debian's own: it has the packages that this needs, another python may not.
PYTHON = "/usr/bin/python3"
LINT = ("{extends: default, rules: {line-length: {max: 100}, "
        "braces: {max-spaces-inside: 0}, truthy: {allowed-values: ['true', 'false']}}}")


def python(script: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([PYTHON, "-c", script, *arguments], capture_output=True, text=True,
                          check=False)


def load(name: str) -> dict:
    result = python("import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
                    str(CI / name))
    if "No module named 'yaml'" in result.stderr:
        raise unittest.SkipTest("no python3-yaml is installed")
    return json.loads(result.stdout)


def commands(script: str) -> list[list[str]]:
    """Of each line of a script the words, as a shell that knows no variable would split them."""
    return [shlex.split(line, comments=True) for line in script.splitlines() if line.strip()]


class Recipes(unittest.TestCase):
    def shell(self, script: str) -> None:
        """The script is one, what it starts of this tree is there, and takes the arguments."""
        if shutil.which("shellcheck"):
            result = subprocess.run(["shellcheck", "--shell=sh", "--exclude=SC2086", "-"],
                                    input=script, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stdout)
        for words in commands(script):
            if words[0].startswith(("tests/", "setup/")):
                self.assertTrue(os.access(ROOT / words[0], os.X_OK), words[0])
            arguments = [word for word in words[1:] if not word.startswith("$")]
            if words[0] == "tests/board/run":
                cli.parse([word if word != "--cpu" else "--cpu=max" for word in arguments])
            if words[0] == "tests/board/remote":
                remote.parse([*arguments, "board"])

    def test_the_linter_likes_each(self):
        if not shutil.which("yamllint"):
            self.skipTest("no yamllint is installed")
        for recipe in sorted(CI.iterdir()):
            result = subprocess.run(["yamllint", "--strict", "-d", LINT, recipe],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_lava_accepts_its_job(self):
        result = python("import sys, yaml\nfrom lava_common.schemas import validate\n"
                        "validate(yaml.safe_load(open(sys.argv[1])), strict=True)",
                        str(CI / "lava-job.yaml"))
        if "No module named" in result.stderr:
            self.skipTest("no lava-common is installed")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_lava_does_not_accept_any_job(self):
        result = python("import yaml\nfrom lava_common.schemas import validate\n"
                        "validate({'job_name': 'x'}, strict=True)")
        if "No module named" in result.stderr:
            self.skipTest("no lava-common is installed")
        self.assertNotEqual(result.returncode, 0)

    def test_the_steps_of_the_lava_job_name_what_the_bundle_has(self):
        job = load("lava-job.yaml")
        steps = job["actions"][-1]["test"]["definitions"][0]["repository"]["run"]["steps"]
        for step in steps:
            if step.startswith("./"):
                self.assertTrue((BOARD / shlex.split(step)[0]).exists(), step)
        self.shell("\n".join(steps).replace("cd /var/tmp\n", "cd /var/tmp || exit\n")
                   .replace("cd redoubt-board-suite\n", "cd redoubt-board-suite || exit\n"))

    def test_lava_is_told_every_test(self):
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            (folder / "lava-test-case").write_text("#!/bin/sh\necho \"$@\"\n")
            (folder / "lava-test-case").chmod(0o755)
            tap = folder / "results.tap"
            environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

            def told(text: str) -> list[str]:
                tap.write_text(text)
                return subprocess.run([BOARD / "lava-results", tap], env=environment, check=True,
                                      capture_output=True, text=True).stdout.splitlines()
            self.assertEqual(told("TAP version 13\n1..3\nok 1 - a.B.c/0\n  ---\n  duration_ms: 1\n"
                                  "  ...\nnot ok 2 - a.B.d\nok 3 - a.B.e # SKIP no KSM\n"),
                             ["a.B.c-0 --result pass", "a.B.d --result fail",
                              "a.B.e --result skip"])
            self.assertEqual(told("TAP version 13\n1..0\n"), ["suites-run --result fail"])

    def test_the_workflow_for_github_has_what_it_needs(self):
        workflow = load("github-actions.yml")
        self.assertLessEqual({"name", "on", "jobs"}, set(workflow))
        self.assertEqual(workflow["permissions"], {"contents": "read"})
        for job in workflow["jobs"].values():
            self.assertLessEqual({"runs-on", "steps", "timeout-minutes"}, set(job))
            self.assertIn("actions/checkout", str(job["steps"]))
            for step in job["steps"]:
                self.assertEqual(("uses" in step) + ("run" in step), 1, step)
                self.assertLessEqual(set(step), {"name", "uses", "run", "with", "if", "env"}, step)
                if "uses" in step:
                    self.assertRegex(step["uses"], r"^actions/[a-z-]+@v\d+$")
                else:
                    self.shell(step["run"])
            upload = job["steps"][-1]
            self.assertEqual(upload["if"], "always()")
            for suites in (each["suites"] for each in job["strategy"]["matrix"]["include"]):
                cli.parse(suites.split())
            for each in job["strategy"]["matrix"]["include"]:
                cli.parse(["--cpu", each["cpu"]])

    def test_the_pipeline_for_gitlab_has_what_it_needs(self):
        pipeline = load("gitlab-ci.yml")
        stages = pipeline.pop("stages")
        known = {"stage", "image", "variables", "cache", "before_script", "artifacts", "extends",
                 "timeout", "script", "tags", "rules"}
        for name, job in pipeline.items():
            self.assertLessEqual(set(job), known, name)
            whole = {**pipeline.get(job.get("extends", ""), {}), **job}
            self.assertIn(whole["stage"], stages)
            for line in [*job.get("before_script", []), *job.get("script", [])]:
                self.shell(line)
            if not name.startswith("."):
                self.assertIn("script", job, name)
                self.assertIn("junit", whole["artifacts"]["reports"])


if __name__ == "__main__":
    unittest.main()
