"""The way from texts to vectors, whatever computes the rows in between."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np

from qasearch.embed.batches import batches
from qasearch.embed.check import checked
from qasearch.embed.network import States
from qasearch.embed.windows import Ids, Window, WindowCutter, merge
from qasearch.protocols import Vectors

Forward: TypeAlias = Callable[[Sequence[Ids]], tuple[Vectors, States]]
"""Computes a row for each sequence of token ids, of any length and with at least ``dim`` numbers,
and the rows of its tokens; the sequences of one call are to be padded to the longest."""

Reduce: TypeAlias = Callable[[Ids, Vectors], Vectors]
"""From ids and rows of the tokens of a text, special ones left out, to what is kept of them."""


def embed(
    texts: Sequence[str],
    cutter: WindowCutter,
    forward: Forward,
    dim: int,
    reduce: Reduce | None = None,
    *,
    batches_at_once: int = 1,
    name: str,
) -> tuple[Vectors, list[Vectors]]:
    """Embed texts, equal ones once, and their tokens with them if they are wanted.

    Args:
        texts: at least one.
        cutter: reads them as token ids.
        forward: computes rows.
        dim: numbers of a row to keep: the first.
        reduce: makes of the tokens of a window what is kept of them; None if nothing is.
        batches_at_once: calls of ``forward`` at one time, each in a thread of its own; the rows do
            not depend on it.
        name: the embedder's name, for errors.

    Returns:
        float32 (n, dim), unit rows, in the order of ``texts``. And what ``reduce`` made of the
        tokens of each text, window after window; an empty list without ``reduce``.

    Raises:
        EmbedderError: a row is not finite, or zero.
    """
    distinct = list(dict.fromkeys(texts))
    windows = cutter.cut(distinct)
    rows = np.empty((len(windows), dim), dtype=np.float32)
    reduced: list[Vectors] = [rows] * len(windows)

    def compute(batch: list[int]) -> None:
        found, states = forward([windows[place].ids for place in batch])
        rows[batch] = found[:, :dim]
        if reduce:
            for place, state in zip(batch, states, strict=True):
                inner = _inner(windows[place], cutter)
                reduced[place] = reduce(windows[place].ids[inner], state[inner])

    _each(compute, list(batches([len(window.ids) for window in windows])), batches_at_once)
    vectors = checked(merge(rows, windows, len(distinct)), distinct, dim, name=name)
    place_of = {text: place for place, text in enumerate(distinct)}
    places = [place_of[text] for text in texts]
    if not reduce:
        return vectors[places], []
    tokens: list[list[Vectors]] = [[] for _ in distinct]
    for window, part in zip(windows, reduced, strict=True):
        tokens[window.text].append(part)
    return vectors[places], [np.concatenate(tokens[place]) for place in places]


def _inner(window: Window, cutter: WindowCutter) -> slice:
    """Where the text's own tokens stand."""
    return slice(cutter.tokens_before, len(window.ids) - cutter.tokens_after)


def _each(compute: Callable[[list[int]], None], batches: list[list[int]], at_once: int) -> None:
    """Compute all batches, so many at one time; the first error ends it."""
    if min(at_once, len(batches)) == 1:
        for batch in batches:
            compute(batch)
        return
    with ThreadPoolExecutor(min(at_once, len(batches))) as threads:
        for _ in threads.map(compute, batches):
            pass
