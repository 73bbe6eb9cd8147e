# SPDX-License-Identifier: Apache-2.0
"""The QEMU command line, the reading of growing files, and that no process is left behind."""

import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from redoubt_board import qemu
from redoubt_board.paths import BOARD
from redoubt_board.qemu import Board, Disk, LineReader, Machine, command, kernel_command_line


@mock.patch.object(qemu, "qemu_version", lambda program: 10)
class CommandLine(unittest.TestCase):
    def test_the_board_is_a_pkvm_host(self):
        words = command(Machine(Path("/k"), "/bin/qemu"), Path("/i"), Path("/o"))
        self.assertEqual(words[0], "/bin/qemu")
        self.assertIn("virt,virtualization=on,gic-version=3", words)
        self.assertIn("kvm-arm.mode=protected", words[words.index("-append") + 1].split())

    def test_a_panic_ends_the_board(self):
        words = command(Machine(Path("/k"), "qemu"), Path("/i"), Path("/o"))
        self.assertIn("-no-reboot", words)
        self.assertIn("panic=-1", words[words.index("-append") + 1].split())

    def test_its_memory_can_be_a_file_that_others_see(self):
        machine = Machine(Path("/k"), "qemu", memory_mib=512, memory_file=Path("/m"))
        words = command(machine, Path("/i"), Path("/o"))
        self.assertIn("memory-backend=ram", words[words.index("-M") + 1].split(","))
        self.assertIn("memory-backend-file,id=ram,size=512M,mem-path=/m,share=on", words)

    def test_a_board_with_zones_has_two_nodes_and_memory_to_move(self):
        machine = Machine(Path("/k"), "qemu", memory_mib=512, zones=True)
        words = command(machine, Path("/i"), Path("/o"))
        self.assertIn("memory-backend-ram,id=node1,size=256M", words)
        self.assertIn("node,nodeid=1,memdev=node1", words)
        self.assertIn("movablecore=64M", words[words.index("-append") + 1].split())

    def test_instructions_are_logged_where_they_are_asked_for(self):
        words = command(Machine(Path("/k"), "qemu", instructions=True), Path("/i"), Path("/o"))
        self.assertEqual(words[words.index("-D") + 1], "/o/instructions")
        self.assertNotIn("-D", command(Machine(Path("/k"), "qemu"), Path("/i"), Path("/o")))

    def test_orders_reach_the_job_by_a_port_of_their_own(self):
        words = command(Machine(Path("/k"), "qemu", orders=Path("/f")), Path("/i"), Path("/o"))
        self.assertIn("pipe,id=orders,path=/f", words)
        self.assertIn("virtserialport,chardev=orders,name=redoubt.orders", words)


@mock.patch.object(qemu, "qemu_version", lambda program: 10)
class Disks(unittest.TestCase):
    def drives(self, *disks: Disk) -> list[str]:
        words = command(Machine(Path("/k"), "qemu", disks=disks), Path("/i"), Path("/o"))
        return [value for word, value in zip(words, words[1:]) if word == "-drive"]

    def test_what_the_board_writes_is_not_kept(self):
        self.assertIn("snapshot=on", self.drives(Disk("scratch", Path("/s")))[0])

    def test_a_disk_that_is_only_read_cannot_be_written(self):
        drive = self.drives(Disk("debian", Path("/d"), readonly=True))[0]
        self.assertIn("readonly=on", drive)

    def test_each_disk_can_be_told_by_its_serial_number(self):
        disks = (Disk("one", Path("/1")), Disk("two", Path("/1")))
        words = command(Machine(Path("/k"), "qemu", disks=disks), Path("/i"), Path("/o"))
        for serial in ("one", "two"):
            self.assertIn(f"virtio-blk-pci,drive={serial},serial={serial}", words)


class HvheMode(unittest.TestCase):
    def test_an_old_qemu_is_not_trusted_with_hvhe(self):
        self.assertIn("arm64_sw.hvhe=0", kernel_command_line("max", 7))

    def test_a_newer_qemu_is(self):
        self.assertNotIn("arm64_sw.hvhe=0", kernel_command_line("max", 10))

    def test_a_cpu_without_vhe_needs_no_word_of_it(self):
        self.assertNotIn("arm64_sw.hvhe=0", kernel_command_line("cortex-a72", 7))


class Lines(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name) / "file"

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(data)

    def test_a_file_that_does_not_exist_yet_has_no_lines(self):
        self.assertEqual(LineReader(self.path).lines(), [])

    def test_a_line_counts_when_it_is_complete(self):
        reader = LineReader(self.path)
        self.append(b"one\r\ntw")
        self.assertEqual(reader.lines(), ["one"])
        self.append(b"o\n")
        self.assertEqual(reader.lines(), ["two"])

    def test_bytes_that_are_no_text_are_shown_as_such(self):
        reader = LineReader(self.path)
        self.append(b"\xff\n")
        self.assertEqual(reader.lines(), ["\ufffd"])


class Processes(unittest.TestCase):
    """With `sleep` in QEMU's place."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.out = Path(temporary.name)

    def test_leaving_a_board_stops_it(self):
        with mock.patch.object(qemu, "command", lambda *_: ["sleep", "600"]):
            with Board(Machine(Path("/k"), "qemu"), Path("/i"), self.out) as board:
                self.assertTrue(board.running())
            self.assertFalse(board.running())

    def test_a_board_dies_with_a_runner_that_is_killed_outright(self):
        script = (f"import sys; sys.path.insert(0, {str(BOARD)!r})\n"
                  "from pathlib import Path\nfrom redoubt_board import qemu\n"
                  "qemu.command = lambda *_: ['sh', '-c', 'echo $$; exec sleep 600']\n"
                  "import subprocess; real = subprocess.Popen\n"
                  "subprocess.Popen = lambda w, **k: real(w, **{**k, 'stdout': None})\n"
                  "machine = qemu.Machine(Path('/k'), 'qemu')\n"
                  f"b = qemu.Board(machine, Path('/i'), Path({str(self.out)!r}))\n"
                  "b.wait()\n")
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as runner:
            pid = int(runner.stdout.readline())
            runner.send_signal(signal.SIGKILL)
            runner.wait()
        deadline = time.monotonic() + 30
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(alive(pid))


def alive(pid: int) -> bool:
    """A zombie, which only waits for its new parent, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    unittest.main()
