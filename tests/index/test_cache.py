"""The cache gives back what it was given, or nothing."""

import logging
import os
import resource
import sqlite3
import unicodedata

import numpy as np
import pytest

from qasearch.errors import IndexWriteError
from qasearch.index import EmbeddingCache, text_key
from tests.tiny import TinyEmbedder

TINY = TinyEmbedder(dim=64)
TEXTS = ["the tide", "a loaf of bread", "kites and wind", "springs feed brooks"]
KEYS = [text_key(text) for text in TEXTS]
VECTORS = TINY.embed_passages(TEXTS)


def open_cache(index, *, fingerprint="tiny-64", dim=64) -> EmbeddingCache:
    return EmbeddingCache(index, fingerprint=fingerprint, dim=dim)


def file_of(index):
    return index / "cache" / "embeddings.sqlite"


@pytest.fixture
def filled(tmp_path):
    """An index folder with a cache that holds four vectors."""
    with open_cache(tmp_path) as cache:
        cache.put_many(KEYS, VECTORS)
    return tmp_path


def assert_whole(cache: EmbeddingCache, expected: int) -> None:
    """That many vectors are there, and each is the one that went in."""
    found = cache.get_many(KEYS)
    assert len(found) == expected
    for key, embedded in found.items():
        np.testing.assert_array_equal(embedded.vector, VECTORS[KEYS.index(key)])
        assert embedded.vector.dtype == np.float32
        assert embedded.codes == b""


def test_vectors_come_back_in_the_next_build(filled):
    with open_cache(filled) as cache:
        assert_whole(cache, 4)


def test_what_is_not_known_is_left_out(filled):
    with open_cache(filled) as cache:
        assert list(cache.get_many([text_key("moon"), KEYS[2]])) == [KEYS[2]]
        assert cache.get_many([]) == {}


def test_more_keys_than_sqlite_takes_at_once(tmp_path):
    texts = [f"text number {n}" for n in range(3_000)]
    keys = [text_key(text) for text in texts]
    vectors = TINY.embed_passages(texts)
    with open_cache(tmp_path) as cache:
        cache.put_many(keys, vectors)
        found = cache.get_many(keys)
    np.testing.assert_array_equal(np.stack([found[key].vector for key in keys]), vectors)


def test_a_text_is_known_by_its_nfc_form():
    composed = "caf\u00e9"
    assert text_key(composed) == text_key(unicodedata.normalize("NFD", composed))
    assert text_key(composed) != text_key("cafe")
    assert text_key("\ud800") != text_key("\ud801")


def test_embedders_do_not_see_each_others_vectors(filled):
    with open_cache(filled, fingerprint="another") as cache:
        assert_whole(cache, 0)
        cache.put_many(KEYS[:1], TINY.embed_passages(["something else"]))
    with open_cache(filled) as cache:
        assert_whole(cache, 4)


def test_another_dim_is_a_miss(filled):
    with open_cache(filled, dim=32) as cache:
        assert cache.get_many(KEYS) == {}


def test_the_last_vector_put_is_kept(filled):
    with open_cache(filled) as cache:
        cache.put_many(KEYS[:1], VECTORS[1:2])
        np.testing.assert_array_equal(cache.get_many(KEYS[:1])[KEYS[0]].vector, VECTORS[1])


@pytest.mark.parametrize(
    "vectors",
    [np.full((1, 64), np.nan, np.float32), np.zeros((1, 64), np.float32), VECTORS[:1, :32]],
    ids=["NaN", "zero", "another dim"],
)
def test_what_is_no_unit_vector_is_not_kept(tmp_path, vectors):
    with open_cache(tmp_path) as cache:
        with pytest.raises(ValueError, match="vectors"):
            cache.put_many(KEYS[:1], vectors)
        assert_whole(cache, 0)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE vectors SET vector = zeroblob(256) WHERE rowid = 2",
        "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE rowid = 3) WHERE rowid = 2",
        "UPDATE vectors SET vector = substr(vector, 1, 255) WHERE rowid = 2",
        "UPDATE vectors SET vector = 'text' WHERE rowid = 2",
        "UPDATE vectors SET vector = 7 WHERE rowid = 2",
        "UPDATE vectors SET checksum = zeroblob(8) WHERE rowid = 2",
        "UPDATE vectors SET checksum = 7 WHERE rowid = 2",
        "UPDATE vectors SET key = zeroblob(32) WHERE rowid = 2",
    ],
)
def test_a_damaged_row_is_a_miss_and_can_be_put_again(filled, damage):
    connection = sqlite3.connect(file_of(filled))
    with connection:
        connection.execute(damage)
    connection.close()
    with open_cache(filled) as cache:
        assert_whole(cache, 3)
        cache.put_many(KEYS, VECTORS)
        assert_whole(cache, 4)


