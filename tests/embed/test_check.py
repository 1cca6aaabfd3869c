"""What any embedder must return, and what is said of one that does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.embed import checked, checked_tokens, embedder_name
from qasearch.errors import EmbedderError

TEXTS = ["the lion by the river", "a poem", "salt"]


def rows() -> np.ndarray:
    return np.eye(3, 4, dtype=np.float32)


def test_good_rows_pass_unchanged() -> None:
    passed = checked(rows(), TEXTS, 4)
    np.testing.assert_array_equal(passed, rows())
    assert passed.dtype == np.float32


@pytest.mark.parametrize(
    "given_rows",
    [rows().astype("f8"), rows().astype("f2"), rows().tolist(), np.asfortranarray(rows())],
    ids=["float64", "float16", "lists", "not contiguous"],
)
def test_other_floats_become_contiguous_float32(given_rows: object) -> None:
    passed = checked(given_rows, TEXTS, 4)
    np.testing.assert_array_equal(passed, rows())
    assert passed.dtype == np.float32
    assert passed.flags.c_contiguous


def test_no_texts_no_rows() -> None:
    assert checked(np.empty((0, 4), np.float32), [], 4).shape == (0, 4)


@pytest.mark.parametrize("length", [0.9991, 1.0009])
def test_a_length_of_nearly_1_passes(length: float) -> None:
    checked(rows() * np.float32(length), TEXTS, 4)


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, 0, 0.9989, 1.0011, -2, 1e30, 1e300], ids=str
)
def test_a_bad_row_is_refused_with_its_text(value: float) -> None:
    bad = rows().astype(np.float64)
    bad[1, 1] = value
    with pytest.raises(EmbedderError, match=r"^Embedder own: text 1 of 3, 'a poem', became"):
        checked(bad, TEXTS, 4, name="own")


def test_a_long_or_strange_text_is_shown_short_and_plain() -> None:
    with pytest.raises(EmbedderError) as caught:
        checked(np.zeros((1, 4), np.float32), ["\x1b[2J\u202e" + "x" * 100_000], 4)
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "wrong",
    [rows()[:2], rows()[:, :3], rows()[0], rows()[None], np.empty((0, 4), np.float32)],
    ids=lambda wrong: str(wrong.shape),
)
def test_a_wrong_shape_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(EmbedderError, match=r"shape .* for 3 texts and 4 dimensions"):
        checked(wrong, TEXTS, 4)


@pytest.mark.parametrize(
    "wrong",
    [None, "vectors", [[1, 0], [1]], rows().astype(int), [None] * 3, rows().astype(complex)],
    ids=str,
)
def test_what_is_no_array_of_floats_is_refused(wrong: object) -> None:
    with pytest.raises(EmbedderError, match="returned"):
        checked(wrong, TEXTS, 4)


@given(st.lists(st.lists(st.floats(width=64), min_size=2, max_size=2), min_size=1, max_size=4))
def test_whatever_passes_is_finite_and_of_unit_length(values: list[list[float]]) -> None:
    texts = [str(place) for place in range(len(values))]
    try:
        passed = checked(values, texts, 2)
    except EmbedderError:
        return
    assert np.abs(np.linalg.norm(passed.astype(np.float64), axis=1) - 1).max() < 1.1e-3


def tokens() -> list[np.ndarray]:
    return [rows()[:2], np.empty((0, 4), np.float32), rows()]


def test_good_tokens_pass_unchanged() -> None:
    passed = checked_tokens(tokens(), TEXTS)
    for one, other in zip(passed, tokens(), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32


def test_tokens_of_other_floats_become_contiguous_float32() -> None:
    given_tokens = (tokens()[0].astype("f8"), tokens()[1].astype("f2"), rows()[:, ::-1].tolist())
    passed = checked_tokens(given_tokens, TEXTS)
    assert [(one.dtype, one.flags.c_contiguous) for one in passed] == [(np.float32, True)] * 3
    assert [len(one) for one in passed] == [2, 0, 3]
    np.testing.assert_array_equal(passed[2], rows()[:, ::-1])


def test_no_texts_no_tokens() -> None:
    assert checked_tokens([], []) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 0, 0.9989, 1.0011, -2, 1e30, 1e300], ids=str)
def test_a_bad_token_is_refused_with_its_text(value: float) -> None:
    bad = [one.astype(np.float64) for one in tokens()]
    bad[2][1, 1] = value
    with pytest.raises(EmbedderError, match=r"^Embedder own: token 1 of text 2, 'salt', became"):
        checked_tokens(bad, TEXTS, name="own")


@pytest.mark.parametrize(
    "wrong",
    [
        tokens()[:2],
        [*tokens(), rows()],
        [],
        [rows(), rows()[:, :3], rows()],
        [rows(), rows()[0], rows()],
        [rows(), rows()[None], rows()],
        [rows(), np.empty(0, np.float32), rows()],
    ],
    ids=lambda wrong: str([one.shape for one in wrong]),
)
def test_tokens_of_a_wrong_shape_are_refused(wrong: list[np.ndarray]) -> None:
    with pytest.raises(EmbedderError, match=f"{len(wrong)} arrays for the tokens of 3 texts"):
        checked_tokens(wrong, TEXTS)


@pytest.mark.parametrize(
    "wrong",
    [None, 7, "abc", [None] * 3, [rows().astype(int)] * 3, [[[1, 0], [1]]] * 3, [rows(), 1.0, "x"]],
    ids=str,
)
def test_what_is_no_list_of_arrays_is_refused(wrong: object) -> None:
    with pytest.raises(EmbedderError, match="returned"):
        checked_tokens(wrong, TEXTS)


class Nameless:
    fingerprint = "f00d"


class Named(Nameless):
    name = "bag of words"


def test_the_name_of_an_embedder() -> None:
    assert embedder_name(Named()) == "bag of words"
    assert embedder_name(Nameless()) == "f00d"
