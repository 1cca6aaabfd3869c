"""Builds on a Ray cluster of two nodes: what they make is what one process makes.

Each text that a worker embeds leaves a line in a file that all of them see, so that tests can count
by content.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from qasearch import EmbedderError, Index
from qasearch.build import cluster, texts
from qasearch.errors import ArticleError, ClusterError, IndexWriteError, QASearchError
from qasearch.index import text_key
from qasearch.protocols import Vectors
from tests.build.folder import EMBEDDER, Folder, manifest, stored
from tests.tiny import TinyTokenEmbedder

pytestmark = [
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    # Ray leaves sockets and files to the end of its process, and warns of itself.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ARTICLES = 24
TEXTS = 3 * ARTICLES


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    pytest.importorskip("ray", reason="ray is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(texts, "EMBEDDED_AT_ONCE", 10)
    monkeypatch.setattr(texts, "FITTED_TO", 20)
    folder = Folder(tmp_path)
    for number in range(ARTICLES):
        text = f"1. **First**: stone {number}.\n\n2. **Second**: wood {number}."
        folder.write(f"a{number}", id=f"a{number}", text=text)
    return folder


class Noting(TinyTokenEmbedder):
    """Notes the texts of each batch that a worker has embedded, and which worker.

    The driver asks it for tokens too, of the questions that confidence is found by: not noted.
    """

    def __init__(self, notes: Path) -> None:
        super().__init__(dim=64)
        self.notes = notes
        self.driver = os.getpid()

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        made = super().embed_passage_tokens(texts)
        if os.getpid() != self.driver:
            time.sleep(0.2)  # so that there is work for both
            with self.notes.open("a") as file:
                file.write("".join(f"{os.getpid()} {text_key(text).hex()}\n" for text in texts))
        return made


class Meeting(Noting):
    """Begins when two workers have come: on a busy machine, one could do all before."""

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        if os.getpid() != self.driver:
            here = self.notes.parent / "here"
            here.mkdir(exist_ok=True)
            (here / str(os.getpid())).touch()
            until = time.monotonic() + 100
            while len(list(here.iterdir())) < 2 and time.monotonic() < until:
                time.sleep(0.05)
        return super().embed_passage_tokens(texts)


class DyingOnce(Noting):
    """Kills its process in the middle of the fifth batch."""

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        if os.getpid() != self.driver:
            begun = self.notes.with_name("begun")
            with begun.open("a") as file:
                file.write("x")
            if begun.stat().st_size == 5:
                self.notes.with_name("killed").write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passage_tokens(texts)


class Deadly(TinyTokenEmbedder):
    """Kills every process that it embeds in."""

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passage_tokens(texts)


class Refusing(TinyTokenEmbedder):
    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        raise EmbedderError("tiny", "is out of sorts.", hint="Cheer it up.")


def noted(notes: Path) -> list[tuple[str, str]]:
    """The process and the key of each text that was embedded."""
    lines = notes.read_text().splitlines()
    return [(process, key) for process, _, key in (line.partition(" ") for line in lines)]


def test_two_nodes_build_what_one_process_builds(
    two_nodes: Any, folder: Folder, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    report = folder.build(embedder=Meeting(notes), on="ray")
    assert (report.added, report.embedded) == (ARTICLES, TEXTS)
    embedded = noted(notes)
    assert set(Counter(key for _, key in embedded).values()) == {1}
    processes = {process for process, _ in embedded}
    assert len(processes) == 2

    folder.build(tmp_path / "alone")
    assert stored(folder.index) == stored(tmp_path / "alone")
    assert manifest(folder.index) == manifest(tmp_path / "alone")


def test_a_worker_killed_in_the_middle_loses_nothing(
    two_nodes: Any, folder: Folder, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    report = folder.build(embedder=DyingOnce(notes), on="ray")
    assert report.embedded == TEXTS
    counted = Counter(key for _, key in noted(notes))
    assert (len(counted), set(counted.values())) == (TEXTS, {1})  # none lost, none twice
    assert (tmp_path / "killed").exists()
    folder.build(tmp_path / "alone")
    assert stored(folder.index) == stored(tmp_path / "alone")


def test_what_is_kept_is_not_embedded_again(two_nodes: Any, folder: Folder, tmp_path: Path) -> None:
    """The driver interrupted, and begun again."""

    def interrupted(batches: Any, *, total: int, what: str) -> Any:
        for number, batch in enumerate(batches):
            if what == "embedding passages" and number == 6:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        folder.build(on="ray", progress=interrupted)
    notes = tmp_path / "notes"
    report = folder.build(embedder=Noting(notes), on="ray")
    assert report.embedded == len(noted(notes)) == TEXTS - 60


def test_what_kills_each_worker_ends_the_build(
    two_nodes: Any, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qasearch.build.spread.MOST_DEATHS", 1)
    with pytest.raises(ClusterError, match="was lost with 2 workers") as caught:
        folder.build(embedder=Deadly(dim=64), on="ray")
    assert "What was embedded is kept" in caught.value.hint
    assert not (folder.index / "CURRENT").exists()


def test_an_error_of_a_worker_is_told_as_ours(two_nodes: Any, folder: Folder) -> None:
    with pytest.raises(EmbedderError, match="is out of sorts") as caught:
        folder.build(embedder=Refusing(dim=64), on="ray")
    assert caught.value.hint == "Cheer it up."


def test_workers_read_files_and_tell_what_is_wrong_with_them(
    two_nodes: Any, folder: Folder, tmp_path: Path
) -> None:
    folder.spoil("bad")
    (folder.path / "gone.md").symlink_to(tmp_path / "nowhere")
    there, alone = folder.build(on="ray"), folder.build(tmp_path / "alone")
    assert [refusal.path for refusal in there.refused] == ["articles/bad.md"]
    assert (there.refused, there.warnings) == (alone.refused, alone.warnings)
    assert stored(folder.index) == stored(tmp_path / "alone")


def test_files_that_workers_do_not_see_are_read_here(
    two_nodes: Any, folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Relative names, which the workers look up from a folder of their own."""
    monkeypatch.chdir(folder.path.parent)
    report = Index.build("articles", folder.index, embedder=EMBEDDER, on="ray")
    assert (report.added, report.refused) == (ARTICLES, ())


