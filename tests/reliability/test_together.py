"""Builders and readers at the same time: a small part of the campaigns, and their judges."""

import signal

import pytest

from qasearch.cli.errors import ExitCode
from tests.reliability import builders, editions, interrupts, law, swaps
from tests.reliability.builders import AT_ONCE, KILLED, WAITING
from tests.reliability.campaign import Campaign, workers
from tests.reliability.commands import Ended
from tests.reliability.contents import build
from tests.reliability.swaps import MOST_GROWTH, READ_ONLY, REFRESHING, Read

SMALL = 0.05


@pytest.fixture(scope="module")
def executor():
    with workers(2) as executor:
        yield executor


@pytest.fixture
def campaign(executor, tmp_path) -> Campaign:
    return Campaign(executor, tmp_path, lambda _: None, seed=2, share=SMALL)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals are POSIX")
@pytest.mark.parametrize("campaign_of", [builders.run, interrupts.run], ids=["builders", "signals"])
def test_builds_that_compete_or_are_interrupted(campaign, campaign_of):
    section = campaign_of(campaign)
    assert section.failures == []
    *rows, total = section.rows
    assert total[1] == sum(row[1] for row in rows) >= len(rows)


def test_readers_see_one_generation_each_while_generations_change(campaign):
    section = swaps.run(campaign)
    assert section.failures == []
    *rows, total = section.rows
    assert all(row[1] and row[2] for row in rows)
    assert total[4:6] == (0, 0)


def test_edits_end_where_a_build_from_nothing_ends():
    counts, failure = law.examine(2, 8)
    assert failure == ""
    assert counts["sequences"] >= 8
    assert counts["edits"] > counts["builds"] > 0


def test_a_law_that_is_broken_is_told_with_the_edits_that_break_it(monkeypatch):
    def forget_renames(first, edits):
        assert not any(step[0] == "rename" for step in edits)

    monkeypatch.setattr(law, "check_law", forget_renames)
    counts, failure = law.examine(2, 50)
    assert "then [('rename', " in failure
    assert counts["sequences"] > 1


HOLDER = "error: index is being built by process 7 on host since 2026-01-01T00:00:00+00:00."


@pytest.mark.parametrize(
    ("ended", "way", "end", "right"),
    [
        (Ended(5, ExitCode.DONE, ""), AT_ONCE, "exit 0", True),
        (Ended(5, ExitCode.LOCKED, HOLDER), AT_ONCE, "exit 4", True),
        (Ended(7, ExitCode.LOCKED, HOLDER), AT_ONCE, "exit 4", False),  # that is itself
        (Ended(5, ExitCode.LOCKED, HOLDER.replace("7", "9")), AT_ONCE, "exit 4", False),
        (Ended(5, ExitCode.LOCKED, "built by another process"), AT_ONCE, "exit 4", False),
        (Ended(5, ExitCode.LOCKED, HOLDER), WAITING, "wrong", False),
        (Ended(5, ExitCode.IO, ""), WAITING, "wrong", False),
        (Ended(5, -signal.SIGKILL, ""), KILLED, "killed", True),
        (Ended(7, -signal.SIGKILL, ""), KILLED, "wrong", False),
    ],
)
def test_wrong_builders_are_found_out(ended, way, end, right):
    killed = 5 if way == KILLED else None
    found, problems = builders.judge(ended, way, killed, [5, 7])
    assert (found, problems == []) == (end, right)


BUILT = {f"gen-{edition}": edition for edition in range(1, 9)}


def read(**changes) -> Read:
    seen = {generation: {edition} for generation, edition in BUILT.items()}
    return Read(REFRESHING, 80, **{"seen": seen, "sizes": [(1 << 20, 9)] * 8, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"problems": ["OSError()"]},
        {"seen": {**read().seen, "gen-3": {2, 3}}},
        {"seen": {**read().seen, "gen-3": {4}}},
        {"seen": {**read().seen, "gen-9": {9}}},
        {"seen": dict(reversed(read().seen.items()))},
        {"seen": {"gen-1": {1}, "gen-8": {8}}},
        {"sizes": [(1 << 20, 9 + n) for n in range(8)]},
        {"sizes": [((1 << 20) + n * MOST_GROWTH, 9) for n in range(8)]},
    ],
    ids=["error", "mixed", "other", "unknown", "backwards", "few", "files", "memory"],
)
def test_wrong_readers_are_found_out(changes):
    assert swaps.judge(read(), BUILT) == []
    assert swaps.judge(read(**changes), BUILT)


def test_editions_are_read_from_every_text(tmp_path):
    editions.write(tmp_path / "articles", 3)
    build(tmp_path / "articles", tmp_path / "index")
    assert editions.problems_of(tmp_path / "index", {3}) == []
    (problem,) = editions.problems_of(tmp_path / "index", {2})
    assert problem == "answers of editions [3] instead of [2]"
    file = tmp_path / "articles" / "00.md"
    file.write_text(file.read_text().replace("edition 3**: of bronze, edition 3", "edition 4"))
    build(tmp_path / "articles", tmp_path / "index")
    assert editions.served(tmp_path / "index") == {3, 4}
    file.write_text("---\nid: a00\nquestion: Where is the bell number0?\n---\nNowhere.\n")
    build(tmp_path / "articles", tmp_path / "index")
    assert editions.served(tmp_path / "index") == {0, 3}


def test_a_mount_that_can_be_written_is_not_taken_for_read_only(tmp_path):
    if reason := swaps.why_not_read_only(tmp_path):
        pytest.skip(f"no mount is read-only here: {reason}")
    assert READ_ONLY in swaps.KINDS[2]
    (tmp_path / "written").touch()  # what another process mounted is not seen here
