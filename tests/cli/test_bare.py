"""A question without a command."""

import pytest

from qasearch.cli.bare import as_search
from tests.cli.conftest import Command

COMMANDS = ["build", "search", "show", "why", "watch", "serve"]


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        (["who pays for missions"], ["search", "who pays for missions"]),
        (["who", "pays", "for missions"], ["search", "who pays for missions"]),
        (["how", "is", "tea", "made", "-k", "2"], ["search", "how is tea made", "-k", "2"]),
        (["Missions", "and", "money"], ["search", "Missions and money"]),
        (["--no-pager", "who pays"], ["--no-pager", "search", "who pays"]),
    ],
)
def test_a_question_is_searched_for(given: list[str], understood: list[str]) -> None:
    assert as_search(given, COMMANDS) == understood


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--help"],
        ["search", "who pays"],
        ["why", "is", "the", "sky", "blue"],
        ["serch"],
        ["serch", "who pays"],
        ["missions"],
        ["missions", "-k", "2"],
        [" "],
        ["-k", "2", "who pays"],
        ["--", "who pays"],
        ["--no-pager"],
    ],
)
def test_anything_else_is_left_to_the_parser(given: list[str]) -> None:
    assert as_search(given, COMMANDS) == given


def test_a_bare_question_is_answered(on_index: Command) -> None:
    searched = on_index("search", "who pays for missions", "-k", "1")
    for bare in (["who pays for missions"], ["who", "pays", "for", "missions"]):
        assert on_index(*bare, "-k", "1") == searched


def test_a_slip_in_a_command_is_not_searched_for(on_index: Command) -> None:
    for slip in (["serch"], ["serch", "who pays"]):
        refused = on_index(*slip)
        assert (refused.code, refused.out) == (2, "")
        assert "Did you mean 'search'" in refused.err
