# SPDX-License-Identifier: Apache-2.0
"""The emulated board with an ssh server and nothing to do: what tests/board/remote is tested on."""

import socket
import subprocess
import time
from pathlib import Path

from redoubt_board import initramfs, kernel_log, modules, prepare
from redoubt_board.initramfs import Job
from redoubt_board.qemu import Board, Machine

_BOOT_SECONDS = 300
_PORT_TRIES = 5

# dropbear makes its own host keys. Everything that a session leaves is below /var/tmp or /tmp.
_JOB = """
ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up || exit 1
mkdir -p /etc/dropbear /root/.ssh /lib /var/tmp
chmod 700 /root /root/.ssh
chmod 1777 /var/tmp
cp authorized_keys /root/.ssh
chmod 600 /root/.ssh/authorized_keys
cp ssh/ld-linux-aarch64.so.1 /lib
echo "ssh server starts"
LD_LIBRARY_PATH=/job/ssh/lib exec ssh/dropbear -F -E -R -s -p 22
"""


class SshBoard:
    """A context manager: leaving it leaves no QEMU behind."""

    def __init__(self, out: Path):
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        key = out / "key"
        for path in (key, key.with_suffix(".pub")):
            path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        files: dict[str, bytes | Path] = {
            f"ssh/{name}": path for name, path in prepare.ssh_server().items()}
        files["authorized_keys"] = key.with_suffix(".pub")
        self._kernel = prepare.host_kernel("stock")
        initramfs.write(out / "initrd.cpio", prepare.busybox(), {}, Job(_JOB, files),
                        modules.collect(self._kernel.parent, (*modules.WANTED, "virtio_net")))
        self._port = 0
        self._board: Board | None = None

    def __enter__(self) -> "SshBoard":
        qemu = prepare.qemu()
        # Somebody else may have taken the port by the time that QEMU wants it.
        for _ in range(_PORT_TRIES):
            self._port = _free_port()
            machine = Machine(self._kernel, qemu, ssh_port=self._port)
            self._board = Board(machine, self._out / "initrd.cpio", self._out)
            if self._answers():
                return self
            complaint = self._board.complaint()
            self._board.kill()
            if "hostfwd" not in complaint and "forwarding" not in complaint:
                break
        console = (self._out / "console.log").read_text(errors="replace")
        raise OSError(f"no ssh server on the board: {complaint}\n{kernel_log.tail(console)}")

    def __exit__(self, *unused: object) -> None:
        if self._board:
            self._board.kill()

    @property
    def ssh(self) -> str:
        """The command, but for the name of the board and what to do there."""
        return (f"ssh -F none -p {self._port} -i {self._out / 'key'} -o IdentitiesOnly=yes "
                "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
                "-o LogLevel=ERROR -o ConnectTimeout=60 -o KexAlgorithms=curve25519-sha256")

    name = "root@127.0.0.1"

    def run(self, command: str) -> str:
        """What a command prints on the board; its failure is an exception."""
        return subprocess.run([*self.ssh.split(), self.name, command], check=True, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              timeout=_BOOT_SECONDS).stdout

    def _answers(self) -> bool:
        deadline = time.monotonic() + _BOOT_SECONDS
        while self._board.running() and time.monotonic() < deadline:
            try:
                self.run("true")
                return True
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                time.sleep(0.5)
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
