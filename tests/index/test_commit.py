"""A commit: its order, what a failure at any step leaves, and what the next build makes of it."""

import logging
import resource
import shutil
from contextlib import suppress
from errno import EIO, EMFILE, ENOSPC

import numpy as np
import pytest

from qasearch.errors import IndexLockedError, IndexStoreError, IndexWriteError
from qasearch.index import Files, Generation, verify
from qasearch.index.manifest import DATA_FILES, PASSAGES_FILE
from qasearch.index.writer import KEPT_GENERATIONS
from tests.index.stores import (
    ARTICLES,
    EMBEDDER,
    OTHERS,
    FailingFiles,
    LoggedFiles,
    UnsyncedFiles,
    article,
    body_of,
    build,
    codec_of,
    coded,
    names,
    sources,
    write,
    writer_for,
)


def questions(index) -> list[str]:
    """The questions of the index, read through everything that a search would use."""
    with Generation.open(index) as generation:
        rows = range(generation.store.article_count)
        articles = generation.store.articles(rows)
        for row in rows:
            vector = EMBEDDER.embed_queries([articles[row].question])
            assert generation.question_index.search(vector, 1)[1].tolist() == [[row]]
        for row in range(generation.store.passage_count):
            vector = EMBEDDER.embed_queries([generation.store.passages([row])[0].text])
            assert generation.passages.search(vector, 1)[1].tolist() == [[row]]
        return [article.question for article in articles]


OLD = [article.question for article in ARTICLES]
NEW = [article.question for article in OTHERS]


def test_a_commit_keeps_the_order_of_the_protocol(tmp_path):
    build(tmp_path)
    (old,) = names(tmp_path) - {"CURRENT", "LOCK"}
    files = LoggedFiles(tmp_path)
    name = build(tmp_path, OTHERS, files=files)
    changes = [
        entry
        for entry in files.log
        if entry[0] not in ("write", "close") and "lexical.tmp/" not in str(entry[1:])
    ]

    def sealed(file):
        return [("create", file), ("make_read_only", file), ("sync", file)]

    assert changes == [
        ("unlink", "CURRENT.tmp"),
        ("make_folder", name),
        # SQLite writes its file itself, so that one is sealed by a descriptor of its own.
        ("create", f"{name}/passages.sqlite"),
        ("make_read_only",),
        ("sync",),
        *sealed(f"{name}/vectors.npy"),
        *sealed(f"{name}/vectors.faiss"),
        *sealed(f"{name}/questions.npy"),
        *sealed(f"{name}/tokens.offsets.npy"),
        *sealed(f"{name}/tokens.npy"),
        *sealed(f"{name}/tokens.codec"),
        # tantivy works in a folder of its own, which is packed and goes.
        ("make_folder", f"{name}/lexical.tmp"),
        *sealed(f"{name}/lexical.tar"),
        ("remove_folder", f"{name}/lexical.tmp"),
        *sealed(f"{name}/sources.jsonl"),
        *sealed(f"{name}/confidence.json"),
        *sealed(f"{name}/manifest.json"),
        ("sync_folder", name),
        ("sync_folder", "."),
        *sealed("CURRENT.tmp"),
        ("replace", "CURRENT.tmp", "CURRENT"),
        ("sync_folder", "."),
    ]
    assert names(tmp_path) == {"CURRENT", "LOCK", old, name}
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in (tmp_path / name).iterdir())


def test_every_file_is_synced_after_its_last_write(tmp_path):
    files = LoggedFiles(tmp_path)
    build(tmp_path, files=files)
    for path in {entry[1] for entry in files.log if entry[0] == "write" and len(entry) > 1}:
        operations = [entry[0] for entry in files.log if entry[1:] == (path,)]
        assert operations[-2:] == ["sync", "close"], path


def test_a_first_build_syncs_the_folder_it_makes(tmp_path):
    index = tmp_path / "deep" / "index"
    files = LoggedFiles(tmp_path)
    build(index, files=files)
    assert files.log[:4] == [
        ("make_folder", "deep"),
        ("sync_folder", "."),
        ("make_folder", "deep/index"),
        ("sync_folder", "deep"),
    ]
    assert questions(index) == OLD


