"""Work in batches: shown while it goes on, and run here or elsewhere.

Part of ``protocols``, where all but those who need to be loaded quickly take it from.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from typing import Protocol, TypeVar

Batch = TypeVar("Batch", bound=Sized)
Entry = TypeVar("Entry")
Given = TypeVar("Given")
Done = TypeVar("Done")


class Progress(Protocol):
    """Wraps an iterable of batches and shows how far it got; each batch counts its ``len``."""

    def __call__(self, batches: Iterable[Batch], *, total: int, what: str) -> Iterable[Batch]:
        """Yield the batches unchanged; ``total`` is the sum of their lengths."""
        ...


class Spread(Protocol):
    """Runs a function over batches, here or on other machines; all of it must survive pickling."""

    def __call__(self, do: Callable[[Given], Done], batches: Iterable[Given], /) -> Iterator[Done]:
        """Yield what ``do`` makes of each batch, in order; batches may be taken ahead of that."""
        ...


def here(do: Callable[[Given], Done], batches: Iterable[Given], /) -> Iterator[Done]:
    """Run it in this process, one batch after the other."""
    return map(do, batches)


def processors() -> int:
    """How many processors this process may run on, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def no_progress(batches: Iterable[Batch], *, total: int, what: str) -> Iterable[Batch]:
    """Show nothing."""
    return batches


def in_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Yield the entries in lists of ``size``; the last may be shorter."""
    iterator = iter(entries)
    while batch := list(islice(iterator, size)):
        yield batch
