"""Shards embedded apart and merged: what they make is what one build makes."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from qasearch import BuildRefusedError, Index, IndexStoreError
from qasearch.build import Shard, texts
from qasearch.errors import IndexLockedError, IndexMismatchError
from qasearch.index import write_lock
from qasearch.protocols import Vectors
from tests.build.folder import EMBEDDER, Folder, stored
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

ARTICLES = 24
TEXTS = 3 * ARTICLES


class Counting(TinyTokenEmbedder):
    """Counts each text that it is given."""

    def __init__(self) -> None:
        super().__init__(dim=64)
        self.given: Counter[str] = Counter()

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        self.given.update(texts)
        return super().embed_passage_tokens(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    for number in range(ARTICLES):
        text = f"1. **First**: stone {number}.\n\n2. **Second**: wood {number}."
        folder.write(f"a{number}", id=f"a{number}", text=text)
    return folder


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes fitted to a few texts, as they are to a small share of a large collection."""
    for module in ("texts", "shards"):
        monkeypatch.setattr(f"qasearch.build.{module}.FITTED_TO", 5)


def embed(folder: Folder, tmp_path: Path, number: int, count: int, **options: object) -> Path:
    cache = tmp_path / f"shard-{number}"
    options = {"index": folder.index, "embedder": EMBEDDER, **options}
    if number > 1 and "after" not in options:
        options["after"] = tmp_path / "shard-1"
    Index.embed_shard(folder.path, cache, shard=(number, count), **options)  # pyright: ignore[reportArgumentType]
    return cache


@pytest.mark.parametrize("count", [1, 3, 7])
def test_merged_shards_build_what_one_machine_builds(
    folder: Folder, tmp_path: Path, count: int, small_sample: None
) -> None:
    counting = Counting()
    shards = [embed(folder, tmp_path, i + 1, count, embedder=counting) for i in range(count)]
    assert len(counting.given) == TEXTS
    assert set(counting.given.values()) == {1}  # none twice
    merged = Index.merge(shards, folder.index)
    assert (merged.caches, merged.added, merged.known, merged.damaged) == (count, TEXTS, 0, 0)
    assert folder.build().embedded == 0

    alone = tmp_path / "alone"
    assert folder.build(alone).embedded == TEXTS
    assert stored(folder.index) == stored(alone)


def test_a_sample_larger_than_a_shard_is_embedded_by_the_first(
    folder: Folder, tmp_path: Path
) -> None:
    """The codec of a small collection is fitted to all of it, so that there is no other way."""
    shards = [embed(folder, tmp_path, number, 3) for number in (1, 2, 3)]
    merged = Index.merge(shards, folder.index)
    assert merged.added == TEXTS
    alone = tmp_path / "alone"
    folder.build(alone)
    assert folder.build().embedded == 0
    assert stored(folder.index) == stored(alone)


def test_an_embedder_without_tokens_needs_no_first_shard(folder: Folder, tmp_path: Path) -> None:
    plain = TinyEmbedder(dim=64)
    shards = [embed(folder, tmp_path, number, 2, embedder=plain, after=None) for number in (2, 1)]
    Index.merge(shards, folder.index)
    assert folder.build(embedder=plain).embedded == 0


def test_a_shard_holds_only_its_own(folder: Folder, tmp_path: Path, small_sample: None) -> None:
    one, two = (embed(folder, tmp_path, number, 2) for number in (1, 2))
    keys = [keys_in(one), keys_in(two)]
    assert keys[0].isdisjoint(keys[1])
    assert len(keys[0]) + len(keys[1]) == TEXTS
    assert all(key[0] >= 128 for key in keys[1])


def keys_in(cache: Path) -> set[bytes]:
    with closing(sqlite3.connect(cache / "cache" / "embeddings.sqlite")) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM vectors")}


def test_every_key_lies_in_one_shard() -> None:
    keys = [bytes([a, b]) + bytes(30) for a in range(256) for b in (0, 85, 86, 255)]
    for count in (1, 2, 3, 16, 1000):
        shards = [Shard(number + 1, count) for number in range(count)]
        assert all(sum(shard.holds(key) for shard in shards) == 1 for key in keys)


@pytest.mark.parametrize("numbers", [(0, 4), (5, 4), (1, 0), (-1, -1)])
def test_what_is_no_shard_is_refused(
    folder: Folder, tmp_path: Path, numbers: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="There is no shard"):
        Index.embed_shard(folder.path, tmp_path / "s", shard=numbers, embedder=EMBEDDER)
    assert not (tmp_path / "s").exists()