def test_a_build_with_real_syncs_is_the_same(tmp_path):
    build(tmp_path / "real", files=Files())
    build(tmp_path / "unsynced")
    assert questions(tmp_path / "real") == questions(tmp_path / "unsynced") == OLD


def test_generations_are_numbered_and_know_their_parent(tmp_path):
    first, second = build(tmp_path), build(tmp_path)
    assert first.startswith("gen-0000000001-")
    assert second.startswith("gen-0000000002-")
    with Generation.open(tmp_path) as generation:
        assert generation.name == generation.manifest.generation == second
        assert generation.manifest.parent == first
        assert generation.manifest.corpus == generation.manifest.files[PASSAGES_FILE].sha256
        assert generation.sources() == sources(ARTICLES)


def test_the_newest_generations_are_kept(tmp_path):
    built = [build(tmp_path) for _ in range(4)]
    assert names(tmp_path) == {"CURRENT", "LOCK", *built[-KEPT_GENERATIONS:]}


def test_garbage_loses_its_manifest_first(tmp_path):
    oldest = build(tmp_path)
    build(tmp_path)
    files = LoggedFiles(tmp_path)
    build(tmp_path, files=files)
    removed = [entry for entry in files.log if oldest in str(entry)]
    assert removed[0] == ("unlink", f"{oldest}/manifest.json")
    assert removed[-1] == ("remove_folder", oldest)
    assert len(removed) == len(DATA_FILES) + 2


@pytest.mark.parametrize("before", [[], [ARTICLES], [OTHERS, OTHERS, ARTICLES]], ids=len)
def test_a_failure_at_any_operation_leaves_the_old_or_the_new(tmp_path_factory, caplog, before):
    caplog.set_level(logging.CRITICAL)
    start = tmp_path_factory.mktemp("start")
    for articles in before:
        build(start, articles)
    whole = shutil.copytree(start, tmp_path_factory.mktemp("whole") / "index")
    files = LoggedFiles(whole)
    build(whole, OTHERS, files=files)
    count = len(files.log)
    assert count > 30
    told = 0
    for fail_at in range(count):
        index = shutil.copytree(start, tmp_path_factory.mktemp("copy") / "index")
        files = FailingFiles(index, fail_at)
        failed = False
        try:
            build(index, OTHERS, files=files)
        except IndexWriteError as error:
            failed = True
            told += 1
            assert str(index) in str(error)
        operation = files.log[fail_at]
        if failed and not before and not (index / "CURRENT").exists():
            with pytest.raises(IndexStoreError):
                Generation.open(index)
        else:
            published = not failed or ("replace", "CURRENT.tmp", "CURRENT") in files.log[:fail_at]
            assert questions(index) == (NEW if published else OLD), operation
            assert verify(index) == []
        left = {name for name in names(index) if name.startswith("gen-")}
        assert len(left) <= min(len(before) + 1, KEPT_GENERATIONS + 1), operation
        name = build(index, OTHERS)
        assert questions(index) == NEW
        left = {entry for entry in names(index) if entry.startswith("gen-")}
        assert name in left
        assert len(left) <= KEPT_GENERATIONS
        assert names(index) == {"CURRENT", "LOCK", *left}
    assert told > 30  # most of them are before the commit


def test_what_fails_before_the_commit_is_removed(tmp_path):
    old = build(tmp_path)
    with pytest.raises(KeyError), writer_for(tmp_path) as writer:
        writer.write_passages(OTHERS)
        raise KeyError
    assert names(tmp_path) == {"CURRENT", "LOCK", old}
    assert questions(tmp_path) == OLD


