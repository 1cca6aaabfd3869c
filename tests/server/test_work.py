"""Searches take turns."""

import threading
from collections.abc import Callable

import anyio
import pytest

from qasearch.server.work import BusyError, CallerGoneError, Turns


async def here() -> bool:
    return False


async def gone() -> bool:
    return True


class Gatekeeper:
    """Work that goes on until it is let go, and knows how much of it ran at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.open.wait(timeout=20)
        with self._lock:
            self.running -= 1
        return "done"


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.001)


def test_so_many_run_and_so_many_wait() -> None:
    keeper = Gatekeeper()
    replies: list[str] = []

    async def ask(turns: Turns) -> None:
        try:
            replies.append(await turns.run(keeper, here))
        except BusyError:
            replies.append("busy")

    async def main() -> None:
        turns = Turns(running=2, waiting=3)
        async with anyio.create_task_group() as tasks:
            for _ in range(9):
                tasks.start_soon(ask, turns)
            await until(lambda: replies.count("busy") == 4 and keeper.running == 2)
            keeper.open.set()

    anyio.run(main)
    assert (replies.count("done"), replies.count("busy"), keeper.most) == (5, 4, 2)


def test_who_waits_too_long_is_told() -> None:
    keeper = Gatekeeper()

    async def main() -> None:
        turns = Turns(running=1, waiting=5, patience=0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turns.run, keeper, here)
            await until(lambda: keeper.running == 1)
            with pytest.raises(BusyError):
                await turns.run(keeper, here)
            keeper.open.set()

    anyio.run(main)


def test_nobody_is_worked_for_who_has_gone() -> None:
    worked: list[int] = []

    async def main() -> None:
        turns = Turns(running=1, waiting=1)
        with pytest.raises(CallerGoneError):
            await turns.run(lambda: worked.append(1), gone)
        await turns.run(lambda: worked.append(2), here)  # the turn was given back

    anyio.run(main)
    assert worked == [2]


def test_an_error_gives_the_turn_back() -> None:
    async def main() -> None:
        turns = Turns(running=1, waiting=1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await turns.run(lambda: 1 // 0, here)

    anyio.run(main)
