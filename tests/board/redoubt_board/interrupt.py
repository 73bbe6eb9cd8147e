# SPDX-License-Identifier: Apache-2.0
"""Turns the signals that ask a program to stop into an orderly way out."""

import contextlib
import signal
from collections.abc import Iterator


class Stopped(BaseException):
    """Raised in the main thread, so that every `with` and `finally` on the way out is run."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    before = {number: signal.signal(number, _stop)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