def test_a_failure_after_the_rename_is_told_but_undoes_nothing(tmp_path):
    build(tmp_path)
    files = LoggedFiles(tmp_path)
    build(tmp_path, OTHERS, files=files)
    after = files.log.index(("replace", "CURRENT.tmp", "CURRENT")) + 1
    with pytest.raises(IndexWriteError):
        build(tmp_path, OTHERS, files=FailingFiles(tmp_path, after))
    assert questions(tmp_path) == NEW


class Garbage(UnsyncedFiles):
    def unlink(self, path):
        if path.parent.name.startswith("gen-"):
            raise PermissionError(13, "Permission denied", str(path))
        super().unlink(path)


def test_a_failure_to_collect_garbage_is_a_warning(tmp_path, caplog):
    for _ in range(2):
        build(tmp_path)
    build(tmp_path, OTHERS, files=Garbage())
    assert "Permission denied" in caplog.text
    assert questions(tmp_path) == NEW


def test_a_writer_left_without_a_commit_changes_nothing(tmp_path):
    old = build(tmp_path)
    with writer_for(tmp_path) as writer:
        assert writer.parent == old
    assert names(tmp_path) == {"CURRENT", "LOCK", old}


@pytest.mark.parametrize(
    "part", ["write_vectors", "write_questions", "write_tokens", "write_lexical", "write_sources"]
)
def test_a_commit_of_a_part_is_refused(tmp_path, monkeypatch, part):
    writer = writer_for(tmp_path)
    monkeypatch.setattr(writer, part, lambda *_: None)
    with pytest.raises(ValueError, match="Not written yet"), writer:
        write(writer, ARTICLES)
    assert names(tmp_path) == {"LOCK"}


@pytest.mark.parametrize(
    ("part", "arguments"),
    [
        ("write_vectors", [[]]),
        ("write_questions", [[]]),
        ("write_tokens", [None, lambda: []]),
        ("write_lexical", [body_of]),
    ],
)
def test_what_comes_before_the_texts_is_refused(tmp_path, part, arguments):
    with (
        pytest.raises(ValueError, match="write_passages comes first"),
        writer_for(tmp_path) as writer,
    ):
        getattr(writer, part)(*arguments)


@pytest.mark.parametrize("rows", [5, 7])
def test_a_vector_too_few_or_too_many_is_refused(tmp_path, rows):
    with (
        pytest.raises(ValueError, match=f"6 rows of vectors .* not {rows}"),
        writer_for(tmp_path) as writer,
    ):
        writer.write_passages(ARTICLES)
        writer.write_vectors([EMBEDDER.embed_passages(["one text"] * rows)])
    assert names(tmp_path) == {"LOCK"}


SIZES = [5, 3, 3, 2, 3, 3, 3, 2, 2]
"""Tokens of the texts of ``ARTICLES``; there are 9."""


@pytest.mark.parametrize("sizes", [SIZES[:-1], [*SIZES, 0], [*SIZES[:-1], 1], [*SIZES[:-1], 3]])
def test_tokens_that_are_not_those_of_the_texts_are_refused(tmp_path, sizes):
    codec = codec_of(ARTICLES)
    codes = np.zeros((sum(SIZES), codec.width), dtype=np.uint8)
    with pytest.raises(ValueError, match="were announced, not"), writer_for(tmp_path) as writer:
        writer.write_passages(ARTICLES)
        writer.write_tokens(codec, lambda: [(codes, np.array(sizes, dtype=np.int64))])
    assert names(tmp_path) == {"LOCK"}


def test_what_ends_a_build_among_the_words_is_told_and_leaves_nothing(tmp_path):
    def ended(*parts: object) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), writer_for(tmp_path) as writer:
        writer.write_passages(ARTICLES)
        writer.write_lexical(ended)
    assert names(tmp_path) == {"LOCK"}


