"""The commands that look after an index: status, verify, doctor, rollback."""

import os
import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from qasearch import Index
from qasearch.cli.console import Screen
from qasearch.cli.doctor import Check, as_text, version_check
from qasearch.index import Files
from qasearch.index.lock import LOCK_FILE, WriterLock
from tests.cli.conftest import Command
from tests.tiny import TinyEmbedder

BAD = "---\nid: 1\n"


@pytest.fixture
def index(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the index, to be spoilt; the default one."""
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    monkeypatch.setenv("QASEARCH_INDEX", str(copy))
    return copy


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundled model that passes every check: hashing the real one takes a while."""
    monkeypatch.setattr("qasearch.check_bundled_model", lambda: Path("model"), raising=False)


def current(index: Path) -> str:
    return (index / "CURRENT").read_text().split()[0]


def spoil(index: Path, file: str) -> None:
    """Flip the last bit of a file."""
    path = index / current(index) / file
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def checks(outcome: object) -> dict[str, list[tuple[str, str]]]:
    """What doctor said of each thing: outcome and hint."""
    said: dict[str, list[tuple[str, str]]] = {}
    for check in cast(list[dict[str, str]], outcome):
        said.setdefault(check["name"], []).append((check["outcome"], check["hint"]))
    return said


@pytest.mark.parametrize("command", ["status", "show"])
def test_what_needs_no_model_asks_for_none(
    command: str, qasearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "other"
    (tmp_path / "tea.md").write_text("# How is tea made?\n\nBoil water.\n")
    Index.build(tmp_path / "tea.md", index, embedder=TinyEmbedder())
    arguments = ["show", "tea"] if command == "show" else ["status"]
    monkeypatch.setenv("QASEARCH_MODEL", "no/such-model")
    assert qasearch(*arguments, "-i", index).code == 0
    monkeypatch.undo()


def test_a_search_with_another_model_is_refused_with_both_named(
    qasearch: Command, tmp_path: Path
) -> None:
    (tmp_path / "tea.md").write_text("# How is tea made?\n\nBoil water.\n")
    Index.build(tmp_path / "tea.md", tmp_path / "other", embedder=TinyEmbedder())
    found = qasearch("search", "tea", "-i", tmp_path / "other")
    assert (found.code, found.out) == (3, "")
    assert "tiny (256 dims, tiny-256), not counts-words (" in found.err


def test_status_names_what_is_stale_and_refused(qasearch: Command, tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    for n in range(7):
        (articles / f"{n}.md").write_text(f"# What is {n}?\n\nThe number {n}.\n")
    assert qasearch("build", articles).code == 0
    for n in range(6):
        (articles / f"{n}.md").write_text(BAD)
    assert qasearch("build", articles).code == 1

    text = qasearch("status")
    assert text.code == 0
    lines = dict(re.split(r" {2,}", line) for line in text.out.splitlines())
    assert (lines["articles"], lines["source files"]) == ("7", "7")
    assert lines["stale"] == "6: articles/0, articles/1, articles/2, articles/3, articles/4, ..."
    assert re.fullmatch(r"6: (articles/\d\.md(:\d+)?, ){5}\.\.\.", lines["refused"])
    assert len(lines["generations"].split(", ")) == 2

    fields = cast(dict[str, Any], qasearch("status", "--format", "json").json())
    assert fields["stale"] == [f"articles/{n}" for n in range(6)]
    assert len(fields["refused"]) == 6
    assert fields["generation"] == fields["generations"][1]
    assert fields["bytes"]["other_generations"] > 0
    assert fields["bytes"]["cache"] > 0


def test_verify_finds_a_whole_index_whole(qasearch: Command, index: Path) -> None:
    done = qasearch("verify")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{index} is whole: every file is as it was built.\n"


def test_verify_lists_every_fault_with_what_mends_it(qasearch: Command, index: Path) -> None:
    spoil(index, "vectors.npy")
    spoil(index, "questions.npy")
    done = qasearch("verify")
    assert (done.code, done.err) == (3, "")
    one, two = done.out.splitlines()
    for line, file in ((one, "vectors.npy"), (two, "questions.npy")):
        assert f"{file} is damaged: expected" in line
        assert f"`qasearch build PATH --rebuild -i {index}`, or let" in line
        assert line.endswith(f"`qasearch rollback -i {index}`.")


@pytest.mark.parametrize(
    "file", ["manifest.json", "passages.sqlite", "vectors.faiss", "sources.jsonl"]
)
def test_no_command_answers_from_a_damaged_file(qasearch: Command, index: Path, file: str) -> None:
    spoil(index, file)
    for arguments in (["search", "tea"], ["show", "tea"], ["status"], ["verify"]):
        done = qasearch(*arguments)
        assert done.code == 3
        assert f"{file} is damaged: expected" in done.out + done.err


@pytest.mark.usefixtures("bundled")
def test_where_nothing_says_what_answers_the_newest_does_until_that_is_mended(
    qasearch: Command, index: Path
) -> None:
    before = current(index)
    (index / "CURRENT").write_text("garbage")
    status = qasearch("status")
    assert status.code == 0
    assert re.search(rf"^generation +{before}$", status.out, re.M)
    assert qasearch("search", "boil water").code == 0
    for command in ("verify", "doctor"):
        done = qasearch(command)
        assert done.code == {"verify": 3, "doctor": 1}[command]
        assert "CURRENT is damaged: expected the name of a generation" in done.out
        assert f"`qasearch rollback -i {index}`" in done.out
    done = qasearch("rollback")
    assert (done.code, done.out) == (0, f"{before} answers now in {index}.\n")
    assert qasearch("verify").code == 0


def test_verify_without_an_index(qasearch: Command) -> None:
    done = qasearch("verify")
    assert (done.code, done.out) == (3, "")
    assert "There is no index" in done.err


def test_rollback_says_what_answers_now(qasearch: Command, index: Path, articles: Path) -> None:
    before = current(index)
    Path("more.md").write_text("# Is there more?\n\nYes.\n")
    assert qasearch("build", articles, "more.md").code == 0
    assert current(index) != before
    done = qasearch("rollback")
    assert (done.code, done.out, done.err) == (0, f"{before} answers now in {index}.\n", "")
    assert current(index) == before
    again = qasearch("rollback")
    assert (again.code, again.out) == (3, "")
    assert "no older generation that is whole" in again.err


def test_rollback_without_an_index(qasearch: Command) -> None:
    assert qasearch("rollback").code == 3
    assert not Path("index").exists()


def test_rollback_during_a_build(qasearch: Command, index: Path) -> None:
    lock = WriterLock(index, wait=0, files=Files())
    lock.acquire()
    done = qasearch("rollback")
    lock.release()
    assert (done.code, done.out) == (4, "")
    assert f"process {os.getpid()} on" in done.err


@pytest.mark.usefixtures("bundled")
def test_doctor_finds_nothing_wrong(qasearch: Command, index: Path) -> None:
    done = qasearch("doctor")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert all(line.startswith(("ok    ", "warn  space")) for line in lines)
    assert {"ok    lock: nobody is building", f"ok    folder: {index} can be written"} < {*lines}
    assert "ok    counts: 3 articles; 5 passages, as many vectors, as the manifest says" in lines
    assert any(line.startswith("ok    faiss-cpu: 1.") for line in lines)
    said = checks(qasearch("doctor", "--format", "json").json())
    assert said["Python"] == said["bundled model"] == said["index"] == [("ok", "")]


@pytest.mark.usefixtures("bundled")
def test_doctor_fails_for_a_damaged_index(qasearch: Command, index: Path) -> None:
    spoil(index, "vectors.npy")
    done = qasearch("doctor", "--json")
    assert done.code == 1
    said = checks(done.json())
    ((outcome, hint),) = said["index"]
    assert outcome == "FAIL"
    assert hint.startswith(f"Build it anew with `qasearch build PATH --rebuild -i {index}`, or ")
    assert "counts" not in said
    text = qasearch("doctor")
    assert text.code == 1
    assert re.search(r"^FAIL  index: .*vectors\.npy is damaged: .* Build it anew", text.out, re.M)


@pytest.mark.usefixtures("bundled")
def test_doctor_fails_without_an_index(qasearch: Command) -> None:
    done = qasearch("doctor")
    assert done.code == 1
    assert "FAIL  index: There is no index in index. Build one with" in done.out
    assert not Path("index").exists()


def test_doctor_fails_without_the_model(
    qasearch: Command, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qasearch.embed.bundled.PACKAGE", "no_such_package")
    done = qasearch("doctor", "--json")
    assert done.code == 1
    ((outcome, hint),) = checks(done.json())["bundled model"]
    assert (outcome, hint[:17]) == ("FAIL", "Install it anew: ")


@pytest.mark.usefixtures("bundled")
def test_doctor_warns_of_a_builder_and_of_stale_articles(
    qasearch: Command, articles: Path, index: Path
) -> None:
    Path("bad.md").write_text(BAD)
    assert qasearch("build", articles, "bad.md").code == 1
    lock = WriterLock(index, wait=0, files=Files())
    lock.acquire()
    done = qasearch("doctor")
    lock.release()
    assert done.code == 0
    assert f"warn  lock: being built by process {os.getpid()} on" in done.out
    assert "warn  articles: 0 stale, 1 refused. `qasearch status` names them" in done.out
    assert (index / LOCK_FILE).read_text().startswith("process ")
    assert "ok    lock: nobody is building" in qasearch("doctor").out


@pytest.mark.parametrize(
    ("found", "floor", "outcome"),
    [
        ("2.10.0+cpu", "2.10", "ok"),
        ("6", "6.0", "ok"),
        ("3.9.18", "3.11", "FAIL"),
        ("2.9.1", "2.10", "FAIL"),
        ("3.12.0rc1", "3.11", "ok"),
    ],
)
def test_versions_are_compared_as_numbers(found: str, floor: str, outcome: str) -> None:
    assert version_check("it", found, floor, "hint").outcome == outcome


def test_doctor_on_a_terminal_is_a_table_that_keeps_to_its_width() -> None:
    checks = [
        Check("Python", "ok", "3.11.7"),
        Check("index", "FAIL", "vectors.npy is damaged", "Build it anew with qasearch build."),
    ]
    lines = as_text(checks, Screen(width=40, terminal=True)).splitlines()
    assert lines == [
        "ok    Python  3.11.7",
        "FAIL  index   vectors.npy is damaged",
        "              Build it anew with",
        "              qasearch build.",
    ]
    piped = as_text(checks, Screen(width=40)).splitlines()
    assert piped[1] == "FAIL  index: vectors.npy is damaged. Build it anew with qasearch build."
