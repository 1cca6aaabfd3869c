"""The programs of docs/embedding.md run as they stand there, and do what is said of them."""

import csv
import inspect
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from qasearch import Article, Index

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
PROGRAMS = {
    name: text for text, name in re.findall(r"^```python\n(# (\w+\.py).*?)^```$", DOC, re.M | re.S)
}
QUESTION = "how is peacekeeping funded"
ANSWER = "1001"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has all the programs in it."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def indexed(folder: Path, seeds_index: Path) -> Path:
    """The same with an index of the seeds."""
    shutil.copytree(seeds_index, folder / "index")
    return folder


def run(folder: Path, *command: str) -> str:
    """Run a program, and give what it printed."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_program_is_tried_here() -> None:
    assert sorted(PROGRAMS) == [
        "app.py", "batch.py", "own_embedder.py", "own_reranker.py", "own_source.py", "worker.py",
    ]  # fmt: skip
    assert DOC.count("```python\n") == len(PROGRAMS)


@pytest.fixture
def serving(indexed: Path) -> Iterator[Callable[..., Ask]]:
    """Start a server on a free port, that says where on stderr; give a way to ask it."""
    processes: list[subprocess.Popen[str]] = []

    def start(*command: str) -> Ask:
        log = indexed / "log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=indexed, stderr=stderr, text=True
            )
        processes.append(process)
        while not (found := re.search(r"(http://127\.0\.0\.1:\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)

        def ask(**parameters: object) -> dict[str, Any]:
            with urllib.request.urlopen(f"{found[1]}/ask?{urlencode(parameters)}", timeout=60) as r:
                return json.load(r)

        return ask

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGTERM)
    # gunicorn gives its workers half a minute to end, and says when it has to kill them.
    assert "SIGKILL" not in (indexed / "log").read_text()


def status_of(ask: Ask, **parameters: object) -> tuple[int, str]:
    """Status and body of a reply that is an error."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(**parameters)
    with caught.value as reply:
        return reply.code, reply.read().decode()


def build_gulls(index: Path) -> str:
    """Build a generation with one article more; give its name."""
    with Index.open(index) as opened:
        gulls = Article("gulls", "What do gulls eat?", "1. **Fish**: mostly.\n\n2. **Chips**: too.")
        return str(opened.update([gulls]).generation)


def until_it_answers(ask: Ask, generation: str) -> dict[str, Any]:
    """Ask about gulls until the answer comes from a generation."""
    while True:
        found = ask(q="what do gulls eat", k=1)
        if found["index"]["generation"] == generation:
            return found
        time.sleep(0.1)


@pytest.mark.model
def test_the_fastapi_application(serving: Callable[..., Ask], indexed: Path) -> None:
    pytest.importorskip("fastapi", reason="the extra serve is not installed")
    ask = serving("uvicorn", "app:app", "--port", "0")
    assert ask(q=QUESTION, k=1)["articles"][0]["id"] == ANSWER
    assert status_of(ask, q=" ")[0] == 422
    assert status_of(ask, q=QUESTION, k=0) == (
        422, '{"detail":"k must be a whole number from 1 to 100, not 0."}'
    )  # fmt: skip
    found = until_it_answers(ask, build_gulls(indexed / "index"))
    assert found["articles"][0]["id"] == "gulls"


@pytest.mark.model
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_the_flask_workers(serving: Callable[..., Ask], indexed: Path) -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    command = ["--preload", "--workers=2", "--no-control-socket", "--bind=127.0.0.1:0"]
    ask = serving("gunicorn", *command, "worker:app")
    replies = [ask(q=QUESTION, k=1) for _ in range(2)]
    while len({reply["worker"] for reply in replies}) < 2:
        replies.append(ask(q=QUESTION, k=1))
    assert {reply["articles"][0]["id"] for reply in replies} == {ANSWER}
    assert status_of(ask, q="")[0] == 422
    generation = build_gulls(indexed / "index")
    found = [ask(q="what do gulls eat", k=1)]
    while len({reply["worker"] for reply in found}) < 2:
        found.append(ask(q="what do gulls eat", k=1))
    # Each of them looks before it answers, so that not one reply is of the generation before.
    assert {reply["index"]["generation"] for reply in found} == {generation}
    assert {reply["articles"][0]["id"] for reply in found} == {"gulls"}


@pytest.mark.model
def test_the_batch_job(indexed: Path) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    questions = [QUESTION, "", "  ", *[f"{QUESTION}, part {n}" for n in range(70)], "zxqv wkjh"]
    with (indexed / "questions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["n", "question"], *enumerate(questions)])
    run(indexed, "batch.py", "questions.csv", "answers.csv")
    with (indexed / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["n"] for row in rows] == [str(n) for n in (0, *range(3, 74))]
    assert {row["article"] for row in rows[:-1]} == {ANSWER}
    assert (rows[0]["verdict"], rows[-1]["verdict"]) == ("answer", "no_answer")
    assert rows[0]["point"].startswith(f"{ANSWER}#")
    assert float(rows[0]["confidence"]) > float(rows[-1]["confidence"])


def test_the_own_embedder(folder: Path) -> None:
    assert run(folder, "own_embedder.py") == "How is bread baked?\n"


@pytest.mark.model
@pytest.mark.skipif(
    "reranker" not in inspect.signature(Index.open).parameters, reason="rerankers are not there yet"
)
def test_the_own_reranker(indexed: Path) -> None:
    lengths = json.loads(run(indexed, "own_reranker.py"))
    with Index.open(indexed / "index") as index:
        ranked = [len(hit.text) for hit in index.search(QUESTION, flat=True, k=20).passages or ()]
    assert sorted(lengths) == sorted(ranked)
    assert sum(lengths[:10]) < sum(ranked[:10])
    assert sum(lengths[:10]) < sum(lengths[10:])


@pytest.mark.model
def test_the_own_source(folder: Path) -> None:
    rows = [
        (1, "How is tea made?", "1. **Water**: Boil it.", "Kitchen", "2026-01-01T10:00", 1),
        (2, "Who pays the rent?", "1. **Tenants**: They do.", "Law", "2026-01-02T10:00", 1),
        (3, "What is a draft?", "Nothing yet.", "Law", "2026-01-02T10:00", 0),
    ]
    with sqlite3.connect(folder / "faq.db") as database:
        database.execute("CREATE TABLE faq (id, question, answer, topic, edited, published)")
        database.executemany("INSERT INTO faq VALUES (?, ?, ?, ?, ?, ?)", rows)
    database.close()
    assert run(folder, "own_source.py", "faq.db", "") == "2 added, 0 changed, 0 removed\n"
    with sqlite3.connect(folder / "faq.db") as database:
        database.execute("UPDATE faq SET published = 0 WHERE id = 1")
        database.execute("UPDATE faq SET published = 1, edited = '2026-02-01T00:00' WHERE id = 3")
    database.close()
    assert run(folder, "own_source.py", "faq.db", "2026-02") == "1 added, 0 changed, 1 removed\n"
    with Index.open(folder / "faq-index") as index:
        assert index.ids() == ["2", "3"]
        best = index.search("which tenants pay", where={"subject": "law"}).articles[0]
        assert (best.id, best.points[0].title) == ("2", "Tenants")
        assert best.article.urls == ("https://example.org/faq/2",)