@pytest.mark.parametrize("articles", [[], [article("a", "Who is there?")]], ids=["none", "bare"])
@pytest.mark.parametrize("codec", [None, codec_of(ARTICLES)], ids=["no tokens", "tokens"])
def test_an_index_may_have_no_passages(tmp_path, articles, codec):
    with writer_for(tmp_path) as writer:
        writer.write_passages(articles)
        writer.write_vectors([])
        writer.write_questions(
            [EMBEDDER.embed_passages([a.question for a in articles])][: len(articles)]
        )
        writer.write_tokens(codec, lambda: coded(codec, articles) if codec else ())
        writer.write_lexical(body_of)
        writer.write_sources([])
        writer.write_confidence(b"{}\n")
        writer.commit()
    with Generation.open(tmp_path) as generation:
        scores, rows = generation.passages.search(EMBEDDER.embed_queries(["who"]), 3)
        assert scores.shape == rows.shape == (1, 0)
        assert generation.lexical.rows == 0
        assert generation.lexical.search(["who"], 3)[0].shape == (0,)
        assert (generation.tokens is None) == (codec is None)
        assert generation.manifest.counts.articles == len(articles)
        assert generation.manifest.counts.tokens == (2 * len(articles) if codec else 0)


class Lossy(UnsyncedFiles):
    """Writes something else than it was given near the end of one file, and says nothing."""

    def __init__(self, name: str, longer_than: int) -> None:
        self._name = name
        self._longer_than = longer_than
        self._descriptor = -1

    def create(self, path):
        descriptor = super().create(path)
        if path.name == self._name:
            self._descriptor = descriptor
        return descriptor

    def close(self, descriptor):
        super().close(descriptor)
        if descriptor == self._descriptor:
            self._descriptor = -1

    def write(self, descriptor, data):
        if descriptor == self._descriptor and len(data) > self._longer_than:
            super().write(descriptor, memoryview(bytes(data[:-9]) + b"\xff" * 9))
            return len(data)
        return super().write(descriptor, data)


@pytest.mark.parametrize(
    "file", ["vectors.npy", "questions.npy", "vectors.faiss", "tokens.npy", "tokens.codec"]
)
@pytest.mark.parametrize("longer_than", [100, 200], ids=["header", "rows"])
def test_a_generation_that_reads_back_wrong_is_not_published(tmp_path, file, longer_than):
    old = build(tmp_path)
    with pytest.raises(IndexWriteError, match=f"{file}: read back wrong"):
        build(tmp_path, OTHERS, files=Lossy(file, longer_than))
    assert names(tmp_path) == {"CURRENT", "LOCK", old}
    assert questions(tmp_path) == OLD


@pytest.mark.parametrize("file", ["vectors.npy", "vectors.faiss", "sources.jsonl"])
def test_a_generation_that_cannot_be_read_back_is_not_published(tmp_path, file):
    class NoMoreFiles(UnsyncedFiles):
        def open(self, path):
            if path.name == file and old not in path.parts:
                raise OSError(EMFILE, "Too many open files", str(path))
            return super().open(path)

    old = build(tmp_path)
    with pytest.raises(IndexWriteError, match=f"Cannot write .*{file}: Too many open files"):
        build(tmp_path, OTHERS, files=NoMoreFiles())
    assert names(tmp_path) == {"CURRENT", "LOCK", old}


def test_a_disk_that_is_too_full_is_told_beforehand(tmp_path):
    class Full(UnsyncedFiles):
        def free_bytes(self, folder):
            return 1_000

    build(tmp_path)
    with pytest.raises(IndexWriteError, match="bytes needed, 1,000 free") as caught:
        build(tmp_path, OTHERS, files=Full())
    assert caught.value.cause.errno == ENOSPC
    assert questions(tmp_path) == OLD
    with pytest.raises(IndexWriteError, match="bytes needed"):
        build(tmp_path / "new", OTHERS, files=Full())
    assert names(tmp_path / "new") == {"LOCK"}


