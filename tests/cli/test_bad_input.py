"""What people get wrong: a clear message, the right exit code, and never a traceback."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Outcome

GOOD = "---\nid: tea\nquestion: How is tea made?\n---\n\nBoil water.\n"


def refuses(outcome: Outcome, code: int, *words: str) -> None:
    """Check that a command ended with ``code`` and a message on stderr that has these words."""
    assert outcome.code == code, outcome
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert "fault of qasearch" not in outcome.err
    assert "\x1b" not in outcome.out + outcome.err


def folder(**files: str | bytes) -> Path:
    """A folder ``articles`` of files, by names without their ``.md``."""
    Path("articles").mkdir()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        Path(f"articles/{name}.md").write_bytes(data)
    return Path("articles")


@pytest.mark.parametrize("command", ["build", "parse"])
def test_a_path_that_does_not_exist(command: str, qasearch: Command) -> None:
    refuses(qasearch(command, "nowhere"), 2, "nowhere")


@pytest.mark.parametrize("command", ["build", "parse"])
def test_an_empty_folder(command: str, qasearch: Command) -> None:
    refuses(qasearch(command, folder()), 2, "articles")


@pytest.mark.parametrize("command", ["build", "parse"])
def test_a_folder_without_articles(command: str, qasearch: Command) -> None:
    articles = folder()
    (articles / "photo.png").write_bytes(b"\x89PNG")
    refuses(qasearch(command, articles), 2, "articles")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("---\nid: 1\nquestion: Who?\n\nText.\n", "articles/bad.md:1: "),
        ("---\nid: 1\nquestion: Who?\nanswer: 3\n---\n", "articles/bad.md:4: "),
        (b"# Who?\n\ncaf\xe9\n", "articles/bad.md:3: not UTF-8"),
        (b"\xff\xfe#\x00 \x00W\x00", "articles/bad.md:1: not UTF-8"),
        ("---\nquestion: Who?\nanswer: [\n---\n", "articles/bad.md:"),
        ("---\nanswer: They do.\n---\n", "articles/bad.md"),
        ("", "articles/bad.md"),
    ],
    ids=[
        *("unclosed front matter", "answer: 3", "latin-1", "UTF-16"),
        *("broken YAML", "no question", "empty file"),
    ],
)
def test_one_bad_file_is_named_and_the_rest_is_read(
    content: str | bytes, place: str, qasearch: Command
) -> None:
    articles = folder(bad=content, good=GOOD)
    parsed = qasearch("parse", articles)
    refuses(parsed, 1, place)
    assert [json.loads(line)["path"] for line in parsed.out.splitlines()] == ["articles/good.md"]

    built = qasearch("build", articles)
    refuses(built, 1, place)
    assert built.out.startswith("1 articles (1 added")


def test_nothing_but_bad_files(qasearch: Command) -> None:
    built = qasearch("build", folder(bad="---\nid: 1\n"))
    refuses(built, 1, "articles/bad.md")
    assert not Path("index/CURRENT").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no FIFOs")
def test_a_fifo_is_named_and_does_not_hang(qasearch: Command) -> None:
    articles = folder(good=GOOD)
    os.mkfifo(articles / "pipe.md")
    refuses(qasearch("parse", articles), 1, "articles/pipe.md", "FIFO")
    refuses(qasearch("build", articles), 1, "articles/pipe.md", "FIFO")
    refuses(qasearch("parse", articles / "pipe.md"), 2, "pipe.md", "FIFO")


def test_a_loop_of_links_below_a_folder_is_not_followed(qasearch: Command) -> None:
    articles = folder(good=GOOD)
    (articles / "loop").symlink_to(Path("..", "articles"), target_is_directory=True)
    (articles / "self.md").symlink_to("self.md")
    parsed = qasearch("parse", articles)
    refuses(parsed, 0, "articles/loop", "articles/self.md")
    assert len(parsed.out.splitlines()) == 1
    refuses(qasearch("build", articles), 0, "articles/loop")


@pytest.mark.parametrize("command", ["build", "parse"])
def test_a_path_that_is_a_loop_of_links(command: str, qasearch: Command) -> None:
    Path("loop").symlink_to("loop")
    refuses(qasearch(command, "loop"), 2, "loop")


@pytest.mark.parametrize(
    "arguments", [["search", "who"], ["show", "1"], ["status"], ["run", "queries.tsv"]]
)
def test_a_missing_index(arguments: list[str], qasearch: Command) -> None:
    Path("queries.tsv").write_text("1\twho\n")
    refuses(qasearch(*arguments), 3, "index", "qasearch build")
    refuses(qasearch(*arguments, "-i", "no\x1bwhere"), 3, r"no\x1bwhere")


def test_an_index_that_is_none(qasearch: Command) -> None:
    Path("index").mkdir()
    refuses(qasearch("search", "who"), 3, "index", "qasearch build")
    Path("index/CURRENT").write_text("../elsewhere\n")
    refuses(qasearch("search", "who"), 3, "index")


def test_an_index_that_is_a_file(qasearch: Command) -> None:
    Path("file").touch()
    refuses(qasearch("search", "who", "-i", "file"), 3, "That is a file, and an index is a folder")
    for place in ("file", "file/index"):
        built = qasearch("build", folder(good=GOOD) if place == "file" else "articles", "-i", place)
        refuses(built, 5, "A file is there, and an index is a folder: name another place.")
        assert "Free some space" not in built.err


def test_another_model(on_index: Command) -> None:
    refuses(on_index("search", "who", "--model", "all-MiniLM-L6-v2"), 3, "counts-words", "--model")


def test_a_model_that_is_not_there(on_index: Command) -> None:
    refuses(on_index("search", "who", "--model", "./nowhere"), 6, "nowhere")


@pytest.mark.parametrize("query", ["", " ", "\t\n", "\x1b", "\u00a0"])
def test_a_blank_query(query: str, on_index: Command) -> None:
    refuses(on_index("search", query), 2, "blank")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "0"],
        ["-k", "-1"],
        ["-k", "101"],
        ["-k", "1000000000000000000"],
        ["-k", "NaN"],
        ["-k", "3.5"],
        ["-k", ""],
        ["--points", "-1"],
        ["--points", "101"],
        ["--where", "subject"],
        ["--where", "colour=red"],
        ["--where", "subject>=A"],
        ["--where", "date>=yesterday"],
        ["--facets", "colour"],
        ["--format", "xml"],
        ["--mode", "psychic"],
        ["--no-such-option"],
        ["a second query"],
    ],
    ids=" ".join,
)
def test_a_wrong_option(arguments: list[str], on_index: Command) -> None:
    refuses(on_index("search", "who pays", *arguments), 2, "error: ")

    as_json = on_index("search", "--json", "who pays", *arguments)
    if arguments[0] != "--format":
        error = json.loads(as_json.out)["error"]
        assert as_json.code == 2
        assert error["code"] == "usage"
        assert error["message"]


@pytest.mark.parametrize(
    "query",
    [
        "who \ud800 pays",
        "who\x00pays",
        "\u202ewho pays",
        "👨‍👩‍👧 pays",
        "pays " + "\u0301" * 50_000,
        "'; DROP TABLE articles; --",
        '"who" AND NOT (pays*) %',
        "who " * 500_000,
    ],
    ids=["surrogate", "NUL", "bidi", "emoji", "marks", "SQL", "syntax", "2 MB"],
)
def test_a_strange_query_is_answered(query: str, on_index: Command) -> None:
    found = on_index("search", "--json", "-q", "--", query)
    assert (found.code, found.err) == (0, "")
    result = found.json()
    assert isinstance(result, dict)
    assert result["query"] == query
    found.out.encode()


def test_hostile_content_reaches_no_terminal(qasearch: Command) -> None:
    hostile = "\x1b]8;;https://evil.example\x1b\\ \x9b2J \u202eoverwritten"
    Path("a.jsonl").write_text(
        json.dumps(
            {
                "id": "1",
                "question": f"Who pays?{hostile}",
                "answer": f"1. **Dues{hostile}**: states pay{hostile}",
                "subject": hostile,
                "url": f"https://example.org/{hostile}",
            }
        )
        + "\n"
    )
    assert qasearch("build", "a.jsonl").code == 0
    for form in ("text", "json", "jsonl", "csv", "md"):
        facets = ["--facets", "subject"] if form in ("text", "json", "jsonl") else []
        outcome = qasearch("search", "who pays", *facets, "--format", form)
        assert outcome.code == 0
        assert {"\x1b", "\x9b", "\u202e"}.isdisjoint(outcome.out + outcome.err)
    parsed = qasearch("parse", "a.jsonl")
    assert parsed.code == 0
    assert {"\x1b", "\x9b", "\u202e"}.isdisjoint(parsed.out + parsed.err)
