"""Opening: what answers, what is refused with both sides named, and what is never touched."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from errno import EACCES, EMFILE
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from qasearch.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexStoreError,
)
from qasearch.index import Files, Generation, rollback, verify
from qasearch.index.manifest import DATA_FILES, MAPPED_FILES, Manifest
from qasearch.index.vectors import write_faiss
from tests.index.stores import (
    ARTICLES,
    EMBEDDER,
    IDENTITY,
    OTHERS,
    LoggedFiles,
    article,
    build,
    names,
    write,
    writer_for,
)

FILES = ("manifest.json", *DATA_FILES)


@pytest.fixture
def index(tmp_path):
    """An index with a generation before the one that answers."""
    path = tmp_path / "index"
    build(path, OTHERS)
    build(path)
    return path


def current(index) -> str:
    return (index / "CURRENT").read_text().split()[0]


def file_in(index, file):
    """A file of the generation that answers, made writable; ``CURRENT`` is one of them."""
    path = index / file if file == "CURRENT" else index / current(index) / file
    path.chmod(0o644)
    return path


def forge(index, **changes) -> None:
    """Rewrite the manifest, and the hash of it in ``CURRENT``."""
    path = file_in(index, "manifest.json")
    manifest = replace(Manifest.from_bytes(path.read_bytes()), **changes)
    path.write_bytes(manifest.to_bytes())
    digest = sha256(path.read_bytes()).hexdigest()
    name = current(index)
    file_in(index, "CURRENT").write_text(f"{name} {digest}\n")


def test_what_was_built_is_found_with_the_scores_of_numpy(index):
    with Generation.open(index) as generation:
        query = EMBEDDER.embed_queries(["dough in the oven"])
        scores, rows = generation.passages.search(query, 6)
        texts = [passage.text for article in ARTICLES for passage in article.passages]
        exact = EMBEDDER.embed_passages(texts) @ query[0]
        np.testing.assert_array_equal(rows[0], np.argsort(-exact, kind="stable"))
        np.testing.assert_allclose(scores[0], np.sort(exact)[::-1], atol=1e-6)
        assert generation.store.passages(rows[0, :2]) == [
            ARTICLES[0].passages[2],
            ARTICLES[0].passages[1],
        ]
        np.testing.assert_array_equal(generation.vectors, EMBEDDER.embed_passages(texts))
        scores, rows = generation.question_index.search(
            EMBEDDER.embed_queries([ARTICLES[1].question]), 1
        )
        assert rows.tolist() == [[1]]
        np.testing.assert_allclose(scores, [[1]], atol=1e-6)


def test_another_generation_is_opened_by_its_name(index):
    (older,) = {name for name in names(index) if name.startswith("gen-")} - {current(index)}
    with Generation.open(index, name=older) as generation:
        assert generation.name == older
        assert generation.store.ids() == [article.id for article in OTHERS]
        assert not generation.answers()
        build(index)
        build(index)
        assert older in names(index)  # in use, so no builder collects it
    with Generation.open(index, name=current(index)) as generation:
        assert generation.answers()


@pytest.mark.parametrize("name", ["gen-0000000009-0123abcd", "../index", "gen-é"])
def test_a_generation_that_is_not_there_is_told_with_those_that_are(index, name):
    with pytest.raises(IndexStoreError, match="There is no generation") as error:
        Generation.open(index, name=name)
    assert current(index) in error.value.hint
    assert "readers" not in names(index)


def test_damage_of_another_generation_is_noticed(index):
    (older,) = {name for name in names(index) if name.startswith("gen-")} - {current(index)}
    path = index / older / "passages.sqlite"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexDamagedError, match=f"{older}/passages.sqlite"):
        Generation.open(index, name=older)
    Generation.open(index).close()


def test_the_status_tells_what_is_there(index):
    (older,) = {name for name in names(index) if name.startswith("gen-")} - {current(index)}
    with Generation.open(index) as generation:
        status = generation.status()
    assert asdict(status) == {
        "path": str(index),
        "generation": current(index),
        "created": status.created,
        "model": "tiny",
        "fingerprint": "tiny-64",
        "dim": 64,
        "articles": 3,
        "passages": 6,
        "sources": 3,
        "stale": (),
        "refused": (),
        "generations": tuple(sorted(name for name in names(index) if name.startswith("gen-"))),
        "bytes": {
            "generation": sum(file_in(index, file).stat().st_size for file in DATA_FILES),
            "other_generations": sum((index / older / file).stat().st_size for file in DATA_FILES),
            "cache": 0,
        },
    }
    assert status.created.endswith("+00:00")


def test_no_index_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file" / "below"):
        (tmp_path / "file").touch()
        with pytest.raises(IndexNotFoundError, match="There is no index"):
            Generation.open(path)


def make_socket(path) -> None:
    try:
        os.mknod(path, stat.S_IFSOCK | 0o644)
    except PermissionError:
        pytest.skip("this system lets only its superuser make a socket by name")


def told(data: bytes) -> int:
    """The length without the zeros at the end, which an archive has many of."""
    return len(data.rstrip(b"\0"))


DAMAGE = {
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "halved": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link": lambda path: (path.rename(path.with_name("real")), path.symlink_to("real")),
    "a fifo": lambda path: (path.unlink(), os.mkfifo(path)),
    "a socket": lambda path: (path.unlink(), make_socket(path)),
}
SILENT_DAMAGE = {
    "a bit flipped at the start": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a bit flipped in the middle": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 16]) + data[len(data) // 2 + 1 :]
    ),
    "a bit flipped at the end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "zeroed": lambda data: bytes(len(data)),
    "a part zeroed": lambda data: data[: told(data) - 100] + bytes(100) + data[told(data) :],
    "a part swapped": lambda data: (
        data[: told(data) - 200]
        + data[told(data) - 100 : told(data)]
        + data[told(data) - 200 : told(data) - 100]
        + data[told(data) :]
    ),
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_refused_by_name(index, file, damage):
    damage(file_in(index, file))
    with pytest.raises(IndexDamagedError) as caught:
        Generation.open(index)
    assert caught.value.file == f"{current(index)}/{file}"
    assert f"{file} is damaged: expected" in str(caught.value)
    assert f"qasearch build PATH --rebuild -i {index}" in caught.value.hint
    assert [fault.file for fault in verify(index)][:1] == [caught.value.file]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", SILENT_DAMAGE.values(), ids=SILENT_DAMAGE.keys())
def test_a_file_of_the_right_size_is_hashed(index, file, damage):
    path = file_in(index, file)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    assert [fault.file for fault in verify(index)] == [f"{current(index)}/{file}"]
    header = damage(whole)[:128] != whole[:128]
    if file in MAPPED_FILES and not header:
        Generation.open(index).close()  # hashing them at every open would read them whole
    else:
        with pytest.raises(IndexDamagedError, match=file):
            Generation.open(index)


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_another_generation_is_refused(index, file):
    (other,) = {name for name in names(index) if name.startswith("gen-")} - {current(index)}
    file_in(index, file).write_bytes((index / other / file).read_bytes())
    with pytest.raises(IndexDamagedError, match=file):
        Generation.open(index)


def test_matrices_that_changed_places_are_refused(tmp_path):
    index = tmp_path / "index"
    build(index, [ARTICLES[2], OTHERS[1]])  # as many questions as passages
    matrices = ["vectors.npy", "questions.npy"]
    one, two = (file_in(index, file) for file in matrices)
    content = one.read_bytes(), two.read_bytes()
    assert len(content[0]) == len(content[1])
    one.write_bytes(content[1])
    two.write_bytes(content[0])
    assert [fault.file.split("/")[1] for fault in verify(index)] == matrices


def test_a_file_too_many_is_found_by_verify(index):
    (index / current(index) / "more.bin").touch()
    Generation.open(index).close()
    (fault,) = verify(index)
    assert fault.file == f"{current(index)}/more.bin"


def test_a_whole_index_has_no_faults(index):
    assert verify(index) == []


def test_verify_lists_every_fault(index):
    for file in DATA_FILES:
        path = file_in(index, file)
        path.write_bytes(path.read_bytes()[::-1])
    assert [fault.file.split("/")[1] for fault in verify(index)] == list(DATA_FILES)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "garbage",
        "gen-0000000001-00000000",
        f"../x {'a' * 64}\n",
        f"gen-0000000001-0000000g {'a' * 64}\n",
        f"gen-0000000001-00000000 {'a' * 63}\n",
        f"gen-0000000001-00000000 {'a' * 64}\n\n",
        f" gen-0000000001-00000000 {'a' * 64}\n",
        "x" * 100_000,
        f"gen-0000000001-00000000 {'a' * 64}\n",  # well-formed, but there is none
    ],
)
def test_a_current_that_names_no_generation_is_refused(index, content):
    file_in(index, "CURRENT").write_text(content)
    with pytest.raises(IndexDamagedError):
        Generation.open(index)
    assert len(verify(index)) == 1


@pytest.mark.parametrize("damage", ["a folder", "a link", "a fifo", "a socket"])
def test_a_current_that_is_no_file_is_refused(index, damage):
    DAMAGE[damage](file_in(index, "CURRENT"))
    with pytest.raises(IndexDamagedError, match="CURRENT is damaged"):
        Generation.open(index)


def test_a_current_with_the_hash_of_another_manifest_is_refused(index):
    path = file_in(index, "CURRENT")
    path.write_text(f"{current(index)} {'a' * 64}\n")
    with pytest.raises(IndexDamagedError, match=r"manifest\.json is damaged: expected sha256 aaaa"):
        Generation.open(index)


def test_a_generation_behind_a_link_is_refused(index, tmp_path):
    folder = index / current(index)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IndexDamagedError, match="expected a folder"):
        Generation.open(index)


def test_the_index_folder_itself_may_be_a_link(index, tmp_path):
    (tmp_path / "link").symlink_to(index)
    Generation.open(tmp_path / "link").close()


def test_a_manifest_moved_to_another_generation_is_refused(index):
    forge(index, generation="gen-0000000007-00000000")
    with pytest.raises(IndexDamagedError, match="gen-0000000007-00000000"):
        Generation.open(index)


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("articles", "passages.sqlite"),
        ("passages", "vectors.npy"),
        ("questions", "questions.npy"),
        ("tokens", "tokens.npy"),
    ],
)
def test_counts_that_differ_are_refused(index, field, file):
    with Generation.open(index) as generation:
        counts = generation.manifest.counts
    forge(index, counts=replace(counts, **{field: getattr(counts, field) + 1}))
    with pytest.raises(IndexDamagedError, match=file):
        Generation.open(index)


def test_a_forged_dim_is_refused(index):
    forge(index, embedder=replace(IDENTITY, dim=32))
    with pytest.raises(IndexDamagedError, match=r"vectors\.npy"):
        Generation.open(index)


@pytest.mark.parametrize(
    "file",
    ["passages.sqlite", "vectors.faiss", "tokens.codec", "tokens.offsets.npy", "lexical.tar"],
)
def test_a_file_that_is_listed_but_is_another_thing_is_refused(index, file):
    path = file_in(index, file)
    path.write_bytes(b"something else" * 100)
    with pytest.raises(IndexDamagedError):
        Generation.open(index)
    name = current(index)
    manifest = Manifest.from_bytes((index / name / "manifest.json").read_bytes())
    forge(index, files={**manifest.files, file: Files().digest(path)})
    with pytest.raises(IndexDamagedError, match=file):
        Generation.open(index)


def test_another_embedder_is_refused_with_both_named(index):
    with pytest.raises(IndexMismatchError) as caught:
        Generation.open(index, embedder_name="big", fingerprint="big-1024-abcdefghijk")
    assert str(caught.value) == (
        f"{index} was built with embedder tiny (64 dims, tiny-64), not big (big-1024-abc)."
    )
    assert f"qasearch build PATH -i {index}" in caught.value.hint
    assert "--model tiny" in caught.value.hint
    assert caught.value.field == "embedder"
    Generation.open(index, embedder_name="renamed", fingerprint="tiny-64").close()


def test_another_splitter_is_refused(index):
    with pytest.raises(IndexMismatchError, match="built with splitter s1, not s2") as caught:
        Generation.open(index, splitter_version="s2")
    assert f"`qasearch build PATH -i {index}`" in caught.value.hint
    Generation.open(index, splitter_version="s1").close()


@pytest.mark.parametrize("version", ["3.0", "5.0", "0.9"])
def test_another_major_of_the_format_is_refused(index, version):
    forge(index, format=version)
    with pytest.raises(IndexMismatchError, match=f"format {version}, not 4.x") as caught:
        Generation.open(index)
    assert "from the cache" in caught.value.hint
    build(index)  # which mends it
    Generation.open(index).close()


def test_a_newer_minor_is_read(index):
    forge(index, format="4.9")
    Generation.open(index).close()


def test_opening_and_searching_change_nothing(index):
    def state():
        return {path: path.lstat().st_mtime_ns for path in (index, *index.rglob("*"))}

    before = state()
    files = LoggedFiles(index)
    with Generation.open(index, pinned=False, files=files) as generation:
        generation.passages.search(EMBEDDER.embed_queries(["wind"]), 3)
        generation.lexical.search(generation.lexical.terms("wind"), 3)
        generation.tokens.matches(EMBEDDER.embed_query_tokens(["wind"])[1][0], np.arange(3))
        generation.store.article("kites")
    verify(index, files=files)
    assert files.log == []
    assert state() == before


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (PermissionError(EACCES, "Permission denied"), "permissions"),
        (OSError(EMFILE, "Too many open files"), "ulimit"),
    ],
)
def test_a_file_that_may_not_be_read_is_no_damage(index, error, hint):
    class Forbidden(Files):
        def open(self, path):
            if path.name == "vectors.faiss":
                raise error
            return super().open(path)

    reason = rf"Cannot read .*vectors\.faiss: {error.strerror}"
    with pytest.raises(IndexStoreError, match=reason) as caught:
        Generation.open(index, files=Forbidden())
    assert not isinstance(caught.value, IndexDamagedError)
    assert hint in caught.value.hint


def test_a_reader_overtaken_by_builds_starts_again(index):
    """Two builds commit, and collect what CURRENT named, after the reader has read it."""

    class Overtaken(Files):
        builds = 0

        def read(self, path, most):
            data = super().read(path, most)
            if path.name == "CURRENT" and self.builds < 2:
                self.builds += 2
                build(index, OTHERS)
                build(index, OTHERS)
            return data

    with Generation.open(index, files=Overtaken()) as generation:
        assert generation.name == current(index)
        assert generation.store.article_count == len(OTHERS)


def test_an_open_generation_outlives_its_files(index):
    with Generation.open(index) as generation:
        shutil.rmtree(index)
        query = EMBEDDER.embed_queries(["springs and brooks"])
        row = generation.passages.search(query, 1)[1][0, 0]
        assert generation.store.passages([row]) == [ARTICLES[2].passages[0]]
        (query,) = EMBEDDER.embed_query_tokens(["springs"])[1]
        assert generation.tokens.matches(query, np.array([row]))[0] > 0.5
        assert generation.lexical.search(generation.lexical.terms("brooks"), 1)[1] == [row]


def test_readers_see_one_generation_each_while_builds_go_on(index):
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                with Generation.open(index) as generation:
                    store = generation.store
                    found = [article.id for article in store.articles(range(store.article_count))]
                    if found not in (["bread", "kites", "rivers"], ["bread", "tides"]):
                        wrong.append(found)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(12):
        build(index, [ARTICLES, OTHERS][n % 2])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_a_rollback_lets_the_generation_before_answer(index):
    newer = current(index)
    older = rollback(index)
    with Generation.open(index) as generation:
        assert generation.name == older != newer
        assert generation.store.article("tides") == OTHERS[1]
    assert newer in names(index)
    newest = build(index)
    assert names(index) == {"CURRENT", "LOCK", older, newest}
    assert newest.startswith("gen-0000000003-")


def test_a_rollback_past_the_first_is_refused(index):
    rollback(index)
    with pytest.raises(IndexStoreError, match="no older generation"):
        rollback(index)
    assert verify(index) == []


def test_a_rollback_to_a_damaged_generation_is_refused(index):
    (older,) = {name for name in names(index) if name.startswith("gen-")} - {current(index)}
    path = index / older / "vectors.npy"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    before = (index / "CURRENT").read_bytes()
    with pytest.raises(IndexStoreError, match="no older generation that is whole"):
        rollback(index)
    assert (index / "CURRENT").read_bytes() == before


def test_a_rollback_without_an_index_is_refused(tmp_path):
    with pytest.raises(IndexNotFoundError):
        rollback(tmp_path)
    assert names(tmp_path) == set()


def test_a_rollback_waits_for_the_builder(index):
    with writer_for(index) as writer:
        with pytest.raises(IndexStoreError, match="is being built by"):
            rollback(index)
        write(writer, OTHERS)


def test_a_rollback_to_vectors_that_do_not_find_themselves_is_refused(index):
    """All hashes fit, but FAISS was given the rows of something else."""
    many = [article(f"{n:02}", f"question {n}", f"word{n}") for n in range(60)]
    shutil.rmtree(index)
    build(index, many)
    path = file_in(index, "vectors.faiss")
    path.unlink()
    others = EMBEDDER.embed_passages([f"other{n}" for n in range(60)])
    digest = write_faiss(Files(), path, others)
    manifest = Manifest.from_bytes(file_in(index, "manifest.json").read_bytes())
    forge(index, files={**manifest.files, "vectors.faiss": digest})
    build(index, OTHERS)
    with pytest.raises(IndexStoreError, match="no older generation that is whole"):
        rollback(index)


def test_verify_without_an_index_is_an_error(tmp_path):
    with pytest.raises(IndexNotFoundError):
        verify(tmp_path)


def test_verify_finds_what_no_hash_can(index):
    with Generation.open(index) as generation:
        counts = generation.manifest.counts
    forge(index, counts=replace(counts, articles=counts.articles + 1))
    assert [fault.file.split("/")[1] for fault in verify(index)] == ["passages.sqlite"]


def test_a_current_that_may_not_be_read_is_no_damage(index):
    class Forbidden(Files):
        def read(self, path, most):
            raise PermissionError(13, "Permission denied", str(path))

    with pytest.raises(IndexStoreError, match=r"Cannot read .*CURRENT: Permission"):
        Generation.open(index, files=Forbidden())


def test_a_forked_process_reads_on(index):
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    code = f"""
import os, sys
from pathlib import Path
from tests.index.stores import EMBEDDER
from qasearch.index import Generation
generation = Generation.open(Path({str(index)!r}))
def found():
    (row,) = generation.lexical.search(generation.lexical.terms("brooks"), 9)[1]
    (query,) = EMBEDDER.embed_query_tokens(["springs"])[1]
    [[match]], _ = generation.tokens.matches(query, row.reshape(1))
    return generation.store.article("rivers").id, int(row), round(float(match), 6)
before = found()
assert before[:2] == ("rivers", 5) and before[2] > 0.8, before
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(int(found() != before))
"""
    here = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=here)
