"""What is marked in a text; spans are shown as the pieces that they cut out."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.protocols import Vectors
from qasearch.query.highlight import Highlighter, Marks, sentences

STOP_WORDS = {"the", "is", "how", "of", "a", "to"}


class Words:
    """Words in lower case without their final s; ``rare`` ones count as 5, others as 1."""

    def __init__(self, *rare: str) -> None:
        self._rare = rare

    def terms_of_each(self, words: Sequence[str]) -> list[list[str]]:
        bare = [word.lower().removesuffix("s") for word in words]
        return [[] if word.lower() in STOP_WORDS else [word] for word in bare]

    def inverse_frequencies(self, terms: Sequence[str]) -> Vectors:
        return np.array([5 if term in self._rare else 1 for term in terms], np.float32)


def marks(text: str, *terms: str, rare: Sequence[str] = ()) -> Marks:
    (found,) = Highlighter(Words(*rare), terms).marks([text])
    return found


def marked(text: str, *terms: str) -> list[str]:
    return [text[start:end] for start, end in marks(text, *terms).words]


def answer(text: str, *terms: str, rare: Sequence[str] = ()) -> str | None:
    span = marks(text, *terms, rare=rare).sentence
    return text[slice(*span)] if span else None


def test_words_match_by_their_stems_and_stop_words_do_not() -> None:
    assert marks("The states pay the State.", "state", "the").words == ((4, 10), (19, 24))


def test_neighbours_are_one_span() -> None:
    assert marked("All states pay dues, states; pay", "state", "pay", "due") == [
        "states pay dues",
        "states",
        "pay",
    ]


@pytest.mark.parametrize("before", ["👩\u200d👧 ", "🇫🇷🇩🇪 ", "e\u0301 "])
def test_spans_are_code_points(before: str) -> None:
    start = len(before)
    assert marks(f"{before}pay", "pay").words == ((start, start + 3),)


def test_accents_written_apart_belong_to_their_word() -> None:
    assert marked("Ein re\u0301sume\u0301 hilft", "résumé") == ["re\u0301sume\u0301"]


def test_markdown_around_a_word_is_not_marked() -> None:
    assert marked("**Dues** and _pay_ [dues](pay.md) snake_dues", "due") == [
        "Dues",
        "dues",
        "dues",
    ]


@pytest.mark.parametrize("text", ["", " \n ", "***", "Nothing of it.", "🙂"])
def test_a_text_that_matches_nothing(text: str) -> None:
    assert marks(text, "pay") == Marks((), None)


def test_a_query_of_stop_words_marks_nothing() -> None:
    assert marks("The money of the states.") == Marks((), None)


def test_the_sentence_with_the_rarest_words_answers() -> None:
    text = "Money is paid by all. Dues follow a scale. Money is paid, and more money."
    assert answer(text, "money", "paid", "scale", rare=["scale"]) == "Dues follow a scale."
    assert answer(text, "money", "paid", "scale") == "Money is paid by all."


def test_a_term_counts_once_in_a_sentence() -> None:
    text = "Pay, pay, pay, pay. States who pay."
    assert answer(text, "pay", "state") == "States who pay."


def test_of_equals_the_shorter_then_the_first_answers() -> None:
    long = "They pay in most of the years that they sit on the council for."
    assert answer(f"{long} All pay.", "pay") == "All pay."
    assert answer("One pays. All pay.", "pay") == "One pays."


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.5 million. Then less.", ["It costs 3.5 million.", "Then less."]),
        ("Use e.g. Dues. Next.", ["Use e.g. Dues.", "Next."]),
        ("The U.S. Senate and Dr. J. Doe agreed.", ["The U.S. Senate and Dr. J. Doe agreed."]),
        ("See fig. 3. it is there.", ["See fig. 3. it is there."]),
        ("Is it law no. 5? No. He paid.", ["Is it law no. 5?", "No.", "He paid."]),
        ('She said "pay." He did.', ['She said "pay."', "He did."]),
        ("**Bold one.** Next one.", ["**Bold one.**", "Next one."]),
        ("A line\nthat goes on. End.", ["A line\nthat goes on.", "End."]),
        (
            "Two bodies:\n   - a committee\n   - auditors",
            ["Two bodies:", "a committee", "auditors"],
        ),
        ("1. First\n2. Second", ["First", "Second"]),
        ("# Head\n\nBody.\n> Quoted.", ["Head", "Body.", "Quoted."]),
        ("-5 degrees. Or 7", ["-5 degrees.", "Or 7"]),
        ("钱来自国家。他们每年付。", ["钱来自国家。", "他们每年付。"]),
        ("Wait... what? Yes", ["Wait... what?", "Yes"]),
        ("", []),
        ("... !", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@given(st.text(alphabet="ab. \n-*1#|é\u0301🙂?", max_size=60))
def test_whatever_the_text_spans_are_in_order_and_no_word_is_lost(text: str) -> None:
    found = marks(text, "a", "b", "ab")
    bounds = [bound for span in found.words for bound in span]
    assert bounds == sorted(set(bounds))
    parts = sentences(text)
    assert all(one[1] <= other[0] for one, other in pairwise(parts))
    for start, end in found.words:
        assert text[start] in "ab"
        assert end <= len(text)
    assert (found.sentence is None) == (not found.words)
    if found.sentence:
        assert found.sentence in parts


def test_many_words_match_as_few_do() -> None:
    words = [f"x{number}" for number in range(150)]
    text = " ".join(words) + " xx1"
    few, many = marks(text, *words[:50]), marks(text, *words)
    assert few.words == ((0, text.index(" x50")),)
    assert many.words == ((0, text.index(" xx1")),)
