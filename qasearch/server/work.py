"""Searches take turns: so many at once, so many waiting, and no more."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import to_thread

Result = TypeVar("Result")

WAIT_SECONDS = 10.0
"""Who has waited so long for a turn is told to come back."""


class BusyError(Exception):
    """Too many searches are waiting."""


class CallerGoneError(Exception):
    """Whoever asked has hung up while waiting for a turn."""


class Turns:
    """Runs blocking work in threads, a bounded number at once.

    Args:
        running: at once, at most.
        waiting: for a turn, at most.
    """

    def __init__(self, *, running: int, waiting: int) -> None:
        self._turns = anyio.Semaphore(running)
        self._threads = anyio.CapacityLimiter(running)
        self._waiting = waiting

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
            with anyio.fail_after(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            if await gone():
                raise CallerGoneError
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._turns.release()
