"""A process that forks after it has searched: the fork searches, refreshes and builds on.

OpenMP, under FAISS and torch, waits for ever for the threads that a fork has lost; so each of these
runs in a process of its own, with several threads, and under a limit of time.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

MOST_SECONDS = 60

START = """
import os, sys
from pathlib import Path
from qasearch import Article, Index
from tests.tiny import TinyEmbedder

folder, model = Path(sys.argv[1]), sys.argv[2]
embedder = None if model == "bundled" else TinyEmbedder(4_096)
QUESTIONS = [f"Where is number{n} kept?" for n in range(24)]  # 20 at once make FAISS use threads

def build(edition):
    articles = [
        Article(id=f"a{n:02}", question=question, answer=f"Number{n}, edition {edition}.")
        for n, question in enumerate(QUESTIONS)
    ]
    return Index.build(articles, folder, embedder=embedder).generation

def check(index, edition):
    found = [result.articles[0] for result in index.search_many(QUESTIONS, k=1)]
    assert [hit.article.id for hit in found] == [f"a{n:02}" for n in range(24)]
    assert {hit.article.answer.split()[-1] for hit in found} == {f"{edition}."}

def in_a_fork(work):
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

build(1)
index = Index.open(folder, embedder=embedder)
check(index, 1)
"""

SEARCH = "in_a_fork(lambda: check(index, 1)); check(index, 1)"

OPEN_ANEW = "in_a_fork(lambda: check(Index.open(folder, embedder=embedder), 1))"

BUILD = """
in_a_fork(lambda: build(2))
assert index.refresh()
check(index, 2)
"""

REFRESH = """
def work():
    check(index, 1)
    build(2)
    assert index.refresh()
    check(index, 2)

in_a_fork(work)
check(index, 1)
"""

FORK_OF_A_FORK = "in_a_fork(lambda: (check(index, 1), in_a_fork(lambda: check(index, 1))))"

PARENT_GOES_ON = """
generation = index.status().generation
ours, theirs = os.pipe()

def work():
    os.read(ours, 1)  # until what was open at the fork has been collected
    check(index, 5)

child = os.fork()
if not child:
    in_a_fork(work)
    os._exit(0)
for edition in range(2, 6):
    build(edition)
    index.refresh()
assert not (folder / generation).exists()
os.write(theirs, b"x")
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

ENDS_BY_ITSELF = """
child = os.fork()
if not child:
    check(index, 1)
    sys.exit(0)  # runs what libraries do when a process ends, as the workers of servers do
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

NO_INDEX_ANY_MORE = """
import shutil
from qasearch import IndexStoreError

def work():
    try:
        index.search("number1")
    except IndexStoreError as error:
        assert "There is no index" in str(error)
    else:
        raise AssertionError("it answered")

shutil.rmtree(folder)
in_a_fork(work)
check(index, 1)
"""


def run(code: str, folder: Path, model: str = "tiny") -> None:
    """Run code in a process with four threads."""
    with subprocess.Popen(
        [sys.executable, "-c", START + code, folder, model],
        env={**os.environ, "OMP_NUM_THREADS": "4", "PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the fork that hangs, which outlives it
            pytest.fail("it hangs")
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(
    "code",
    [
        *(SEARCH, OPEN_ANEW, BUILD, REFRESH, FORK_OF_A_FORK, PARENT_GOES_ON, ENDS_BY_ITSELF),
        NO_INDEX_ANY_MORE,
    ],
    ids=[
        "search",
        "open",
        "build",
        "refresh",
        "fork-of-fork",
        "parent-goes-on",
        "ends",
        "no-index",
    ],
)
def test_a_fork_goes_on(code: str, tmp_path: Path) -> None:
    run(code, tmp_path / "index")


@pytest.mark.model
def test_a_fork_goes_on_with_the_bundled_model(tmp_path: Path) -> None:
    work = REFRESH + (FORK_OF_A_FORK + ENDS_BY_ITSELF).replace("index, 1", "index, 2")
    run(work, tmp_path / "index", "bundled")
