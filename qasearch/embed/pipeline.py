"""The way from texts to vectors, whatever computes the rows in between."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from qasearch.embed.batches import batches
from qasearch.embed.check import checked
from qasearch.embed.windows import Ids, WindowCutter, merge
from qasearch.protocols import Vectors

States: TypeAlias = list[Vectors]
"""For each sequence the rows of its tokens, float32 (tokens, any), special tokens included."""

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
    name: str,
) -> tuple[Vectors, list[Vectors]]:
    """Embed texts, equal ones once, and their tokens with them if they are wanted.

    Args:
        texts: at least one.
        cutter: reads them as token ids.
        forward: computes rows.
        dim: numbers of a row to keep: the first.
        reduce: makes of the tokens of a window what is kept of them; None if nothing is.
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
    for batch in batches([len(window.ids) for window in windows]):
        found, states = forward([windows[place].ids for place in batch])
        rows[batch] = found[:, :dim]
        if reduce:
            for place, state in zip(batch, states, strict=True):
                ids = windows[place].ids
                inner = slice(cutter.tokens_before, len(ids) - cutter.tokens_after)
                reduced[place] = reduce(ids[inner], state[inner])
    vectors = checked(merge(rows, windows, len(distinct)), distinct, dim, name=name)
    place_of = {text: place for place, text in enumerate(distinct)}
    places = [place_of[text] for text in texts]
    if not reduce:
        return vectors[places], []
    tokens: list[list[Vectors]] = [[] for _ in distinct]
    for window, part in zip(windows, reduced, strict=True):
        tokens[window.text].append(part)
    return vectors[places], [np.concatenate(tokens[place]) for place in places]