def test_a_lost_node_loses_nothing(two_nodes: Any, folder: Folder, tmp_path: Path) -> None:
    """What it had made and nobody had fetched is made again, elsewhere."""
    third = two_nodes.add_node(num_cpus=1)

    def losing(batches: Any, *, total: int, what: str) -> Any:
        for number, batch in enumerate(batches):
            if what == "embedding passages" and number == 3:
                two_nodes.remove_node(third, allow_graceful=False)
            yield batch

    report = folder.build(embedder=Noting(tmp_path / "notes"), on="ray", progress=losing)
    assert report.embedded == TEXTS
    assert len({key for _, key in noted(tmp_path / "notes")}) == TEXTS
    folder.build(tmp_path / "alone")
    assert stored(folder.index) == stored(tmp_path / "alone")


@pytest.mark.parametrize("address", ["spark", "ray:", "", "http://localhost"])
def test_what_is_no_cluster_is_refused(folder: Folder, address: str) -> None:
    with (
        pytest.raises(ValueError, match="The cluster is ray, or ray://HOST:PORT"),
        cluster(address),
    ):
        pass


def test_errors_survive_pickling() -> None:
    import pickle

    errors: list[QASearchError] = [
        ArticleError("a.md", 3, "why", kind="yaml", hint="so"),
        EmbedderError("tiny", "no", hint="yes"),
        ClusterError("ray", "gone"),
        IndexWriteError(Path("index"), OSError(28, "No space left on device")),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
        assert {**vars(again), "cause": None} == {**vars(error), "cause": None}
