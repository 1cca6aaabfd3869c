"""Sequences in batches: all of them, bounded, of similar length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.embed.batches import batches, pad, unpad

LENGTHS = st.lists(st.integers(0, 300), max_size=60)


def test_an_example() -> None:
    assert list(batches([3, 9, 4, 4], padded_tokens=10)) == [[1], [2, 3], [0]]


@given(LENGTHS, st.integers(1, 1_000))
def test_each_sequence_is_in_one_batch(lengths: list[int], bound: int) -> None:
    found = [place for batch in batches(lengths, padded_tokens=bound) for place in batch]
    assert sorted(found) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 1_000))
def test_a_batch_is_bounded_by_padded_tokens(lengths: list[int], bound: int) -> None:
    for batch in batches(lengths, padded_tokens=bound):
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= max(
            bound, len(batch)
        )


@given(LENGTHS)
def test_lengths_fall_from_batch_to_batch(lengths: list[int]) -> None:
    found = [lengths[place] for batch in batches(lengths) for place in batch]
    assert found == sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    ("left", "ids", "mask"),
    [
        (False, [[5, 6, 7], [8, 0, 0]], [[1, 1, 1], [1, 0, 0]]),
        (True, [[5, 6, 7], [0, 0, 8]], [[1, 1, 1], [0, 0, 1]]),
    ],
    ids=["right", "left"],
)
def test_padding(left: bool, ids: list[list[int]], mask: list[list[int]]) -> None:
    padded, found = pad([np.array([5, 6, 7]), np.array([8])], 0, left=left)
    assert padded.tolist() == ids
    assert found.tolist() == mask


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_what_is_padded_is_unpadded(left: bool) -> None:
    sequences = [np.array([5, 6, 7]), np.array([8])]
    padded, _ = pad(sequences, 0, left=left)
    rows = np.stack([padded, -padded], axis=2).astype(np.float32)
    found = [each.tolist() for each in unpad(rows, sequences, left=left)]
    assert found == [[[5, -5], [6, -6], [7, -7]], [[8, -8]]]
