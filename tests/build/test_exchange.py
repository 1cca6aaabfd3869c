"""Exports and imports: what comes back is what went out, or an error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qasearch import BuildRefusedError, Index, IndexStoreError
from qasearch.errors import IndexDamagedError
from qasearch.index import Generation
from tests.build.folder import EMBEDDER, Folder, damage, manifest, stored
from tests.tiny import TinyEmbedder

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    for name in "abcdef":
        folder.write(name, id=name, text=f"1. **First**: {name} one.\n\n2. **Second**: {name} two.")
    folder.write(
        "odd", id="Ünï/cöde", text="A paragraph with \N{SNOWMAN} and no points.", subject=""
    )
    folder.spoil("bad")
    folder.build()
    return folder


@pytest.fixture
def exported(folder: Folder, tmp_path: Path) -> Path:
    with folder.opened() as index:
        index.export(tmp_path / "export")
    return tmp_path / "export"


def test_an_import_is_what_was_exported(folder: Folder, exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    report = Index.import_(exported, copy)
    assert (report.articles, report.passages) == (7, 13)
    assert stored(copy) == stored(folder.index)
    assert manifest(copy) == manifest(folder.index)
    assert Index.verify(copy) == []


@pytest.mark.parametrize("query", ["e two", "snowman paragraph", "Second", "What about b?"])
def test_an_import_answers_as_the_index(
    folder: Folder, exported: Path, tmp_path: Path, query: str
) -> None:
    Index.import_(exported, tmp_path / "copy")
    with folder.opened() as one, Index.open(tmp_path / "copy", embedder=EMBEDDER) as other:
        found = [index.search(query).to_dict() for index in (one, other)]
    for each in found:
        each["took_ms"] = each["index"]["generation"] = None  # pyright: ignore[reportIndexIssue]
    assert found[0] == found[1]
    assert found[0]["articles"]


def test_the_words_come_back(folder: Folder, exported: Path, tmp_path: Path) -> None:
    Index.import_(exported, tmp_path / "copy")
    with Generation.open(tmp_path / "copy") as generation:
        lexical = generation.lexical
        (row,) = (
            lexical.search(lexical.terms("snowman"), 5)[1]
            if False
            else [lexical.search(lexical.terms("paragraph"), 5)[1][0]]
        )
        assert generation.store.passages([int(row)])[0].article_id == "Ünï/cöde"


def test_a_build_after_an_import_embeds_nothing(
    folder: Folder, exported: Path, tmp_path: Path
) -> None:
    Index.import_(exported, tmp_path / "copy")
    report = folder.build(tmp_path / "copy")
    assert (report.embedded, report.unchanged) == (0, 7)


def test_row_groups_lie_side_by_side(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qasearch.build.exports.ARTICLES_AT_ONCE", 3)
    with folder.opened() as index:
        index.export(tmp_path / "export")
    articles, passages = (
        pq.ParquetFile(tmp_path / "export" / name)
        for name in ("articles.parquet", "passages.parquet")
    )
    assert articles.num_row_groups == passages.num_row_groups == 3
    for group in range(3):
        ids = articles.read_row_group(group).column("id").to_pylist()
        owners = passages.read_row_group(group).column("article_id").to_pylist()
        assert sorted(set(owners)) == ids
    Index.import_(tmp_path / "export", tmp_path / "copy")
    assert stored(tmp_path / "copy") == stored(folder.index)


def test_other_tools_read_texts_and_vectors(folder: Folder, exported: Path) -> None:
    passages = pq.read_table(exported / "passages.parquet").to_pylist()
    first = passages[0]
    assert (first["article_id"], first["seq"], first["title"]) == ("a", 1, "First")
    with Generation.open(folder.index) as generation:
        np.testing.assert_array_equal(
            np.array([row["vector"] for row in passages], dtype=np.float32), generation.vectors
        )
    told = pq.read_schema(exported / "articles.parquet").metadata
    assert b'"fingerprint": "tiny-64"' in told[b"qasearch.manifest"]
    assert b'"splitter": ' in told[b"qasearch.manifest"]


def test_an_index_without_tokens_comes_back(folder: Folder, tmp_path: Path) -> None:
    plain = TinyEmbedder(dim=64)
    folder.build(tmp_path / "plain", embedder=plain)
    with Index.open(tmp_path / "plain", embedder=plain) as index:
        index.export(tmp_path / "export")
    Index.import_(tmp_path / "export", tmp_path / "copy")
    assert stored(tmp_path / "copy") == stored(tmp_path / "plain")


def test_an_export_goes_to_a_new_folder_or_an_empty_one(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with folder.opened() as index:
        index.export(tmp_path / "empty")
        index.export(tmp_path / "new" / "deep")
        for taken in ("full", "full/mine", "empty"):
            with pytest.raises(ValueError, match="is there already"):
                index.export(tmp_path / taken)
    assert sorted(path.name for path in tmp_path.iterdir() if "unfinished" in path.name) == []
    assert (tmp_path / "full" / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["out.parquet", "faq.v2.Arrow", "deep/out.feather"])
def test_an_export_is_a_folder_not_a_file(folder: Folder, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with folder.opened() as index, pytest.raises(ValueError, match="names a file") as caught:
        index.export(path)
    assert str(caught.value).endswith(
        f"passages.parquet, sources.parquet: export to {path.parent / path.stem}."
    )
    assert not path.exists()


def test_a_file_of_an_export_is_no_export(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexStoreError, match="it is a file, and an export a folder"):
        Index.import_(exported / "articles.parquet", tmp_path / "copy")
    exported.rename(tmp_path / "old.parquet")
    assert Index.import_(tmp_path / "old.parquet", tmp_path / "copy").articles == 7


def test_an_export_that_fails_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    def stop(batches: Any, *, total: int, what: str) -> Any:
        yield next(iter(batches))
        raise KeyboardInterrupt

    with folder.opened() as index, pytest.raises(KeyboardInterrupt):
        index.export(tmp_path / "export", progress=stop)
    assert not list(tmp_path.glob("export*"))


def test_a_damaged_index_is_not_exported(folder: Folder, tmp_path: Path) -> None:
    with folder.opened() as index:
        damage(folder.index, "vectors.npy")
        with pytest.raises(IndexDamagedError, match=r"vectors\.npy is damaged"):
            index.export(tmp_path / "export")
    assert not list(tmp_path.glob("export*"))


def rewrite(file: Path, change: Callable[[Any], Any]) -> None:
    """Write a file anew, with its metadata, after a change of its table."""
    table = pq.read_table(file)
    pq.write_table(change(table), file)


def drop_last(table: Any) -> Any:
    return table.slice(0, len(table) - 1)


def turn(table: Any) -> Any:
    return table.take(list(reversed(range(len(table)))))


def negate(table: Any) -> Any:
    rows = table.to_pylist()
    for row in rows:
        row["vector"] = [-number for number in row["vector"]]
    return table.from_pylist(rows, schema=table.schema)


def no_length(table: Any) -> Any:
    rows = table.to_pylist()
    rows[0]["vector"] = [0.0] * 64
    return table.from_pylist(rows, schema=table.schema)


def odd_tokens(table: Any) -> Any:
    rows = table.to_pylist()
    rows[0]["tokens"] += b"x"
    return table.from_pylist(rows, schema=table.schema)


def other_kind(table: Any) -> Any:
    rows = table.to_pylist()
    rows[0]["kind"] = "poem"
    return table.from_pylist(rows, schema=table.schema)


def stranger(table: Any) -> Any:
    rows = table.to_pylist()
    rows[0]["article_id"] = "zz"
    return table.from_pylist(rows, schema=table.schema)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("articles", drop_last, "article 'Ünï/cöde' is not there"),
        ("articles", turn, "id"),
        ("articles", negate, "another questions.npy than was exported"),
        ("passages", drop_last, "another vectors.npy than was exported"),
        ("passages", negate, "another vectors.npy than was exported"),
        ("passages", no_length, "row 0 has length 0, not 1"),
        ("passages", odd_tokens, "cannot reshape|tokens"),
        ("passages", other_kind, "a passage of kind 'poem'"),
        ("passages", stranger, "article 'zz' is not there"),
        ("sources", drop_last, "another sources.jsonl than was exported"),
        ("passages", lambda table: table.drop_columns(["tokens"]), "its columns are others"),
        ("passages", lambda table: table.replace_schema_metadata({}), "no metadata of qasearch"),
        (
            "sources",
            lambda table: table.replace_schema_metadata({b"qasearch.export": b"2"}),
            "its format is 2, not 1",
        ),
        (
            "articles",
            lambda table: table.replace_schema_metadata({b"qasearch.export": b"1"}),
            "its metadata are damaged",
        ),
    ],
)
def test_what_was_changed_is_not_imported(
    exported: Path, tmp_path: Path, file: str, change: Callable[[Any], Any], message: str
) -> None:
    rewrite(exported / f"{file}.parquet", change)
    with pytest.raises(IndexStoreError, match=message) as caught:
        Index.import_(exported, tmp_path / "copy")
    assert "qasearch export" in caught.value.hint
    assert not (tmp_path / "copy" / "CURRENT").exists()


@pytest.mark.parametrize("file", ["articles", "passages", "sources"])
def test_a_damaged_file_is_named(exported: Path, tmp_path: Path, file: str) -> None:
    path = exported / f"{file}.parquet"
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:-1], b"", b"PAR1"):
        path.write_bytes(data)
        with pytest.raises(IndexStoreError, match=r"\.parquet"):
            Index.import_(exported, tmp_path / "copy")
    path.unlink()
    with pytest.raises(IndexStoreError, match=f"there is no {file}.parquet"):
        Index.import_(exported, tmp_path / "copy")
    assert not (tmp_path / "copy" / "CURRENT").exists()


@pytest.mark.parametrize("file", ["articles", "passages", "sources"])
def test_a_flipped_bit_is_found_or_does_no_harm(
    folder: Folder, exported: Path, tmp_path: Path, file: str
) -> None:
    path = exported / f"{file}.parquet"
    whole = path.read_bytes()
    found = 0
    for place in np.linspace(0, len(whole) - 1, 10, dtype=int).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        copy = tmp_path / f"copy-{place}"
        try:
            Index.import_(exported, copy)
        except IndexStoreError:
            found += 1
        else:
            assert stored(copy) == stored(folder.index)
    assert found


def test_files_of_two_exports_are_not_mixed(folder: Folder, exported: Path, tmp_path: Path) -> None:
    folder.write("more", id="more", text="1. **New**: yes.")
    folder.build()
    with folder.opened() as index:
        index.export(tmp_path / "later")
    (tmp_path / "later" / "passages.parquet").replace(exported / "passages.parquet")
    with pytest.raises(IndexStoreError, match="of another export"):
        Index.import_(exported, tmp_path / "copy")


def test_a_smaller_import_is_refused_unless_meant(
    folder: Folder, exported: Path, tmp_path: Path
) -> None:
    for number in range(9):
        folder.write(f"n{number}", id=f"n{number}", text="1. **New**: yes.")
    before = folder.build()
    with pytest.raises(BuildRefusedError, match="9 of 16 articles are gone"):
        Index.import_(exported, folder.index)
    with folder.opened() as index:
        assert index.status().generation == before.generation
    Index.import_(exported, folder.index, allow_shrink=True)
    with folder.opened() as index:
        assert len(index.ids()) == 7
    assert Index.rollback(folder.index) == before.generation
