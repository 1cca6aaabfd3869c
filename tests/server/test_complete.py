"""Completion of questions while they are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.server.complete import Completer

QUESTIONS = [
    ("1", "How is peacekeeping funded?"),
    ("2", "How is peace kept?"),
    ("3", "Who pays for peacekeeping missions?"),
    ("4", "What does photosynthesis need?"),
    ("5", "Why do missions fail?"),
    ("6", "Où est la bibliothèque?"),
    ("7", "how is PEACE kept"),
    ("8", "Is the way that peace is kept how it was?"),
]


@pytest.fixture(scope="module")
def completer() -> Completer:
    return Completer(QUESTIONS)


def ids(completer: Completer, text: str, k: int = 8) -> list[str]:
    return [question.id for question in completer.complete(text, k)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What begins so comes before what only has the words, and the short before the long.
        ("how is peace", ["2", "1", "8"]),
        ("How is peacek", ["1"]),
        ("peace", ["2", "1", "3", "8"]),
        ("pays missions", ["3"]),
        ("missions pays", ["3"]),
        ("mis", ["5", "3"]),
        ("ou est", ["6"]),
        ("BIBLIOTHEQUE", ["6"]),
        ("  who   pays?? ", ["3"]),
        ("xyzzy", []),
        ("how is xyzzy", []),
        ("", []),
        ("?!", []),
    ],
)
def test_what_was_typed_may_become(completer: Completer, text: str, expected: list[str]) -> None:
    assert ids(completer, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("peacekeping", ["1", "3"]),  # a letter left out
        ("peacekeepinng", ["1", "3"]),  # one too many
        ("peacekeepnig", ["1", "3"]),  # two exchanged
        ("pxacekeeping", ["1", "3"]),  # another one
        ("xpeacekeeping", ["1", "3"]),  # one before the first
        ("eacekeeping", []),  # the first left out
        ("epacekeeping", ["1", "3"]),  # the first two exchanged
        ("fotosynthesis", []),  # two slips, the first of them in the first letter
        ("phtosynthess", ["4"]),  # two in a long word
        ("phtosynths", ["4"]),  # in the beginning of a long word
        ("missoins fial", []),  # a short word is taken as it is
        ("missoins fail", ["5"]),
        ("pasy", []),
    ],
)
def test_slips_are_forgiven(completer: Completer, text: str, expected: list[str]) -> None:
    assert ids(completer, text) == expected


def test_a_word_that_begins_another_may_be_a_slip_too() -> None:
    completer = Completer([("1", "Where is the stable?"), ("2", "Where is the staple gun?")])
    # "stapl" begins a word, though in no question about a stable.
    assert ids(completer, "stable gun") == ["2"]
    assert ids(completer, "stable") == ["1"]


def test_questions_that_say_the_same_are_one(completer: Completer) -> None:
    assert "7" not in ids(completer, "how is peace kept")
    assert ids(completer, "how is peace kept") == ["2", "8"]


def test_no_more_than_wanted(completer: Completer) -> None:
    assert ids(completer, "peace", k=2) == ["2", "1"]


def test_no_questions() -> None:
    assert Completer([]).complete("why") == []
    assert Completer([]).examples(3) == []


def test_examples_are_spread(completer: Completer) -> None:
    assert [question.id for question in completer.examples(2)] == ["2", "5"]
    assert len(completer.examples(100)) == 7


@given(st.text(max_size=300))
def test_anything_may_be_typed(text: str) -> None:
    completer = Completer(QUESTIONS)
    known = {id for id, _ in QUESTIONS}
    assert {question.id for question in completer.complete(text)} <= known


@given(st.sampled_from(QUESTIONS), st.data())
def test_every_beginning_finds_its_question(question: tuple[str, str], data: st.DataObject) -> None:
    completer = Completer([question])
    end = data.draw(st.integers(3, len(question[1])))
    assert ids(completer, question[1][:end]) == [question[0]]
