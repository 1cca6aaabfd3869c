"""Which tokens are worth keeping, as tokenizers of different kinds write them."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from qasearch.embed.network import STOP_WORDS, says_enough, says_something
from qasearch.index.lexical import terms_of_each


@pytest.mark.parametrize(
    ("token", "something", "enough"),
    [
        ("peace", True, True),
        ("7", True, True),
        ("?", False, False),
        ("The", True, False),
        ("\u0120the", True, False),
        ("\u2581the", True, False),
        ("\u2581", False, False),
        ("##the", True, True),  # the end of a word, such as "breathe"
    ],
)
def test_what_a_token_says(token: str, something: bool, enough: bool) -> None:
    tokenizer = Tokenizer(WordLevel({token: 0}, unk_token=token))
    assert (says_something(tokenizer)(0), says_enough(tokenizer)(0)) == (something, enough)


def test_the_index_of_words_leaves_out_the_same_ones() -> None:
    words = sorted(STOP_WORDS)
    assert terms_of_each(words) == [()] * len(words)
    assert len(words) == 33
