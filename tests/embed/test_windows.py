"""Texts as windows: nothing is lost, nothing is too long, and all of it counts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from qasearch.embed.windows import Window, WindowCutter, merge, pieces_of, unit
from tests.embed.tiny_model import SPECIAL, WORDS, write_tokenizer

CLS, SEP = SPECIAL.index("[CLS]"), SPECIAL.index("[SEP]")
NAMES = [*SPECIAL, *WORDS]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def read(windows: list[Window]) -> list[tuple[int, str, int]]:
    return [
        (window.text, " ".join(NAMES[place] for place in window.ids), window.weight)
        for window in windows
    ]


def test_a_text_that_fits_is_one_window(tokenizer: Tokenizer) -> None:
    windows = WindowCutter(tokenizer, 5, "").cut(["lion a b", "", "Poem"])
    assert read(windows) == [
        (0, "[CLS] lion a b [SEP]", 3),
        (1, "[CLS] [SEP]", 1),
        (2, "[CLS] poem [SEP]", 1),
    ]


def test_a_longer_text_is_read_to_its_end(tokenizer: Tokenizer) -> None:
    windows = WindowCutter(tokenizer, 5, "").cut(["a b c d", "a b c d e f lion"])
    assert read(windows) == [
        (0, "[CLS] a b c [SEP]", 3),
        (0, "[CLS] d [SEP]", 1),
        (1, "[CLS] a b c [SEP]", 3),
        (1, "[CLS] d e f [SEP]", 3),
        (1, "[CLS] lion [SEP]", 1),
    ]


def test_each_window_has_the_prompt_and_it_has_no_weight(tokenizer: Tokenizer) -> None:
    cutter = WindowCutter(tokenizer, 6, "query: ")
    assert cutter.tokens_before == 3
    assert read(cutter.cut(["a b c"])) == [
        (0, "[CLS] query : a b [SEP]", 2),
        (0, "[CLS] query : c [SEP]", 1),
    ]


def test_special_tokens_in_a_text_are_part_of_it(tokenizer: Tokenizer) -> None:
    assert read(WindowCutter(tokenizer, 5, "").cut(["[UNK] lion"])) == [
        (0, "[CLS] [UNK] [UNK] [UNK] [SEP]", 3),
        (0, "[CLS] lion [SEP]", 1),
    ]


def test_no_room_for_a_text(tokenizer: Tokenizer) -> None:
    WindowCutter(tokenizer, 5, "query: ")
    with pytest.raises(ValueError, match="max_tokens=4 leaves no room"):
        WindowCutter(tokenizer, 4, "query: ")


def test_a_lone_surrogate_is_read_as_a_question_mark(tokenizer: Tokenizer) -> None:
    cutter = WindowCutter(tokenizer, 9, "")
    assert read(cutter.cut(["lion \ud800 a"])) == read(cutter.cut(["lion ? a"]))


@given(st.lists(st.sampled_from(WORDS), max_size=900), st.integers(3, 8))
def test_the_windows_hold_the_text_in_order(
    tokenizer: Tokenizer, words: list[str], max_tokens: int
) -> None:
    windows = WindowCutter(tokenizer, max_tokens, "").cut([" ".join(words)])
    assert all(len(window.ids) <= max_tokens for window in windows)
    assert all(window.ids[0] == CLS and window.ids[-1] == SEP for window in windows)
    inner = [NAMES[place] for window in windows for place in window.ids[1:-1]]
    assert inner == words
    assert sum(window.weight for window in windows) == max(1, len(words))


@given(st.text(alphabet="ab \n\t", max_size=200), st.integers(1, 50))
def test_pieces_lose_nothing(text: str, longest: int) -> None:
    pieces = list(pieces_of(text, longest))
    assert "".join(pieces) == text
    assert all(len(piece) <= longest for piece in pieces)


def test_pieces_are_cut_at_white_space() -> None:
    assert list(pieces_of("lion river\nmuseum", 8)) == ["lion", " river", "\nmuseum"]
    assert list(pieces_of("lionrivermuseum", 8)) == ["lionrive", "rmuseum"]


def test_an_endless_text_without_white_space(tokenizer: Tokenizer) -> None:
    windows = WindowCutter(tokenizer, 5, "").cut(["x" * 1_000])
    assert sum(window.weight for window in windows) == 7  # 32 characters a token, 5 tokens: 160


def test_a_row_is_the_mean_of_its_windows_weighted_by_tokens() -> None:
    windows = [
        Window(text=0, ids=np.array([1]), weight=3),
        Window(text=1, ids=np.array([1]), weight=7),
        Window(text=0, ids=np.array([1]), weight=1),
    ]
    rows = np.array([[2, 0], [0, 5], [0, 0.1]], dtype=np.float32)
    merged = merge(rows, windows, 2)
    np.testing.assert_allclose(merged, [[3 / 10**0.5, 1 / 10**0.5], [0, 1]], rtol=1e-6)
    assert merged.dtype == np.float32


def test_unit_rows() -> None:
    rows = np.array([[3, 4], [0, 0], [np.inf, 1], [np.nan, 1]], dtype=np.float32)
    scaled = unit(rows)
    np.testing.assert_allclose(scaled[:2], [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert np.isnan(scaled[2:]).any(axis=1).all()
