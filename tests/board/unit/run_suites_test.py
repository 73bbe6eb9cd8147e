# SPDX-License-Identifier: Apache-2.0
"""run-suites itself, with a shell script in place of a GoogleTest program."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from redoubt_board import junit
from redoubt_board.junit import Outcome
from redoubt_board.paths import BOARD

# Speaks like GoogleTest. Each test is a shell function, named as the test with _ for the dot.
PROGRAM = r"""#!/bin/sh
filter='*' list=no
for argument; do
  case $argument in
    --gtest_filter=*) filter=${argument#*=} ;;
    --gtest_output=xml:*) report=${argument#*:} ;;
    --gtest_list_tests) list=yes ;;
  esac
done
matches() {
  [ "$filter" = '*' ] && return
  case ":$filter:" in *":G.$1:"*) ;; *) false ;; esac
}
[ $list = yes ] && echo 'G.'
body=
for test in $TESTS; do
  matches "$test" || continue
  if [ $list = yes ]; then echo "  $test"; continue; fi
  echo "[ RUN      ] G.$test"
  case $test in
    hang) exec sleep 600 ;;
    settings) echo 'always madvise [never]' >"$TOP/host/sys/kernel/mm/transparent_hugepage/enabled"
      echo 1 >"$TOP/host/sys/kernel/mm/ksm/run"
      mkdir "$TOP/host/tmp/redoubt-test-left" "$TOP/host/sys/fs" "$TOP/host/sys/fs/cgroup" \
        "$TOP/host/sys/fs/cgroup/redoubt-left" ;;
    crash) kill -ABRT $$ ;;
    fail)
      echo 'why <it> failed & how'
      echo "[  FAILED  ] G.$test (7 ms)"
      body="$body<testcase classname='G' name='$test'><failure message='why'/></testcase>"
      status=1 ;;
    *)
      echo "[       OK ] G.$test (7 ms)"
      body="$body
<testcase name=\"$test\" status=\"run\" result=\"completed\" time=\"0.007\" classname=\"G\" />" ;;
  esac
done
[ $list = yes ] && exit
cat >"$report" <<END
<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" name="AllTests">
  <testsuite name="G" tests="1" failures="0" disabled="0" skipped="0" errors="0" time="0">$body
  </testsuite>
