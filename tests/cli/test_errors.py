import json
from pathlib import Path

import pytest

from qasearch import errors
from qasearch.cli.errors import ExitCode, Failure, NotFoundError, report, wants_json

INDEX = Path("index")


@pytest.mark.parametrize(
    ("error", "exit_code", "code"),
    [
        (errors.ArticleError("a.md", 3, "no question"), 1, "article"),
        (errors.BuildRefusedError("2 could not be read"), 1, "build_refused"),
        (NotFoundError("7"), 1, "not_found"),
        (errors.NoArticlesError("nothing in seeds"), 2, "no_articles"),
        (ValueError("k must be at least 1"), 2, "usage"),
        (errors.IndexNotFoundError(INDEX), 3, "index_not_found"),
        (errors.IndexDamagedError(INDEX, "vectors.npy", "9 bytes", "8 bytes"), 3, "index_damaged"),
        (errors.IndexMismatchError(INDEX, "model", "a", "b"), 3, "index_mismatch"),
        (errors.IndexLockedError(INDEX, "process 7"), 4, "index_locked"),
        (errors.IndexWriteError(INDEX, OSError(28, "No space left")), 5, "index_write"),
        (PermissionError(13, "Permission denied"), 5, "io"),
        (errors.EmbedderError("tiny", "its digest is wrong"), 6, "embedder"),
        (KeyError("row"), 70, "fault"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), 70, "fault"),
        (RecursionError("too deep"), 70, "fault"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_exit_codes(error: BaseException, exit_code: int, code: str) -> None:
    failure = Failure.of(error)
    assert (failure.exit_code, failure.code) == (exit_code, code)


def test_every_error_of_ours_has_an_exit_code_that_is_no_fault() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.QASearchError)
    ]
    assert len(kinds) > 8
    for kind in kinds:
        error = kind.__new__(kind)
        error.hint = ""
        assert Failure.of(error).exit_code not in (ExitCode.DONE, ExitCode.FAULT)


def test_an_error_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(errors.IndexNotFoundError(Path("a\x1b[2Jb")), ["search", "q"]) == 3
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == (
        "error: There is no index in a\\x1b[2Jb.\n"
        "       Build one with `qasearch build PATH -i a\\x1b[2Jb`.\n"
    )


def test_an_error_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(errors.IndexNotFoundError(INDEX), ["search", "q", "--json"]) == 3
    written = capsys.readouterr()
    assert written.err == ""
    assert json.loads(written.out) == {
        "error": {
            "code": "index_not_found",
            "message": "There is no index in index.",
            "hint": "Build one with `qasearch build PATH -i index`.",
        }
    }


def test_a_fault_of_ours_asks_to_be_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyError("row"), ["search", "q"]) == 70
    brief = capsys.readouterr().err
    assert "KeyError: 'row'" in brief
    assert "please report it" in brief
    assert "Traceback" not in brief


def test_the_traceback_is_there_for_the_asking(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("row\x1b[2J")
    except KeyError as error:
        report(error, ["search", "q", "-v"])
    detailed = capsys.readouterr().err
    assert "Traceback" in detailed
    assert "\x1b" not in detailed


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("search q --json", True),
        ("search q --format json", True),
        ("search --format=jsonl q", True),
        ("run q.tsv --format jsonl", True),
        ("search q --format csv", False),
        ("search json", False),
        ("search -- --json", False),
        ("search q --format", False),
        ("", False),
    ],
)
def test_whether_json_is_wanted(arguments: str, wanted: bool) -> None:
    assert wants_json(arguments.split()) is wanted
