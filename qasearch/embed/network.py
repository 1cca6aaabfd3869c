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


def says_something(tokenizer: "Tokenizer") -> Callable[[int], bool]:
    """Make a function that tells by its id whether there is a letter or a digit in a token."""

    @cache
    def says(token: int) -> bool:
        return any(map(str.isalnum, tokenizer.id_to_token(token) or ""))

    return says
