"""Work spread over processes: the same results in the same order, whatever happens to them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from qasearch.errors import ArticleError
from qasearch.ingest import Shelf, find_changes, find_files, in_processes, processes
from qasearch.ingest.changes import Changes
from qasearch.protocols import Spread, here, no_progress

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no processes are begun here")

BATCHES = [[number] for number in range(40)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first batch, others begin; two, however many processors there are."""
    monkeypatch.setattr(processes, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(processes, "_processors", lambda: 2)


def article(id: object, question: str = "Why?", answer: str = "1. **So**: it is.") -> str:
    return f"---\nid: {id}\nquestion: {question}\nanswer: >-\n    {answer}\n---\n"


# What is run must be found by its name in another process.


def who(batch: list[int]) -> tuple[int, list[int]]:
    return os.getpid(), batch


def die(batch: list[int], *, here: int) -> list[int]:
    if os.getpid() != here and batch == [7]:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def fail(batch: list[int]) -> list[int]:
    if batch == [9]:
        raise ArticleError("nine", 9, "is not liked")
    return batch


def test_two_others_do_what_follows_the_first_batch_in_order() -> None:
    done = list(in_processes(who, BATCHES))
    assert [batch for _, batch in done] == BATCHES
    assert done[0][0] == os.getpid()
    others = {process for process, _ in done[1:]}
    assert os.getpid() not in others
    assert 1 <= len(others) <= 2


def test_what_is_soon_done_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ALONE_SECONDS", 60.0)
    assert {process for process, _ in in_processes(who, BATCHES)} == {os.getpid()}


def test_one_processor_begins_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_processors", lambda: 1)
    assert {process for process, _ in in_processes(who, BATCHES)} == {os.getpid()}


def test_the_batch_of_a_process_that_dies_is_done_here() -> None:
    assert list(in_processes(partial(die, here=os.getpid()), BATCHES)) == BATCHES


def test_where_no_process_can_be_begun_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("no more processes")

    monkeypatch.setattr(processes.subprocess, "Popen", refused)
    assert {process for process, _ in in_processes(who, BATCHES)} == {os.getpid()}


def test_what_never_gets_ready_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ``sys.executable`` is no Python, but a program that has one in it."""
    monkeypatch.setattr(processes, "_BEGIN", "import time; time.sleep(100)")
    monkeypatch.setattr(processes, "_READY_SECONDS", 0.1)
    assert {process for process, _ in in_processes(who, BATCHES)} == {os.getpid()}


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(ArticleError, match="is not liked"):
        list(in_processes(fail, BATCHES))


def test_an_end_in_the_middle_leaves_no_process_and_no_thread() -> None:
    before = threading.active_count()
    results = in_processes(who, BATCHES)
    seen = {next(results)[0] for _ in range(6)} - {os.getpid()}
    assert isinstance(results, Iterator)
    results.close()  # pyright: ignore[reportAttributeAccessIssue] (it is a generator)
    assert seen
    for process in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert threading.active_count() == before


def changes(folder: Path, spread: Spread) -> tuple[Changes, dict[str, object]]:
    refused: list[ArticleError] = []
    files = find_files([folder], on_error=refused.append)
    with Shelf() as shelf:
        found = find_changes(
            files,
            {},
            {},
            shelf,
            unreachable=[],
            stored=(),
            include_no_index=False,
            anew=False,
            progress=no_progress,
            spread=spread,
        )
        return found, dict(shelf)


def test_files_are_read_as_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qasearch.ingest.changes.FILES_AT_ONCE", 5)
    for number in range(60):
        (tmp_path / f"{number}.md").write_text(article(number))
    (tmp_path / "twice.md").write_text(article(7, question="Another one?"))
    (tmp_path / "code.md").write_text(article("code", answer="1. **A**: b\\n```\\nnever closed"))
    (tmp_path / "open.md").write_text("---\nid: 1\n")
    (tmp_path / "lines.jsonl").write_text('{"question": "Q?", "answer": "A."}\nnot JSON\n')
    (one, articles), (several, same) = changes(tmp_path, here), changes(tmp_path, in_processes)
    assert len(articles) == 62
    assert same == articles
    assert (several.sources, several.warnings) == (one.sources, one.warnings)
    assert [str(clash) for clash in several.clashes] == [str(clash) for clash in one.clashes]
    refused = [refusal for source in several.sources for refusal in source.refused]
    assert [(refusal.path, refusal.line) for refusal in refused] == [
        (f"{tmp_path.name}/lines.jsonl", 2),
        (f"{tmp_path.name}/open.md", 1),
    ]


def test_the_main_program_is_not_run_again(tmp_path: Path) -> None:
    """One without ``if __name__ == "__main__"``, as most are."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(250):
        (folder / f"{number}.md").write_text(article(number))
    program = tmp_path / "program.py"
    program.write_text(
        "from qasearch.ingest import processes\n"
        "processes.ALONE_SECONDS, processes._processors = 0.0, lambda: 2\n"
        "from qasearch import Index\n"
        "from tests.tiny import TinyEmbedder\n"
        "print('begun')\n"
        f"report = Index.build({str(folder)!r}, {str(tmp_path / 'index')!r},"
        " embedder=TinyEmbedder())\n"
        "print(report.added)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("begun\n250\n", "")
