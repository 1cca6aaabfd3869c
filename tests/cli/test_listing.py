"""The forms that every listing has."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Outcome

COPY = """---
id: copy
question: Who pays for missions?
---

Nobody does.
"""
LISTINGS = {
    "related": (["related", "401"], ["tents", "tea"], "id"),
    "dupes": (["dupes"], ["conflict", "conflict"], "kind"),
    "diff": (["diff", "queries.tsv"], ["a"], "qid"),
    "status": (["status"], ["index", "generation"], "fact"),
    "verify": (["verify"], [], "code"),
    "doctor": (["doctor"], ["Python"], "name"),
    "eval": (["eval", "--queries", "queries.tsv", "--qrels", "qrels.txt"], ["index"], "run"),
}
"""Command, the first cells of the column that follows, and that column."""


@pytest.fixture
def listed(qasearch: Command, articles: Path, tmp_path: Path) -> Command:
    """A command on an index of two generations, the second of which answers otherwise."""
    Path("queries.tsv").write_text("a\tnobody does\n")
    Path("qrels.txt").write_text("a 0 401 2\n")
    assert qasearch("build", articles).code == 0
    Path("more").mkdir()
    Path("more/copy.md").write_text(COPY)

    def run(*arguments: str | Path) -> Outcome:
        if arguments[0] in ("dupes", "diff"):
            assert qasearch("build", articles, "more", "-q").code == 0
        return qasearch(*arguments)

    return run


@pytest.mark.parametrize("name", LISTINGS)
def test_one_listing_in_every_form(name: str, listed: Command) -> None:
    command, cells, column = LISTINGS[name]
    text = listed(*command)
    whole = listed(*command, "--json")
    assert listed(*command, "--format", "json").json() is not None
    assert (whole.code, whole.err) == (text.code, text.err)

    table = listed(*command, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table.out, newline="")))
    assert [row[column] for row in rows][: len(cells)] == cells

    document = listed(*command, "--format", "md").out.splitlines()
    header = table.out.splitlines()[0].split(",")
    assert document[0] == f"| {' | '.join(header)} |"
    assert document[1] == f"| {' | '.join(['---'] * len(header))} |"
    assert len(document) == len(rows) + 2

    for line in listed(*command, "--format", "jsonl").out.splitlines():
        assert isinstance(json.loads(line), dict)


def test_entries_are_those_of_the_whole(listed: Command) -> None:
    for command, key in ((["related", "401"], "articles"), (["diff", "queries.tsv"], "changes")):
        whole = listed(*command, "--json").json()
        lines = listed(*command, "--format", "jsonl").out.splitlines()
        entries = [json.loads(line) for line in lines]
        assert len(entries) == len(whole[key]) > 0  # type: ignore[index]
        assert [entry.keys() for entry in entries] == [each.keys() for each in whole[key]]  # type: ignore[index]


def test_a_table_in_markdown_keeps_its_cells_apart(listed: Command) -> None:
    Path("odd.md").write_text("---\nid: odd\nquestion: Pipes | or bars?\n---\n\nBoth.\n")
    assert listed("build", "odd.md", "more", "-i", "odd").code == 0
    row = listed("related", "copy", "-i", "odd", "--format", "md").out.splitlines()[2]
    assert r"| Pipes \| or bars? |" in row


def test_verify_lists_faults(listed: Command) -> None:
    current = Path("index/CURRENT").read_text().split()[0]
    (Path("index") / current / "questions.npy").unlink(missing_ok=True)
    victim = sorted(path for path in (Path("index") / current).iterdir() if path.is_file())[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    found = listed("verify", "--format", "jsonl")
    assert found.code == 3
    faults = [json.loads(line) for line in found.out.splitlines()]
    assert {fault["code"] for fault in faults} == {"index_damaged"}
    assert any(victim.name in fault["message"] for fault in faults)
    whole = listed("verify", "--json").json()
    assert whole == {"index": "index", "faults": faults}
