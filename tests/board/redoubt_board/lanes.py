# SPDX-License-Identifier: Apache-2.0
"""Runs tasks that wait for one another side by side, on a fixed number of lanes."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Task(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def after(self) -> Collection[str]:
        """The names of the tasks that have to go well before this one starts."""


TaskT = TypeVar("TaskT", bound=Task)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Begin(Generic[TaskT]):
    task: TaskT


@dataclass(frozen=True)
class End(Generic[TaskT, ResultT]):
    task: TaskT
    result: ResultT
    seconds: float


@dataclass(frozen=True)
class Skip(Generic[TaskT]):
    """A task that was not run, because one it waited for went badly or was not run either."""

    task: TaskT
    because: str


@dataclass(frozen=True)
class Tick(Generic[TaskT]):
    """Nothing has happened for a while. The running tasks and for how many seconds each runs."""

    running: list[tuple[TaskT, float]]


@dataclass
class _State(Generic[TaskT, ResultT]):
    waiting: list[TaskT]
    running: dict["Future[ResultT]", tuple[TaskT, float]] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)


def count() -> int:
    """One lane for each processor, as long as there is memory for an emulated board in each."""
    board_bytes = 4 << 30
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // board_bytes))


def run(tasks: Sequence[TaskT], lanes: int, work: Callable[[TaskT], ResultT],
        good: Callable[[ResultT], bool], stop: Callable[[], None], tick: float = 1.0
        ) -> "Iterator[Begin[TaskT] | End[TaskT, ResultT] | Skip[TaskT] | Tick[TaskT]]":
    """Works on the tasks in their order, each as soon as a lane is free and what it waits for has
    ended with a good result. A task waits only for tasks that are among `tasks`.

    `work` is called on a thread of its own and must not throw. Everything else happens on the
    caller's thread, between events. When the caller leaves early, by an exception too, `stop` is
    called: it makes the works that are running end soon, and they are waited for.
    """
    state = _State(list(tasks), unfinished={task.name for task in tasks})
    pool = ThreadPoolExecutor(lanes)
    try:
        while state.waiting or state.running:
            yield from _drop(state)
            for task in _ready(state)[:lanes - len(state.running)]:
                state.waiting.remove(task)
                state.running[pool.submit(work, task)] = (task, time.monotonic())
                yield Begin(task)
            if not state.running:
                if state.waiting:
                    names = ", ".join(task.name for task in state.waiting)
                    raise ValueError(f"tasks that wait for one another: {names}")
                return
            done, _ = wait(state.running, timeout=tick, return_when=FIRST_COMPLETED)
            if not done:
                now = time.monotonic()
                yield Tick([(task, now - begin) for task, begin in state.running.values()])
            for future in done:
                task, begin = state.running.pop(future)
                state.unfinished.discard(task.name)
                result = future.result()
                if not good(result):
                    state.bad.add(task.name)
                yield End(task, result, time.monotonic() - begin)
    finally:
        if state.running:
            stop()
        pool.shutdown(cancel_futures=True)


def _ready(state: _State[TaskT, ResultT]) -> list[TaskT]:
    return [task for task in state.waiting if not state.unfinished.intersection(task.after)]


def _drop(state: _State[TaskT, ResultT]) -> Iterator[Skip[TaskT]]:
    """Takes out what cannot run any more; one task may take others with it."""
    dropped = True
    while dropped:
        dropped = False
        for task in list(state.waiting):
            if because := sorted(state.bad.intersection(task.after)):
                state.waiting.remove(task)
                state.unfinished.discard(task.name)
                state.bad.add(task.name)
                dropped = True
                yield Skip(task, because[0])