def test_a_flipped_byte_anywhere_is_at_worst_a_miss(filled, caplog):
    caplog.set_level(logging.CRITICAL)
    whole = file_of(filled).read_bytes()
    for at in range(0, len(whole), 2_003):
        file_of(filled).write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with open_cache(filled) as cache:
            found = cache.get_many(KEYS)
            for key, embedded in found.items():
                np.testing.assert_array_equal(embedded.vector, VECTORS[KEYS.index(key)])
                assert embedded.codes == b""
            cache.put_many(KEYS, VECTORS)


@pytest.mark.parametrize(
    "content",
    [b"not a database, but long enough to be looked at as one." * 20, b"\0" * 8192, b"SQLite"],
)
def test_a_foreign_file_is_set_aside(filled, caplog, content):
    file_of(filled).write_bytes(content)
    with open_cache(filled) as cache:
        assert_whole(cache, 0)
        cache.put_many(KEYS, VECTORS)
        assert_whole(cache, 4)
    assert "is set aside as embeddings.damaged" in caplog.text
    assert (filled / "cache" / "embeddings.damaged").read_bytes() == content


@pytest.mark.parametrize("pragma", ["user_version = 1", "user_version = 3", "application_id = 1"])
def test_another_format_is_set_aside(filled, caplog, pragma):
    connection = sqlite3.connect(file_of(filled))
    connection.execute(f"PRAGMA {pragma}")
    connection.close()
    with open_cache(filled) as cache:
        assert_whole(cache, 0)
    assert "is set aside" in caplog.text


def test_a_truncated_file_is_set_aside_when_it_is_found_out(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    keys = [text_key(f"text {n}") for n in range(400)]
    vectors = TINY.embed_passages([f"text {n}" for n in range(400)])
    codes = [bytes([n % 256]) * (n % 60) for n in range(400)]
    with open_cache(tmp_path) as cache:
        cache.use(b"a codec")
        cache.put_many(keys, vectors, codes)
    whole = file_of(tmp_path).read_bytes()
    for size in range(0, len(whole), 8_192):
        file_of(tmp_path).write_bytes(whole[:size])
        with open_cache(tmp_path) as cache:
            cache.use(b"a codec")
            for key, embedded in cache.get_many(keys).items():
                np.testing.assert_array_equal(embedded.vector, vectors[keys.index(key)])
                assert embedded.codes == codes[keys.index(key)]
            cache.put_many(keys, vectors, codes)
            assert len(cache.get_many(keys)) == 400


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_special_file_is_neither_followed_nor_waited_for(tmp_path, caplog, make):
    file_of(tmp_path).parent.mkdir()
    make(file_of(tmp_path))
    with open_cache(tmp_path) as cache:
        cache.put_many(KEYS, VECTORS)
        assert_whole(cache, 4)
    assert "is set aside" in caplog.text
    assert file_of(tmp_path).is_file()


def test_a_linked_cache_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "cache").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IndexWriteError, match="cache"):
        open_cache(tmp_path / "index")


def test_a_full_disk_is_told_and_keeps_what_was_there(filled):
    keys = [text_key(f"text {n}") for n in range(500)]
    vectors = TINY.embed_passages([f"text {n}" for n in range(500)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_cache(filled) as cache:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(IndexWriteError, match="embeddings\\.sqlite"):
                cache.put_many(keys, vectors)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert_whole(cache, 4)
        assert cache.get_many(keys) == {}
        cache.put_many(keys, vectors)
        assert len(cache.get_many(keys)) == 500


def test_a_vector_takes_little_more_than_its_numbers(tmp_path):
    wide = TinyEmbedder(dim=384)
    texts = [f"text number {n} of many" for n in range(4_000)]
    with open_cache(tmp_path, dim=384) as cache:
        for first in range(0, 4_000, 256):
            batch = texts[first : first + 256]
            cache.put_many([text_key(text) for text in batch], wide.embed_passages(batch))
    assert file_of(tmp_path).stat().st_size / 4_000 < 1_750
