"""From texts to vectors, with a model that can be worked out by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from qasearch.embed.network import States
from qasearch.embed.pipeline import embed
from qasearch.embed.windows import Ids, WindowCutter
from qasearch.errors import EmbedderError
from qasearch.protocols import Vectors
from tests.embed.tiny_model import SPECIAL, WORDS, write_tokenizer

PLACES = len(SPECIAL) + len(WORDS)


class Counting:
    """Counts tokens: one number a token, not normalised; notes what it was given."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, sequences: Sequence[Ids]) -> tuple[Vectors, States]:
        self.seen.append(len(sequences))
        rows = [np.bincount(ids[1:-1], minlength=PLACES) for ids in sequences]
        states = [np.eye(PLACES, dtype=np.float32)[ids] for ids in sequences]
        return np.array(rows, dtype=np.float32), states


@pytest.fixture(scope="module")
def cutter(tmp_path_factory: pytest.TempPathFactory) -> WindowCutter:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return WindowCutter(tokenizer, 12, "")


def counts(*words: str) -> list[float]:
    row = np.zeros(PLACES)
    for word in words:
        row[len(SPECIAL) + WORDS.index(word)] += 1
    return (row / np.linalg.norm(row)).tolist()


def test_rows_come_in_the_order_of_the_texts(cutter: WindowCutter) -> None:
    texts = ["lion", "a b c d e f", "river river salt", "poem"]
    vectors, _ = embed(texts, cutter, Counting(), PLACES, name="counting")
    np.testing.assert_allclose(vectors, [counts(*text.split()) for text in texts], rtol=1e-6)


def test_equal_texts_are_embedded_once(cutter: WindowCutter) -> None:
    forward = Counting()
    vectors, _ = embed(["lion", "salt", "lion", "lion"], cutter, forward, PLACES, name="counting")
    assert sum(forward.seen) == 2
    np.testing.assert_allclose(
        vectors, [counts("lion"), counts("salt"), counts("lion"), counts("lion")]
    )


def test_batches_are_bounded(cutter: WindowCutter) -> None:
    forward = Counting()
    texts = [f"lion {'a ' * n}{'b ' * m}" for n in range(10) for m in range(100)]
    embed(texts, cutter, forward, PLACES, name="counting")
    assert len(forward.seen) > 5


def test_only_the_first_numbers_are_kept_and_normalised(cutter: WindowCutter) -> None:
    vectors, _ = embed(["budget mandate mandate lion"], cutter, Counting(), 6, name="counting")
    np.testing.assert_allclose(vectors, [[0, 0, 0, 0, 1 / 5**0.5, 2 / 5**0.5]], rtol=1e-6)


def test_a_row_that_is_not_finite_names_its_text(cutter: WindowCutter) -> None:
    def broken(sequences: Sequence[Ids]) -> tuple[Vectors, States]:
        rows, states = Counting()(sequences)
        rows[[len(ids) == 4 for ids in sequences]] = np.nan
        return rows, states

    with pytest.raises(EmbedderError, match=r"text 1 of 3, 'salt engine', became .* nan"):
        embed(["lion", "salt engine", "lion", "a b c"], cutter, broken, PLACES, name="broken")


def test_tokens_come_with_their_text_whatever_the_windows(cutter: WindowCutter) -> None:
    """Without the special ones; a text of several windows has the tokens of all of them."""
    texts = ["lion", " ".join(["salt", "river"] * 8), "lion"]

    def ids_and_states(ids: Ids, states: Vectors) -> Vectors:
        assert ids.tolist() == states.argmax(axis=1).tolist()
        return states

    vectors, tokens = embed(texts, cutter, Counting(), PLACES, ids_and_states, name="counting")
    words = [[[*SPECIAL, *WORDS][place] for place in rows.argmax(axis=1)] for rows in tokens]
    assert words == [["lion"], ["salt", "river"] * 8, ["lion"]]
    np.testing.assert_array_equal(
        vectors, embed(texts, cutter, Counting(), PLACES, name="counting")[0]
    )


def test_batches_at_one_time_give_the_same(cutter: WindowCutter) -> None:
    texts = [f"lion {'a ' * n}{'b ' * m}" for n in range(10) for m in range(100)]

    def all_tokens(ids: Ids, rows: Vectors) -> Vectors:
        return rows

    one, tokens = embed(texts, cutter, Counting(), PLACES, all_tokens, name="counting")
    many, other_tokens = embed(
        texts, cutter, Counting(), PLACES, all_tokens, batches_at_once=4, name="counting"
    )
    np.testing.assert_array_equal(one, many)
    np.testing.assert_array_equal(np.concatenate(tokens), np.concatenate(other_tokens))


def test_an_error_in_one_of_several_batches_is_raised(cutter: WindowCutter) -> None:
    def broken(sequences: Sequence[Ids]) -> tuple[Vectors, States]:
        if len(sequences[0]) == 4:
            raise KeyError("a batch")
        return Counting()(sequences)

    texts = [f"{word} {'a ' * n}" for word in WORDS for n in range(10)]
    with pytest.raises(KeyError, match="a batch"):
        embed(texts, cutter, broken, PLACES, batches_at_once=2, name="broken")
