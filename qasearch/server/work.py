"""Searches take turns: so many at once, so many waiting, and no more."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import to_thread

Result = TypeVar("Result")


class BusyError(Exception):
    """Too many searches are waiting."""


class CallerGoneError(Exception):
    """Whoever asked has hung up while waiting for a turn."""


class Turns:
    """Runs blocking work in threads, a bounded number at once.

    Args:
        running: at once, at most.
        waiting: for a turn, at most.
        patience: seconds after which who waits is told to come back.
    """

    def __init__(self, *, running: int, waiting: int, patience: float = 10.0) -> None:
        self._turns = anyio.Semaphore(running)
        self._threads = anyio.CapacityLimiter(running)
        self._waiting = waiting
        self._patience = patience

    async def run(self, work: Callable[[], Result], gone: Callable[[], Awaitable[bool]]) -> Result:
        """Do ``work`` when its turn has come.

        Args:
            work: what blocks.
            gone: whether the caller has hung up: then there is nobody to work for.

        Raises:
            BusyError: too many wait already, or the turn did not come in time.
            CallerGoneError: the caller has hung up.
        """
        if self._turns.statistics().tasks_waiting >= self._waiting:
            raise BusyError
        try:
            with anyio.fail_after(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            if await gone():
                raise CallerGoneError
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._turns.release()
