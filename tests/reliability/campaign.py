"""What the parts of a campaign share: its settings, its workers, and the sections that come out."""

import logging
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

T = TypeVar("T")

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        text: what was done and what must hold, in Markdown.
        header, rows: the table of what came out.
        failures: what did not hold; empty when all is well.
    """

    title: str
    text: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str | int, ...]]
    failures: Sequence[str]


@dataclass(frozen=True, slots=True)
class Campaign:
    """How much is tried, and by whom.

    Attributes:
        workers: processes of one thread each, which may fork.
        scratch: a folder for what is built and broken.
        tell: shows a line about how far it got.
        seed: chooses the articles, and what else is chosen at random.
        rounds: over how many choices of articles.
        tries: combinations of losses after each step of a build.
        share: of all faults and states, the share to be tried, chosen at random.
    """

    workers: ProcessPoolExecutor
    scratch: Path
    tell: Callable[[str], None]
    seed: int = 1
    rounds: int = 1
    tries: int = 300
    share: float = 1.0

    @property
    def seeds(self) -> range:
        """One for each round."""
        return range(self.seed, self.seed + self.rounds)

    def map(
        self, what: str, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]
    ) -> list[T]:
        """Call a function of a module with each of the arguments; results in their order."""
        futures = [self.workers.submit(function, *each) for each in arguments]
        for done, _ in enumerate(as_completed(futures), start=1):
            self.tell(f"{what}: {done} of {len(futures)}")
        return [future.result() for future in futures]


@contextmanager
def one_thread() -> Generator[None]:
    """Have processes that begin in this while compute with one thread each."""
    # Read by numpy and FAISS when they are loaded.
    with patch.dict(os.environ, _ONE_THREAD):
        yield


@contextmanager
def workers(count: int) -> Generator[ProcessPoolExecutor]:
    """Processes that have one thread each, so that they may fork, and that warn nobody."""
    with (
        one_thread(),
        ProcessPoolExecutor(count, get_context("spawn"), _keep_quiet) as executor,
    ):
        yield executor


def _keep_quiet() -> None:
    """Have a worker log to nobody: what builds warn of is looked at elsewhere."""
    logging.getLogger("qasearch").addHandler(logging.NullHandler())
