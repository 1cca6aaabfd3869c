"""A build after edits: what it reads, embeds and reports, and what it leaves alone."""

import os
import signal
import subprocess
import sys
from errno import EACCES, EIO
from pathlib import Path

import pytest

from qasearch import Article, BuildRefusedError, Index, NoArticlesError
from qasearch.build.texts import EMBEDDED_AT_ONCE
from qasearch.errors import IndexStoreError
from qasearch.index import Files
from qasearch.index.manifest import DATA_FILES
from tests.build.folder import EMBEDDER, Folder, counts, damage, stored

TIDE = "1. **High**: water comes.\n\n2. **Low**: water goes."


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")
    report = folder.build()
    assert counts(report) == {"added": 6}
    assert (report.embedded, report.passages) == (18, 12)
    return folder


def test_nothing_changed_is_nothing_done(folder: Folder) -> None:
    before = sorted(folder.index.rglob("*"))
    report = folder.build()
    assert counts(report) == {"unchanged": 6}
    assert (report.embedded, report.reused) == (0, 18)
    assert sorted(folder.index.rglob("*")) == before


def test_what_is_read_elsewhere_and_put_aside_makes_the_same_index(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As large folders are read, but for their size."""
    monkeypatch.setattr("qasearch.ingest.changes.FILES_AT_ONCE", 2)
    monkeypatch.setattr("qasearch.ingest.processes.ALONE_SECONDS", 0.0)
    monkeypatch.setattr("qasearch.ingest.processes._processors", lambda: 2)
    monkeypatch.setattr("qasearch.ingest.shelf.IN_MEMORY", 0)
    report = folder.build(tmp_path / "elsewhere")
    assert counts(report) == {"added": 6}
    assert stored(tmp_path / "elsewhere") == stored(folder.index)


def test_an_edit_embeds_what_is_new_and_takes_the_rest_over(folder: Folder) -> None:
    folder.write("c", id="c", text="1. **First**: c one.\n\n2. **Second**: quite another matter.")
    report = folder.build()
    assert counts(report) == {"changed": 1, "unchanged": 5}
    assert (report.embedded, report.reused) == (1, 17)
    with folder.opened() as index:
        assert index.search("quite another matter").articles[0].article.id == "c"
        assert index.search("e two").articles[0].points[0].passage.id == "e#2"


def test_a_file_may_come_go_and_be_renamed(folder: Folder) -> None:
    folder.write("bb", id="bb", text=TIDE)
    folder.remove("d")
    folder.rename("f", "g")
    report = folder.build()
    assert counts(report) == {"added": 1, "removed": 1, "renamed": 1, "unchanged": 4}
    assert report.embedded == 3
    with folder.opened() as index:
        assert index.article("f").paths == ("articles/g.md",)
        with pytest.raises(LookupError):
            index.article("d")


def test_times_alone_change_nothing(folder: Folder) -> None:
    for file in folder.path.iterdir():
        os.utime(file, (1, 1))
    report = folder.build()
    assert counts(report) == {"unchanged": 6}
    assert report.generation is not None
    assert report.generation.startswith("gen-0000000001")


def test_an_edit_of_the_same_length_and_time_is_found(folder: Folder) -> None:
    file = folder.path / "a.md"
    status = file.stat()
    file.write_text(file.read_text().replace("a one", "a six"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert counts(folder.build()) == {"changed": 1, "unchanged": 5}


def test_a_file_at_rest_is_not_opened_again(folder: Folder, monkeypatch) -> None:
    from qasearch.ingest import files

    monkeypatch.setattr(files, "RACY_NS", -(10**12))  # as if all had been written long ago
    folder.build(rebuild=True)
    for file in folder.path.iterdir():
        file.chmod(0)  # changes the ctime, so the notes no longer hold
    folder.path.joinpath("a.md").chmod(0o644)
    opened: list[str] = []
    real = files.open_file
    monkeypatch.setattr(
        "qasearch.ingest.read.open_file", lambda s: opened.append(s.name) or real(s)
    )
    folder.build()
    assert len(opened) == 6
    opened.clear()
    folder.build(rebuild=False)
    folder.build()
    assert opened == []


def test_without_the_cache_only_what_changed_is_embedded(folder: Folder) -> None:
    for file in (folder.index / "cache").iterdir():
        file.unlink()
    folder.write("a", id="a", text=TIDE)
    report = folder.build()
    assert (counts(report), report.embedded) == ({"changed": 1, "unchanged": 5}, 3)


def test_a_file_that_became_bad_keeps_its_last_good_version(folder: Folder) -> None:
    folder.spoil("b")
    for _ in range(2):  # the second build reads nothing and still tells
        report = folder.build()
        assert counts(report) == {"unchanged": 5, "stale": 1}
        assert [(r.path, r.kind) for r in report.refused] == [
            ("articles/b.md", "unclosed-front-matter")
        ]
        with folder.opened() as index:
            assert index.article("b").flags == ("stale",)
            assert index.search("b two").articles[0].article.id == "b"
    folder.write("b", id="b", text=TIDE)
    assert counts(folder.build()) == {"changed": 1, "unchanged": 5}
    with folder.opened() as index:
        assert index.article("b").flags == ()


def test_a_bad_line_keeps_its_article(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    good = [f'{{"id": "{i}", "question": "Q{i}?", "answer": "A {i}."}}' for i in range(6)]
    lines = folder.path / "all.jsonl"
    lines.write_text("\n".join(good))
    folder.build()
    lines.write_text("\n".join([*good[:2], "{", *good[3:]]))
    report = folder.build()
    assert counts(report) == {"unchanged": 5, "stale": 1}
    assert [(r.path, r.line) for r in report.refused] == [("articles/all.jsonl", 3)]


def test_an_article_of_two_files_is_merged_again_when_one_changes(folder: Folder) -> None:
    folder.write(
        "twin", id="a", text="1. **First**: a one.\n\n2. **Second**: a two.", subject="Law"
    )
    assert counts(folder.build()) == {"changed": 1, "unchanged": 5}
    with folder.opened() as index:
        assert index.article("a").subjects == ("Ports", "Law")
    folder.spoil("twin")
    assert counts(folder.build()) == {"changed": 1, "unchanged": 5}
    with folder.opened() as index:
        assert index.article("a").subjects == ("Ports",)


def test_a_clash_of_ids_is_a_warning_and_refused_by_strict(folder: Folder) -> None:
    folder.write("other", id="a", text=TIDE)
    report = folder.build()
    assert report.refused == ()
    assert [line for line in report.warnings if "has another text" in line]
    folder.write("b", id="a", text=TIDE + " And again.")
    with pytest.raises(BuildRefusedError):
        folder.build(strict=True)


def test_an_unclosed_fence_is_a_warning(folder: Folder) -> None:
    folder.write("fence", id="fence", text="1. **Code**:\n\n```\nprint")
    (warning,) = folder.build().warnings
    assert warning == "articles/fence.md: a code fence is never closed"


def test_strict_commits_nothing_after_a_refusal(folder: Folder) -> None:
    before = stored(folder.index)
    folder.spoil("b")
    folder.write("c", id="c", text=TIDE)
    with pytest.raises(BuildRefusedError, match="nothing was built"):
        folder.build(strict=True)
    assert stored(folder.index) == before


def test_losing_more_than_a_fifth_must_be_meant(folder: Folder) -> None:
    before = stored(folder.index)
    folder.remove("a")
    assert counts(folder.build(allow_shrink=False)) == {"removed": 1, "unchanged": 5}
    folder.remove("b")
    folder.remove("c")
    with pytest.raises(BuildRefusedError, match="2 of 5 articles are gone"):
        folder.build(allow_shrink=False)
    assert stored(folder.index) != before
    with folder.opened() as index:
        assert index.status().articles == 5
    assert counts(folder.build(allow_shrink=True)) == {"removed": 2, "unchanged": 3}


def test_a_dry_run_tells_all_and_writes_nothing(folder: Folder) -> None:
    folder.write("c", id="c", text=TIDE)
    folder.write("new", id="new", text=TIDE)
    folder.spoil("d")
    before = {path: path.stat().st_mtime_ns for path in folder.index.rglob("*")}
    told = folder.build(dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in folder.index.rglob("*")} == before
    done = folder.build()
    assert counts(told) == counts(done) == {"added": 1, "changed": 1, "unchanged": 4, "stale": 1}
    assert (told.embedded, told.refused) == (done.embedded, done.refused)


def test_a_dry_run_makes_no_index(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("a", id="a", text=TIDE)
    report = folder.build(dry_run=True)
    assert (report.generation, report.added, report.embedded) == (None, 1, 3)
    assert not folder.index.exists()


@pytest.mark.parametrize("file", DATA_FILES)
def test_a_damaged_index_is_built_anew_from_the_cache(folder: Folder, file: str) -> None:
    whole = stored(folder.index)
    damage(folder.index, file)
    folder.write("g", id="g", text=TIDE)
    report = folder.build()
    assert (counts(report), report.embedded) == ({"added": 7}, 3)
    assert any("damaged" in warning for warning in report.warnings)
    folder.remove("g")
    folder.build()
    assert stored(folder.index) == whole


def test_what_a_damaged_index_held_may_not_shrink_unmeant(folder: Folder) -> None:
    damage(folder.index, "passages.sqlite")
    folder.remove("a")
    folder.remove("b")
    with pytest.raises(BuildRefusedError, match="2 of 6 articles are gone"):
        folder.build(allow_shrink=False)
    assert counts(folder.build()) == {"added": 4}


def test_an_index_that_may_not_be_read_is_not_taken_for_damaged(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(folder.index)

    def refuse(_path: Path) -> None:
        raise PermissionError(EACCES, "Permission denied")

    monkeypatch.setattr(Files, "digest", lambda _files, path: refuse(path))
    with pytest.raises(IndexStoreError, match="Cannot read"):
        folder.build()
    assert stored(folder.index) == before


def test_a_folder_out_of_reach_keeps_its_articles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.write("near", id="near", text=TIDE)
    far = folder.path / "far"
    far.mkdir()
    folder.write("far/away", id="away", text=TIDE)
    folder.build()
    listed = os.scandir

    def out_of_reach(path: Path | int):
        # A descriptor comes from other code, which clears away a temporary folder.
        if not isinstance(path, int) and Path(path).name == far.name:
            raise OSError(EIO, "Input/output error")
        return listed(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", out_of_reach)
        report = folder.build()
    assert counts(report) == {"unchanged": 1, "stale": 1}
    assert [entry.path for entry in report.refused] == ["articles/far"]
    with folder.opened() as index:
        assert index.article("away").flags == ("stale",)
    assert counts(folder.build()) == {"unchanged": 1, "changed": 1}


def test_articles_from_elsewhere_give_way_to_those_of_files(folder: Folder) -> None:
    guest = Article(id="guest", question="Who is there?", answer=TIDE)
    report = Index.build([guest], folder.index, embedder=EMBEDDER, allow_shrink=True)
    assert counts(report) == {"added": 1, "removed": 6}
    assert counts(folder.build()) == {"added": 6, "removed": 1}


@pytest.mark.parametrize("root", [".", "articles"])
def test_an_index_among_its_sources_is_not_read(folder: Folder, monkeypatch, root: str) -> None:
    monkeypatch.chdir(folder.path if root == "." else folder.path.parent)
    index = folder.path / "index"
    first = Index.build(root, index, embedder=EMBEDDER)
    assert (first.refused, first.articles) == ((), 6)
    again = Index.build(root, index, embedder=EMBEDDER, rebuild=True)
    assert (again.refused, counts(again)) == ((), {"unchanged": 6})
    assert Index.build(root, index, embedder=EMBEDDER).generation == again.generation
    with pytest.raises(NoArticlesError):
        Index.build(index, index, embedder=EMBEDDER)


def test_a_killed_build_embeds_only_the_rest(tmp_path: Path, monkeypatch) -> None:
    from qasearch.build import texts

    monkeypatch.setattr(texts, "EMBEDDED_AT_ONCE", 4)
    monkeypatch.setattr(texts, "FITTED_TO", 4)
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")

    def killed(batches, *, total, what):
        for done, batch in enumerate(batches):
            if what == "embedding passages" and done == 2:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        Index.build(folder.path, folder.index, embedder=EMBEDDER, progress=killed)
    assert folder.build().embedded == 18 - 2 * 4


KILLED = """
import os, signal, sys
from pathlib import Path
from qasearch import Index
from qasearch.build import texts
from tests.build.folder import EMBEDDER
from tests.tiny import TinyTokenEmbedder

texts.FITTED_TO = texts.EMBEDDED_AT_ONCE

class Killed(TinyTokenEmbedder):
    name, calls = EMBEDDER.name, 0

    def embed_passage_tokens(self, texts):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passage_tokens(texts)

Index.build(Path(sys.argv[1]), Path(sys.argv[2]), embedder=Killed(EMBEDDER.dim))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_kill_9_only_the_rest_is_embedded(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for n in range(250):
        folder.write(f"{n}", id=f"{n}", text=f"1. **One**: {n} a.\n\n2. **Two**: {n} b.")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, folder.path, folder.index],
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not (folder.index / "CURRENT").exists()
    report = folder.build()
    assert (report.embedded, report.reused) == (750 - 2 * EMBEDDED_AT_ONCE, 2 * EMBEDDED_AT_ONCE)
    assert Index.verify(folder.index) == []
