# SPDX-License-Identifier: Apache-2.0
"""Sessions on boards that end well, hang, die and warn; no QEMU is started."""

import io
import tarfile
import tempfile
import unittest
from pathlib import Path

from redoubt_board.initramfs import Job
from redoubt_board.junit import Counts, Outcome, count
from redoubt_board.session import Limits, Session
from redoubt_board.suites import Hardware, Suite

QUICK = Limits(boot=0.05, margin=0.05, total=20, poll=0.01)
BOOT = Suite("boot", Hardware(2), 0, "program")
REPORT = """<testsuites><testsuite name="boot.G">
<testcase classname="boot.G" name="one" time="0.1"/><testcase classname="boot.G" name="two"/>
</testsuite></testsuites>"""


def tar_of(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo("./" + name.replace("_", "-").replace("-xml", ".xml"))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()


class FakeBoard:
    """Has already said everything; then is off, or silent for ever."""

    def __init__(self, out: Path, events: str = "", console: str = "", results: bytes = b"",
                 hangs: bool = False):
        self.out = out
        self.killed = False
        self._hangs = hangs
        (out / "events").write_text(events)
        (out / "console.log").write_text(console)
        (out / "results").write_bytes(results)

    def running(self) -> bool:
        return self._hangs and not self.killed

    def kill(self) -> None:
        self.killed = True

    def complaint(self) -> str:
        return ""


class SessionTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.out = Path(temporary.name)
        self.jobs: list[Job] = []
        self.boards: list[FakeBoard] = []
        self.said: list[str] = []

    def run_session(self, *boots: dict, suites=(BOOT,), filter_glob=None) -> Session:
        waiting = list(boots)

        def start(_hardware: Hardware, job: Job) -> FakeBoard:
            self.jobs.append(job)
            self.boards.append(FakeBoard(self.out, **waiting.pop(0)))
            return self.boards[-1]
        session = Session(start, QUICK, self.said.append, filter_glob)
        session.run(suites)
        return session

    def test_the_boards_own_report_counts(self):
        session = self.run_session({"results": tar_of(exit_status="0", results_xml=REPORT)})
        self.assertEqual(count(session.cases), Counts(passed=2))

    def test_the_boards_page_is_kept_beside_its_console(self):
        page = {"report.html": b"<html/>", "exit-status": b"0", "results.xml": REPORT.encode()}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, content in page.items():
                info = tarfile.TarInfo(f"./{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        self.run_session({"results": out.getvalue()})
        self.assertEqual((self.out / "report.html").read_bytes(), b"<html/>")

    def test_a_hung_board_is_killed_and_its_test_fails(self):
        session = self.run_session(
            {"events": "==== suite boot\n[ RUN      ] G.one\n", "hangs": True,
             "console": "last words of the kernel\n"},
            {"results": tar_of(exit_status="0", results_xml="<testsuites/>")})
        self.assertTrue(self.boards[0].killed)
        case = session.cases[0]
        self.assertEqual((case.test, case.outcome), ("G.one", Outcome.FAILED))
        self.assertIn("hung", case.message)
        self.assertIn("last words of the kernel", case.message)
        self.assertTrue(any("last words of the kernel" in line for line in self.said))

    def test_after_a_hang_the_others_run_on_a_fresh_board(self):
        events = ("==== suite boot\n[ RUN      ] G.zero\n[       OK ] G.zero (1 ms)\n"
                  "[ RUN      ] G.stuck\n")
        session = self.run_session(
            {"events": events, "hangs": True},
            {"results": tar_of(exit_status="0", results_xml=REPORT)})
        self.assertEqual(self.jobs[1].files, {"boot.done": b"G.zero\nG.stuck\n"})
        self.assertEqual(count(session.cases), Counts(passed=3, failed=1))

    def test_a_suite_that_had_ended_is_not_run_again(self):
        events = ("==== suite boot\n==== suite boot ended: complete\n==== suite contract\n"
                  "[ RUN      ] C.stuck\n")
        self.run_session(
            {"events": events, "hangs": True},
            {"results": tar_of(exit_status="0", results_xml="<testsuites/>")},
            suites=(BOOT, Suite("contract", Hardware(2), 0, "program")))
        self.assertNotIn("boot", self.jobs[1].script.split())
        self.assertIn("contract", self.jobs[1].script.split())

    def test_a_board_that_never_speaks_fails_every_suite_and_is_not_tried_again(self):
        session = self.run_session({"hangs": True})
        self.assertEqual(count(session.cases), Counts(failed=1))
        self.assertEqual(len(self.boards), 1)

    def test_a_board_that_goes_down_is_told_from_one_that_hangs(self):
        session = self.run_session({"console": "Booting\n"})
        self.assertIn("went down", session.cases[0].message)

    def test_results_cut_short_are_no_results(self):
        whole = tar_of(exit_status="0", results_xml=REPORT)
        session = self.run_session({"results": whole[:700]})
        self.assertEqual(count(session.cases), Counts(failed=1))

    def test_a_suite_that_ran_no_test_has_failed(self):
        session = self.run_session(
            {"results": tar_of(exit_status="0", results_xml="<testsuites/>")})
        self.assertEqual(count(session.cases), Counts(failed=1))

    def test_with_a_filter_a_suite_may_be_empty(self):
        session = self.run_session(
            {"results": tar_of(exit_status="0", results_xml="<testsuites/>")}, filter_glob="X*")
        self.assertEqual(session.cases, [])

    def test_a_report_that_is_missing_is_made_up_for_by_the_output(self):
        session = self.run_session({
            "events": "==== suite boot\n[ RUN      ] G.one\n[       OK ] G.one (1 ms)\n",
            "results": tar_of(exit_status="1")})
        self.assertEqual(count(session.cases), Counts(passed=1, failed=1))

    def test_a_warning_of_the_host_kernel_fails_the_run(self):
        session = self.run_session({
            "results": tar_of(exit_status="0", results_xml=REPORT),
            "console": "[    9.1] WARNING: arch/arm64/kvm/pkvm.c:469 at f+0x1, CPU#0: vm/70\n"})
        self.assertEqual(count(session.cases), Counts(passed=2, failed=1))

    def test_the_word_about_tainting_is_no_warning(self):
        session = self.run_session({
            "results": tar_of(exit_status="0", results_xml=REPORT),
            "console": "[ 3.1] kvm: protected VMs are experimental and for development only, "
                       "tainting kernel\n"})
        self.assertEqual(count(session.cases), Counts(passed=2))

    def test_suites_with_other_processors_have_a_boot_of_their_own(self):
        results = tar_of(exit_status="0", results_xml=REPORT)
        self.run_session({"results": results}, {"results": results},
                         suites=(BOOT, Suite("wide", Hardware(4), 0, "program")))
        self.assertEqual(len(self.boards), 2)


if __name__ == "__main__":
    unittest.main()