def test_a_disk_that_fills_at_any_size_is_told(tmp_path):
    """The system itself refuses to let any file grow beyond a limit, SQLite's and FAISS's too."""
    old = build(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in (tmp_path / old).iterdir())
    for size in [0, 50, 100, 127, 128, 200, 500, *range(1_000, largest, 3_000), largest - 1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            with pytest.raises(IndexWriteError):
                build(tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert names(tmp_path) == {"CURRENT", "LOCK", old}, size
        assert questions(tmp_path) == OLD
    build(tmp_path, OTHERS)
    assert questions(tmp_path) == NEW


def test_leftovers_of_a_killed_build_are_removed_and_nothing_else(tmp_path):
    old = build(tmp_path)
    for leftover in ("gen-0000000001-ffffffff", "gen-0000000009-00000000"):
        (tmp_path / leftover / "below").mkdir(parents=True)
        (tmp_path / leftover / "below" / "file").touch()
        (tmp_path / leftover / "vectors.npy").touch()
    (tmp_path / "CURRENT.tmp").write_text("half")
    (tmp_path / "precious.tmp").write_text("not ours")
    (tmp_path / "gen-9").mkdir()
    new = build(tmp_path, OTHERS)
    assert names(tmp_path) == {"CURRENT", "LOCK", old, new, "precious.tmp", "gen-9"}
    assert new.startswith("gen-0000000010-")


def test_a_killed_first_build_is_removed(tmp_path):
    (tmp_path / "gen-0000000001-ffffffff").mkdir()
    name = build(tmp_path)
    assert names(tmp_path) == {"CURRENT", "LOCK", name}


def test_a_damaged_current_is_replaced_and_no_generation_lost_for_it(tmp_path, caplog):
    build(tmp_path)
    second = build(tmp_path)
    (tmp_path / "CURRENT").chmod(0o644)
    (tmp_path / "CURRENT").write_text("garbage")
    with suppress(KeyError), writer_for(tmp_path):
        raise KeyError
    assert {name for name in names(tmp_path) if second in name} == {second}
    third = build(tmp_path, OTHERS)
    assert third.startswith("gen-0000000003-")
    assert questions(tmp_path) == NEW
    assert "CURRENT is damaged" in caplog.text


def test_an_index_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "index").write_text("no folder")
    with pytest.raises(IndexWriteError, match="index"):
        build(tmp_path / "index")


def test_a_locked_index_is_left_alone(tmp_path):
    with writer_for(tmp_path) as writer:
        before = names(tmp_path)
        with pytest.raises(IndexLockedError):
            build(tmp_path)
        assert names(tmp_path) == before
        write(writer, ARTICLES)
    assert questions(tmp_path) == OLD


def test_equal_articles_give_equal_files(tmp_path):
    for place in ("one", "two"):
        build(tmp_path / place)
    manifests = []
    for place in ("one", "two"):
        with Generation.open(tmp_path / place) as generation:
            manifests.append(generation.manifest)
    assert manifests[0].files == manifests[1].files


class Unlisted(UnsyncedFiles):
    """Cannot list the folder any more once the commit is done."""

    def __init__(self) -> None:
        self._committed = False

    def replace(self, source, target):
        super().replace(source, target)
        self._committed = True

    def folder_names(self, folder):
        if self._committed:
            raise OSError(EIO, "Input/output error")
        return super().folder_names(folder)


def test_garbage_that_cannot_even_be_listed_is_a_warning(tmp_path, caplog):
    build(tmp_path, OTHERS, files=Unlisted())
    assert "Old generations stay" in caplog.text
    assert questions(tmp_path) == NEW


class Blind(UnsyncedFiles):
    """Cannot read ``CURRENT`` any more from some moment on, and then fails."""

    blind = False

    def read(self, path, most):
        if self.blind:
            raise OSError(EIO, "Input/output error")
        return super().read(path, most)


def test_what_may_answer_already_is_not_removed(tmp_path):
    build(tmp_path)
    files = Blind()
    with pytest.raises(KeyError), writer_for(tmp_path, files=files) as writer:
        writer.write_passages(OTHERS)
        files.blind = True
        raise KeyError
    assert len(names(tmp_path)) == 4
    build(tmp_path, OTHERS)
    assert len(names(tmp_path)) == 4
    assert questions(tmp_path) == NEW