def test_a_killed_shard_goes_on_where_it_was(
    folder: Folder, tmp_path: Path, small_sample: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "EMBEDDED_AT_ONCE", 10)
    calls = Counting()

    class Dying(TinyTokenEmbedder):
        def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
            if sum(calls.given.values()) > 30:
                raise KeyboardInterrupt
            return calls.embed_passage_tokens(texts)

    with pytest.raises(KeyboardInterrupt):
        embed(folder, tmp_path, 1, 1, embedder=Dying(dim=64))
    kept = len(keys_in(tmp_path / "shard-1"))
    assert kept > 30
    report = Index.embed_shard(
        folder.path, tmp_path / "shard-1", shard=(1, 1), index=folder.index, embedder=EMBEDDER
    )
    assert (report.texts, report.embedded) == (TEXTS, TEXTS - kept)


def test_what_the_index_knows_is_not_embedded_again(folder: Folder, tmp_path: Path) -> None:
    folder.build()
    folder.write("new", id="new", text="1. **Tide**: high.\n\n2. **Ebb**: low.")
    shards = [embed(folder, tmp_path, number, 2, after=None) for number in (1, 2)]
    merged = Index.merge(shards, folder.index)
    assert merged.added == 3
    report = folder.build()
    assert (report.added, report.embedded) == (1, 0)


def test_the_first_shard_comes_first(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(BuildRefusedError, match="Shard 2/2 needs the code of tokens") as caught:
        embed(folder, tmp_path, 2, 2, after=None)
    assert "--after" in caught.value.hint


def test_the_first_shard_must_be_of_the_same_model(folder: Folder, tmp_path: Path) -> None:
    other = embed(folder, tmp_path, 1, 2, embedder=TinyTokenEmbedder(dim=32))
    with pytest.raises(IndexMismatchError, match="tiny-32"):
        embed(folder, tmp_path, 2, 2, after=other)


def test_shards_of_different_codes_are_not_merged(
    folder: Folder, tmp_path: Path, small_sample: None
) -> None:
    one = embed(folder, tmp_path, 1, 2)
    for number in range(9):  # a sample of other texts
        folder.write(
            f"b{number}", id=f"b{number}", text=f"1. **Iron**: {number}.\n\n2. **Tin**: no."
        )
    other = tmp_path / "other"
    Index.embed_shard(folder.path, other, shard=(1, 2), index=folder.index, embedder=EMBEDDER)
    with pytest.raises(IndexMismatchError, match="the code of tokens") as caught:
        Index.merge([one, other], folder.index)
    assert "--after" in caught.value.hint
    assert not (folder.index / "cache").exists()


def test_a_damaged_row_is_left_out_and_embedded_again(
    folder: Folder, tmp_path: Path, small_sample: None
) -> None:
    cache = embed(folder, tmp_path, 1, 1)
    with closing(sqlite3.connect(cache / "cache" / "embeddings.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE vectors SET vector = zeroblob(256)"
            " WHERE rowid = (SELECT max(rowid) FROM vectors)"
        )
    merged = Index.merge([cache], folder.index)
    assert (merged.added, merged.damaged) == (TEXTS - 1, 1)
    assert folder.build().embedded == 1


def test_merging_again_changes_nothing(folder: Folder, tmp_path: Path) -> None:
    cache = embed(folder, tmp_path, 1, 1)
    Index.merge([cache], folder.index)
    merged = Index.merge([cache, cache], folder.index)
    assert (merged.added, merged.known) == (0, 2 * TEXTS)


def test_what_is_no_cache_is_named(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(IndexStoreError, match="There is no cache of embeddings in"):
        Index.merge([tmp_path / "nowhere"], folder.index)
    cache = embed(folder, tmp_path, 1, 1)
    (cache / "cache" / "embeddings.sqlite").write_bytes(b"no database, that much is certain" * 99)
    with pytest.raises(IndexStoreError, match="cannot be read"):
        Index.merge([cache], folder.index)
    assert not folder.index.exists()


def test_one_process_at_a_time_embeds_into_a_cache(folder: Folder, tmp_path: Path) -> None:
    with write_lock(tmp_path / "shard-1"), pytest.raises(IndexLockedError):
        embed(folder, tmp_path, 1, 1)


def test_a_shard_cannot_be_used_as_an_index(folder: Folder, tmp_path: Path) -> None:
    cache = embed(folder, tmp_path, 1, 1)
    shutil.copytree(cache, folder.index)
    assert folder.build().embedded == 0  # but as the beginning of one
