# SPDX-License-Identifier: Apache-2.0
"""tests/board/remote without a board: what it asks ssh for, what it takes, what it shows.

remote-test runs it against an ssh server on the emulated board.
"""

import contextlib
import io
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from redoubt_board import remote, report_page

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"/></head><body>
<a href="#t1">x</a><table><tbody><tr id="t1"><td>✓ passed</td><td>G.one</td></tr>
<tr id="t2"><td>– skipped</td><td>G.two<br/><span>why</span></td></tr></tbody></table>
</body></html>
"""
XML = """<testsuites><testcase classname="boot.G" name="one"/>
<testcase classname="boot.G" name="two"><skipped message="why"/></testcase></testsuites>"""
TAP = "TAP version 13\n1..2\nok 1 - boot.G.one\nok 2 - boot.G.two # SKIP why\n"
JSON = """{"tests": [{"suite": "boot", "test": "G.one", "outcome": "passed"},
                     {"suite": "boot", "test": "G.two", "outcome": "skipped"}]}"""


class RemoteTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def ssh(self, script: str) -> str:
        """What stands in for ssh: gets -T, the board and the command there."""
        path = self.folder / "ssh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def run_remote(self, ssh: str, *rest: str) -> tuple[int, str]:
        archive = self.folder / "bundle"
        archive.write_bytes(b"x" * 1000)
        options = remote.parse(["--bundle", str(archive), "--results", str(self.folder / "results"),
                                "--ssh", ssh, "board", *rest])
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = remote.run(options, archive)
        return status, out.getvalue()

    def test_what_follows_the_board_is_for_run_suites(self):
        options = remote.parse(["--sudo", "me@board", "--filter", "A*B", "contract"])
        words = remote.command(options, 7)
        self.assertEqual(words[:3], ["ssh", "-T", "me@board"])
        self.assertTrue(words[3].startswith("sudo -n sh -c "))
        self.assertTrue(words[3].endswith("run-suites /var/tmp 7 --filter 'A*B' contract"))

    def test_the_script_for_the_board_is_one(self):
        subprocess.run(["sh", "-n", "-c", remote._SCRIPT], check=True)

    def test_reports_come_behind_the_mark_and_the_status_is_the_boards(self):
        status, said = self.run_remote(self.ssh(
            "cd \"${0%/*}\" && head -c 1000 >copied && echo hello; echo '==== suite boot' >&2\n"
            "echo '[ RUN      ] G.one' >&2; echo '[       OK ] G.one (7 ms)' >&2\n"
            "mkdir out && echo xml >out/results.xml && mkdir out/sub && echo no >out/sub/file\n"
            "printf 'redoubt-board-reports\\n'; tar -C out -cf - .; exit 1"))
        self.assertEqual(status, 1)
        self.assertIn("ok   boot: G.one (0.0 s)", said)
        self.assertIn("copying the bundle: 100 %", said)
        self.assertEqual([path.name for path in (self.folder / "results").iterdir()],
                         ["results.xml"])
        self.assertEqual((self.folder / "copied").read_bytes(), b"x" * 1000)

    def test_a_board_that_refuses_is_heard(self):
        status, said = self.run_remote(self.ssh("echo 'no such host' >&2; exit 255"))
        self.assertEqual(status, 255)
        self.assertIn("no such host", said)
        self.assertIn("no reports from board", said)

    def test_reports_that_are_cut_short_are_no_success(self):
        status, said = self.run_remote(self.ssh(
            "cat >/dev/null & printf 'redoubt-board-reports\\nnot a tar'; exit 0"))
        self.assertEqual(status, 255)
        self.assertIn("cut short", said)

    def test_files_with_a_way_out_are_left_out(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name in ("./good", "../bad", "/etc/bad", "deep/bad"):
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        self.assertEqual(remote.save(out.getvalue(), self.folder / "saved"), ["good"])


class ReportPageTest(unittest.TestCase):
    def troubles(self, **changed: str) -> list[str]:
        files = {"results.xml": XML, "report.html": PAGE, "results.tap": TAP, "results.json": JSON}
        files.update({name.replace("_", "."): text for name, text in changed.items()})
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                (Path(directory) / name).write_text(text)
            return report_page.troubles(Path(directory))

    def test_reports_that_agree_are_good(self):
        self.assertEqual(self.troubles(), [])

    def test_every_fault_is_found(self):
        self.assertEqual(self.troubles(report_html=PAGE.replace("G.two", "G.three")),
                         ["report.html has not the tests of results.xml"])
        self.assertEqual(self.troubles(report_html=PAGE.replace("– skipped", "✓ passed")),
                         ["report.html has not the tests of results.xml"])
        self.assertEqual(self.troubles(report_html=PAGE.replace('href="#t1"', 'href="#t9"')),
                         ["#t9 leads nowhere"])
        self.assertIn("<span/> is open for a browser",
                      self.troubles(report_html=PAGE.replace("<br/>", "<span/>")))
        self.assertEqual(len(self.troubles(report_html=PAGE.replace("</table>", ""))), 1)
        self.assertEqual(self.troubles(results_tap=TAP.replace("ok 1", "not ok 1")),
                         ["results.tap has not the tests of results.xml"])
        self.assertEqual(self.troubles(results_json=JSON.replace("passed", "failed")),
                         ["results.json has not the tests of results.xml"])
        self.assertEqual(len(self.troubles(results_json="")), 1)


if __name__ == "__main__":
    unittest.main()
