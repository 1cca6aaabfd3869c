"""Texts as windows of token ids that a model can read whole, so that nothing is cut off.

A text that the model reads whole is one window, and its row is the model's. A longer one is read
in windows that follow each other without overlap, each as long as the model reads but the last;
special tokens and prompt are repeated in each. Its row is the normalised mean of theirs, weighted
by the tokens of the text in each. So a text one word too long gets nearly the row it would have
without that word, and what stands late in it counts as much as what stands early.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Ids: TypeAlias = NDArray[np.int64]
"""int64; token ids."""

PIECE_CHARACTERS_A_TOKEN = 32
"""A text is cut before the tokenizer sees it where it has more characters than this for each token
that the model reads: far more than a text has that the model reads whole (English has 4 or 5)."""

TOKENIZED_AT_ONCE = 1_024
"""Texts between two calls of the tokenizer, whose own records take some 100 bytes a token."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text, usually all of it, as a model reads it.

    Attributes:
        text: place of the text among those that were cut.
        ids: special tokens and prompt included.
        weight: tokens of the text itself, at least 1.
    """

    text: int
    ids: Ids
    weight: int


class WindowCutter:
    """Cuts texts into windows.

    Args:
        tokenizer: one that neither truncates nor pads.
        max_tokens: the longest window, special tokens and prompt included.
        prompt: stands before each text.

    Attributes:
        tokens_before: those of a window that stand before the text, the prompt's included.
        tokens_after: those that stand behind it.

    Raises:
        ValueError: special tokens and prompt leave no room for a text.
    """

    def __init__(self, tokenizer: "Tokenizer", max_tokens: int, prompt: str) -> None:
        probe = tokenizer.encode(prompt + "a")
        special = probe.special_tokens_mask
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._prompt = prompt
        self.tokens_before = _leading_ones(special) + (
            _tokens_within(probe, len(prompt)) if prompt else 0
        )
        self.tokens_after = _leading_ones(special[::-1])
        if self._room < 1:
            raise ValueError(
                f"max_tokens={max_tokens} leaves no room for a text: special tokens and prompt "
                f"take {self.tokens_before + self.tokens_after}."
            )

    @property
    def _room(self) -> int:
        return self._max_tokens - self.tokens_before - self.tokens_after

    def cut(self, texts: Sequence[str]) -> list[Window]:
        """Cut each text into windows, in the order of the texts and of their parts."""
        pieces = [
            (place, self._prompt + piece)
            for place, text in enumerate(texts)
            for piece in pieces_of(_encodable(text), PIECE_CHARACTERS_A_TOKEN * self._max_tokens)
        ]
        return [
            window
            for start in range(0, len(pieces), TOKENIZED_AT_ONCE)
            for window in self._cut_some(pieces[start : start + TOKENIZED_AT_ONCE])
        ]

    def _cut_some(self, pieces: Sequence[tuple[int, str]]) -> Iterator[Window]:
        encodings = self._tokenizer.encode_batch_fast([piece for _, piece in pieces])
        for (place, _), encoding in zip(pieces, encodings, strict=True):
            for ids in self._windows(np.array(encoding.ids, dtype=np.int64)):
                yield Window(place, ids, max(1, len(ids) - self.tokens_before - self.tokens_after))

    def _windows(self, ids: Ids) -> Iterator[Ids]:
        if len(ids) <= self._max_tokens:
            yield ids
            return
        end = len(ids) - self.tokens_after
        before, after = ids[: self.tokens_before], ids[end:]
        for start in range(self.tokens_before, end, self._room):
            yield np.concatenate([before, ids[start : min(start + self._room, end)], after])


def merge(rows: Vectors, windows: Sequence[Window], texts: int) -> Vectors:
    """Make the row of each text from the rows of its windows.

    Args:
        rows: float32 (windows, dim), of any length.
        windows: what they are the rows of.
        texts: how many texts the windows came from.

    Returns:
        float32 (texts, dim), unit rows, as far as ``unit`` can make them so.
    """
    weights = np.array([window.weight for window in windows], dtype=np.float32)
    sums = np.zeros((texts, rows.shape[1]), dtype=np.float32)
    np.add.at(sums, [window.text for window in windows], unit(rows) * weights[:, np.newaxis])
    return unit(sums)


def unit(rows: Vectors) -> Vectors:
    """Scale rows to length 1; a row of zeros stays one, a row that is not finite becomes NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, np.where(lengths > 0, lengths, 1), dtype=np.float32)


def pieces_of(text: str, longest: int) -> Iterator[str]:
    """Cut a text into pieces of at most ``longest`` characters, at white space where there is any.

    A tokenizer may take more than linear time and memory for one endless text.
    """
    start = 0
    while len(text) - start > longest:
        end = start + longest
        space = max(text.rfind(character, start + 1, end) for character in " \n\t")
        cut = space if space > 0 else end
        yield text[start:cut]
        start = cut
    yield text[start:]


def _encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate: a tokenizer takes UTF-8 only."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _leading_ones(mask: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(bool, mask))


def token_words(
    tokenizer: "Tokenizer", prompt: str, text: str, says: Callable[[int], bool]
) -> list[str]:
    """For each token of a text the word that it is of, in order.

    Args:
        tokenizer: makes the tokens.
        prompt: stands before the text; its tokens are left out.
        text: to be read.
        says: whether a token, by its id, is wanted.
    """
    whole = prompt + _encodable(text)
    encoding = tokenizer.encode(whole)
    words: list[str] = []
    for token, word, (_, end) in zip(
        encoding.ids, encoding.word_ids, encoding.offsets, strict=True
    ):
        if word is not None and end > len(prompt) and says(token):
            start, stop = encoding.word_to_chars(word) or (0, 0)
            words.append(whole[max(start, len(prompt)) : stop])
    return words


def _tokens_within(encoding: "Encoding", characters: int) -> int:
    """Tokens of the text that end within its first ``characters``."""
    return sum(
        not special and end <= characters
        for special, (_, end) in zip(encoding.special_tokens_mask, encoding.offsets, strict=True)
    )
