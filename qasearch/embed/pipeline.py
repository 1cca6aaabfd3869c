"""The way from texts to vectors, whatever computes the rows in between."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from qasearch.embed.batches import batches
from qasearch.embed.check import checked
from qasearch.embed.windows import Ids, WindowCutter, merge
from qasearch.protocols import Vectors

Forward: TypeAlias = Callable[[Sequence[Ids]], Vectors]
"""Computes a row for each sequence of token ids, of any length and with at least ``dim`` numbers;
the sequences of one call are to be padded to the longest."""


def embed(
    texts: Sequence[str], cutter: WindowCutter, forward: Forward, dim: int, *, name: str
) -> Vectors:
    """Embed texts, equal ones once.

    Args:
        texts: at least one.
        cutter: reads them as token ids.
        forward: computes rows.
        dim: numbers of a row to keep: the first.
        name: the embedder's name, for errors.

    Returns:
        float32 (n, dim), unit rows, in the order of ``texts``.

    Raises:
        EmbedderError: a row is not finite, or zero.
    """
    distinct = list(dict.fromkeys(texts))
    windows = cutter.cut(distinct)
    rows = np.empty((len(windows), dim), dtype=np.float32)
    for batch in batches([len(window.ids) for window in windows]):
        rows[batch] = forward([windows[place].ids for place in batch])[:, :dim]
    vectors = checked(merge(rows, windows, len(distinct)), distinct, dim, name=name)
    place_of = {text: place for place, text in enumerate(distinct)}
    return vectors[[place_of[text] for text in texts]]