</testsuites>
END
exit ${status:-0}
"""


class RunSuites(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = Path(temporary.name)
        for script in ("run-suites", "debian-on-host.sh", "host-reports.sh", "host-state.sh",
                       "soak-on-host.sh"):
            shutil.copy(BOARD / script, self.top)
        self.script("program", PROGRAM)
        (self.top / "bin").mkdir()
        self.script("bin/uname", "#!/bin/sh\necho aarch64\n")
        # A host with two settings, which the suites may change.
        self.host = self.top / "host"
        self.thp = self.setting("sys/kernel/mm/transparent_hugepage/enabled",
                                "always [madvise] never\n")
        self.ksm = self.setting("sys/kernel/mm/ksm/run", "0\n")
        (self.host / "tmp").mkdir()
        (self.top / "suites.txt").write_text("# a comment\nboot 2 2 ./program *\n")

    def script(self, name: str, text: str) -> None:
        path = self.top / name
        path.write_text(text)
        path.chmod(0o755)

    def setting(self, name: str, value: str) -> Path:
        path = self.host / name
        path.parent.mkdir(parents=True)
        path.write_text(value)
        return path

    def environment(self, tests: str) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.top / 'bin'}:{os.environ['PATH']}", "TESTS": tests,
                "REDOUBT_HOST_ROOT": str(self.host), "TOP": str(self.top)}

    def run_suites(self, tests: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.top / "run-suites", "--no-kernel-log", *arguments],
                              env=self.environment(tests), check=False, capture_output=True,
                              text=True, timeout=120)

    def outcomes(self) -> dict[str, Outcome]:
        report = (self.top / "results" / "results.xml").read_bytes()
        return {case.test: case.outcome for case in junit.parse(report)}

    def test_it_ends_with_the_counts(self):
        result = self.run_suites("one two")
        self.assertEqual(result.stdout.splitlines()[-1], "2 passed, 0 failed, 0 skipped")
        self.assertEqual(result.returncode, 0)

    def test_the_report_names_the_suite(self):
        self.run_suites("one")
        cases = junit.parse((self.top / "results" / "results.xml").read_bytes())
        self.assertEqual([case.group for case in cases], ["boot.G"])

    def test_a_soak_goes_round_until_its_time_is_over(self):
        result = self.run_suites("one two", "--soak", "2s")
        rounds = result.stdout.count("2 passed, 0 failed, 0 skipped")
        self.assertGreaterEqual(rounds, 1)
        self.assertEqual(result.stdout.splitlines()[-1],
                         f"soak: {rounds} rounds, {2 * rounds} tests, none failed")
        self.assertEqual(result.returncode, 0)

    def test_a_soak_starts_each_round_from_another_seed(self):
        result = self.run_suites("one two", "--soak", "3s")
        seeds = re.findall(r"REDOUBT_SEED=(\d+)", result.stdout)
        self.assertEqual(len(set(seeds)), result.stdout.count("==== soak: round"))

    def test_a_soak_stops_at_a_failure_and_tells_how_to_have_it_again(self):
        result = self.run_suites("one fail", "--soak", "1h")
        seed = re.search(r"REDOUBT_SEED=(\d+)", result.stdout)[1]
        self.assertEqual(result.stdout.splitlines()[-1],
                         f"soak: again: REDOUBT_SEED={seed} ./run-suites --filter 'G.fail'")
        self.assertEqual(result.returncode, 1)
        self.assertIn(Outcome.FAILED, self.outcomes().values())

    def test_a_soak_of_no_time_is_refused(self):
        result = self.run_suites("one", "--soak", "soon")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--soak soon", result.stderr)

    def test_a_crash_fails_its_test_and_the_others_run(self):
        result = self.run_suites("one crash two")
        self.assertEqual(self.outcomes(), {"G.one": Outcome.PASSED, "G.crash": Outcome.FAILED,
                                           "G.two": Outcome.PASSED})
        self.assertEqual(result.returncode, 1)

    def test_a_hang_is_killed_and_the_others_run(self):
        self.run_suites("one hang two")
        self.assertEqual(self.outcomes(), {"G.one": Outcome.PASSED, "G.hang": Outcome.FAILED,
                                           "G.two": Outcome.PASSED})

    def test_a_failure_before_a_crash_stays_a_failure(self):
        self.run_suites("fail crash")
        self.assertEqual(self.outcomes(), {"G.fail": Outcome.FAILED, "G.crash": Outcome.FAILED})

    def test_a_filter_leaves_the_others_out(self):
        self.run_suites("one two", "--filter", "G.two")
        self.assertEqual(self.outcomes(), {"G.two": Outcome.PASSED})

    def test_shards_are_parts_that_make_up_the_whole(self):
        parts = []
        for shard in ("1/3", "2/3", "3/3"):
            self.run_suites("a b c d e f g", "--shard", shard)
            parts.append(sorted(self.outcomes()))
        self.assertEqual(parts, [["G.a", "G.d", "G.g"], ["G.b", "G.e"], ["G.c", "G.f"]])

    def test_a_shard_stays_the_same_when_some_of_it_is_done(self):
        (self.top / "done").mkdir()
        (self.top / "done" / "boot.done").write_text("G.a\n")
        self.run_suites("a b c d", "--shard", "1/2", "--done", str(self.top / "done"))
        self.assertEqual(self.outcomes(), {"G.c": Outcome.PASSED})

    def test_a_hang_in_a_shard_does_not_move_tests_to_another(self):
        self.run_suites("hang b c d", "--shard", "1/2")
        self.assertEqual(self.outcomes(), {"G.hang": Outcome.FAILED, "G.c": Outcome.PASSED})

    def test_a_suite_that_needs_debian_is_told_why_there_is_none(self):
        (self.top / "suites.txt").write_text("boot 2 2 ./program * debian\n")
        program = (self.top / "program").read_text().replace(
            "status=1 ;;", "status=1 ;;\n    env) echo \"none: $REDOUBT_NO_DEBIAN\"; "
                           "echo '[       OK ] G.env (1 ms)' ;;")
        self.script("program", program)
        self.script("bin/id", "#!/bin/sh\necho 0\n")
        result = self.run_suites("env")
        self.assertIn("none: the Debian image cannot be unpacked: this bundle", result.stdout)

    def test_a_shard_that_there_is_not_is_refused(self):
        for shard in ("3/2", "0/2", "2", "one/two"):
            self.assertEqual(self.run_suites("a", "--shard", shard).returncode, 2, shard)

    def test_tests_that_are_done_are_left_out(self):
        (self.top / "done").mkdir()
        (self.top / "done" / "boot.done").write_text("G.one\n")
        self.run_suites("one two", "--done", str(self.top / "done"))
        self.assertEqual(self.outcomes(), {"G.two": Outcome.PASSED})

    def test_a_suite_that_ran_nothing_has_failed(self):
        result = self.run_suites("")
        self.assertEqual(result.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")
        self.assertEqual(result.returncode, 1)

    def test_a_program_that_is_missing_has_failed(self):
        (self.top / "program").unlink()
        result = self.run_suites("one")
        self.assertEqual(result.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")

    def test_a_suite_that_does_not_exist_is_named_with_those_that_do(self):
        result = self.run_suites("one", "bot")
        self.assertIn('no suite "bot"; there are: boot', result.stderr)
        self.assertEqual(result.returncode, 2)

    def test_what_tests_leave_changed_is_told_and_put_back(self):
        (self.host / "tmp" / "redoubt-of-before").mkdir()
        result = self.run_suites("settings one")
        self.assertEqual(self.outcomes()["Host.is_left_as_it_was"], Outcome.FAILED)
        for line in ("before: /sys/kernel/mm/ksm/run\t0", "after: /sys/kernel/mm/ksm/run\t1",
                     "after: /sys/fs/cgroup/redoubt-left"):
            self.assertIn(line, result.stdout)
        self.assertEqual(self.ksm.read_text(), "0\n")
        self.assertEqual(self.thp.read_text(), "madvise\n")
        self.assertEqual([path.name for path in (self.host / "tmp").iterdir()],
                         ["redoubt-of-before"])

    def start(self, tests: str, *arguments: str, **streams) -> subprocess.Popen:
        process = subprocess.Popen([self.top / "run-suites", "--no-kernel-log", *arguments],
                                   env=self.environment(tests), stdout=subprocess.PIPE, text=True,
                                   **streams)
        while "] G.hang" not in process.stdout.readline():
            self.assertIsNone(process.poll())
        return process

    def leftovers(self) -> list[str]:
        """Processes that the run has started and that do not go. A `sleep 1` of its shell does."""
        deadline = time.monotonic() + 10
        while (found := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def processes(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"TOP={self.top}\0".encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text())
            except OSError:
                pass
        return found

    def test_the_end_of_its_input_stops_it_when_it_was_told_so(self):
        (self.top / "suites.txt").write_text("boot 2 600 ./program *\n")
        with self.start("settings hang", "--stop-at-eof", stdin=subprocess.PIPE) as process:
            process.stdin.close()
            process.stdout.read()
            self.assertEqual(process.wait(60), 143)
        self.assertEqual(self.ksm.read_text(), "0\n")
        self.assertEqual(self.leftovers(), [])

    def test_input_that_goes_on_stops_nothing(self):
        reader, writer = os.pipe()
        try:
            result = subprocess.run(
                [self.top / "run-suites", "--no-kernel-log", "--stop-at-eof"], check=False,
                env=self.environment("one"), stdin=reader, capture_output=True, text=True,
                timeout=120)
        finally:
            os.close(reader)
            os.close(writer)
        self.assertEqual(result.stdout.splitlines()[-1], "1 passed, 0 failed, 0 skipped")

    def test_the_report_program_is_given_the_results(self):
        (self.top / "build" / "arm64").mkdir(parents=True)
        self.script("build/arm64/redoubt-board-report",
                    "#!/bin/sh\n"
                    "[ $1 = write ] || { echo '{}'; exit; }\n"
                    "grep -q testcase $2/results.xml && test -s $2/environment.json &&\n"
                    "echo html >$2/report.html && echo 'said in short'\n")
        result = self.run_suites("one")
        self.assertIn("said in short", result.stdout)
        self.assertIn(f"report: {self.top}/results/report.html", result.stdout)

    def test_list_runs_nothing(self):
        result = self.run_suites("one two", "--list")
        self.assertEqual(result.stdout.splitlines(), ["==== suite boot", "  G.one", "  G.two"])


if __name__ == "__main__":
    unittest.main()
