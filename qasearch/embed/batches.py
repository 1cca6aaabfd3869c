"""Sequences of token ids, grouped so that little of the work is padding."""

from collections.abc import Iterator, Sequence

import numpy as np

from qasearch.embed.windows import Ids
from qasearch.protocols import Vectors

PADDED_TOKENS = 512
"""Tokens in a batch, padding counted. By onnxruntime 256 to 512 are the fastest, 1,024 takes 6 %
more time and 2,048 takes 14 % more (300 points of 74 tokens on average, all-MiniLM-L6-v2, one
thread); torch is as fast at 512 as above, within 4 %."""


def batches(lengths: Sequence[int], *, padded_tokens: int = PADDED_TOKENS) -> Iterator[list[int]]:
    """Group sequences of similar length, the longest first.

    Args:
        lengths: tokens of each sequence.
        padded_tokens: the most that a batch holds once all are padded to its longest; a sequence
            longer than that is a batch of its own.

    Yields:
        Places in ``lengths``; together each place once.
    """
    by_length = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(by_length):
        longest = lengths[by_length[start]]
        count = max(1, padded_tokens // max(1, longest))
        yield by_length[start : start + count]
        start += count


def pad(sequences: Sequence[Ids], pad_id: int, *, left: bool) -> tuple[Ids, Ids]:
    """Make one matrix of sequences of several lengths.

    Args:
        sequences: token ids.
        pad_id: fills what a sequence is too short for.
        left: whether that stands before the sequence, not behind it.

    Returns:
        The ids, and a mask of the same shape: 1 for a token, 0 for padding.
    """
    longest = max(len(ids) for ids in sequences)
    padded = np.full((len(sequences), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(padded)
    for row, ids in enumerate(sequences):
        place = slice(longest - len(ids), None) if left else slice(len(ids))
        padded[row, place] = ids
        mask[row, place] = 1
    return padded, mask


def unpad(padded: Vectors, sequences: Sequence[Ids], *, left: bool) -> list[Vectors]:
    """Take from rows of padded sequences those that are of their tokens: views, not copies.

    Args:
        padded: float32 (sequences, longest, any).
        sequences: token ids, as ``pad`` was given them.
        left: as ``pad`` was told.
    """
    return [
        rows[len(rows) - len(ids) :] if left else rows[: len(ids)]
        for rows, ids in zip(padded, sequences, strict=True)
    ]
