"""A loaded model, whichever library computes it."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

from qasearch.embed.windows import Ids
from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

States: TypeAlias = list[Vectors]
"""For each sequence the rows of its tokens, float32 (tokens, any), special tokens included."""


class Network(Protocol):
    """Turns token ids into rows. Safe to share between threads."""

    @property
    def tokenizer(self) -> "Tokenizer":
        """Makes the ids of a text; it neither truncates nor pads."""
        ...

    @property
    def batches_at_once(self) -> int:
        """Calls of ``forward`` at one time that keep the processor busy."""
        ...

    def forward(
        self, sequences: Sequence[Ids], *, prompt_tokens: int | None = None
    ) -> tuple[Vectors, States]:
        """Compute a row for each sequence, of any length, and the rows of its tokens.

        Args:
            sequences: token ids, special ones included; padded here to the longest.
            prompt_tokens: those in front that are no part of the text; None without a prompt.
        """
        ...


STOP_WORDS = frozenset([
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
])  # fmt: skip
"""English words that say nothing by themselves: those that the index of words leaves out too."""

_WORD_STARTS = "\u0120\u2581"
"""How tokenizers of bytes, and of sentences, mark that a word begins."""

Wanted: TypeAlias = Callable[[int], bool]
"""Tells by its id whether a token is wanted."""


def says_something(tokenizer: "Tokenizer") -> Wanted:
    """Make a function that tells by its id whether there is a letter or a digit in a token."""

    @cache
    def says(token: int) -> bool:
        return any(map(str.isalnum, tokenizer.id_to_token(token) or ""))

    return says


def says_enough(tokenizer: "Tokenizer") -> Wanted:
    """As ``says_something``, and whether the token is more than a stop word."""
    says = says_something(tokenizer)

    @cache
    def enough(token: int) -> bool:
        text = tokenizer.id_to_token(token) or ""
        return says(token) and text.lstrip(_WORD_STARTS).lower() not in STOP_WORDS

    return enough
