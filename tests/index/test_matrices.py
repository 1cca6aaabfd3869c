"""Arrays on disk: numpy reads them too, and nothing else is taken for one of them."""

import os

import numpy as np
import pytest

from qasearch.errors import IndexWriteError
from qasearch.index import Files
from qasearch.index.matrices import (
    FirstRows,
    array_bytes,
    map_array,
    parse_array,
    write_array,
)

FILES = Files()
ARRAYS = {
    "floats": ("<f4", np.arange(12, dtype=np.float32).reshape(4, 3) / 7),
    "one float": ("<f4", np.array([[2.5]], dtype=np.float32)),
    "no rows": ("<f4", np.empty((0, 64), dtype=np.float32)),
    "offsets": ("<i8", np.array([0, 3, 3, 2**40], dtype=np.int64)),
    "one offset": ("<i8", np.zeros(1, dtype=np.int64)),
    "codes": ("|u1", np.arange(256, dtype=np.uint8).reshape(32, 8)),
    "no codes of no width": ("|u1", np.empty((0, 0), dtype=np.uint8)),
}
each_array = pytest.mark.parametrize(("kind", "array"), ARRAYS.values(), ids=ARRAYS.keys())


def written(path, kind, array, *, rows_at_once=3):
    blocks = (array[first : first + rows_at_once] for first in range(0, len(array), rows_at_once))
    return write_array(FILES, path, blocks, shape=array.shape, kind=kind)


@each_array
def test_an_array_comes_back_however_it_is_read(tmp_path, kind, array):
    path = tmp_path / "array.npy"
    digest = written(path, kind, array)
    assert digest == FILES.digest(path)
    assert digest.bytes == array_bytes(array.shape, kind)
    mapped = map_array(FILES, path, shape=array.shape, kind=kind)
    parsed = parse_array(path.read_bytes(), shape=array.shape, kind=kind)
    for found in (mapped, parsed, np.load(path, allow_pickle=False)):
        np.testing.assert_array_equal(found, array)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)


@each_array
def test_blocks_of_any_size_give_the_same_file(tmp_path, kind, array):
    digests = {
        written(tmp_path / f"{rows}.npy", kind, array, rows_at_once=rows) for rows in (1, 2, 100)
    }
    assert len(digests) == 1


def test_numbers_of_another_type_are_converted(tmp_path):
    path = tmp_path / "array.npy"
    array = np.array([[0.1, 1e-3]], dtype=np.float64)
    write_array(FILES, path, [array], shape=(1, 2), kind="<f4")
    mapped = map_array(FILES, path, shape=(1, 2), kind="<f4")
    np.testing.assert_array_equal(mapped, array.astype(np.float32))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(2, 3)], "4 rows of array were announced, not 2"),
        ([(2, 3), (3, 3)], "4 rows of array were announced, not 5"),
        ([], "4 rows of array were announced, not 0"),
        ([(2, 3), (2, 4)], r"array has rows of \(3,\), not \(4,\)"),
        ([(4,)], r"array has rows of \(3,\), not \(\)"),
    ],
)
def test_other_rows_than_announced_are_refused(tmp_path, blocks, message):
    arrays = [np.ones(shape, dtype=np.uint8) for shape in blocks]
    with pytest.raises(ValueError, match=message):
        write_array(FILES, tmp_path / "array.npy", arrays, shape=(4, 3), kind="|u1")


def test_a_block_too_many_ends_the_reading(tmp_path):
    """However many more there would be, no more of them are asked for, nor written."""

    def endless():
        while True:
            yield np.ones((1, 8), dtype=np.uint8)

    path = tmp_path / "array.npy"
    with pytest.raises(ValueError, match="2 rows of array were announced, not 3"):
        write_array(FILES, path, endless(), shape=(2, 8), kind="|u1")
    assert path.stat().st_size <= array_bytes((2, 8), "|u1")


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "array.npy"
    path.write_bytes(b"precious")
    with pytest.raises(IndexWriteError, match="exists"):
        write_array(FILES, path, [], shape=(0, 1), kind="|u1")
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        ((5, 8), "|u1", "160 bytes"),
        ((3, 8), "|u1", "160 bytes"),
        ((8, 4), "|u1", "another header"),
        ((32,), "|u1", "another header"),
        ((4, 2), "<f4", "another header"),
        ((4,), "<i8", "another header"),
    ],
)
def test_what_has_another_shape_or_type_is_refused(tmp_path, shape, kind, message):
    path = tmp_path / "array.npy"
    write_array(FILES, path, [np.ones((4, 8), dtype=np.uint8)], shape=(4, 8), kind="|u1")
    with pytest.raises(ValueError, match=message):
        map_array(FILES, path, shape=shape, kind=kind)
    with pytest.raises(ValueError, match=message):
        parse_array(path.read_bytes(), shape=shape, kind=kind)


def test_a_changed_byte_of_the_header_is_noticed(tmp_path):
    path = tmp_path / "array.npy"
    write_array(FILES, path, [np.ones((4, 8), dtype=np.uint8)], shape=(4, 8), kind="|u1")
    whole = path.read_bytes()
    for at in range(128):
        data = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(ValueError, match="another header"):
            parse_array(data, shape=(4, 8), kind="|u1")


def test_a_mapped_array_outlives_its_name_and_cannot_be_changed(tmp_path):
    path = tmp_path / "array.npy"
    array = np.arange(6, dtype=np.int64)
    write_array(FILES, path, [array], shape=(6,), kind="<i8")
    mapped = map_array(FILES, path, shape=(6,), kind="<i8")
    path.unlink()
    np.testing.assert_array_equal(mapped, array)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_the_first_rows_are_read_and_the_others_taken_from_what_is_mapped(tmp_path):
    path = tmp_path / "array.npy"
    array = np.arange(9_000, dtype=np.float32).reshape(3_000, 3)
    written(path, "<f4", array, rows_at_once=1_000)
    rows = FirstRows(FILES, path, array)
    array = array.copy()
    rows._array[:] = -1
    for some in ([7, 0, 2_999, 7], [], range(1_000)):
        np.testing.assert_array_equal(rows.take(np.array(some, np.int64)), array[list(some)])
    many = np.arange(1_000)
    np.testing.assert_array_equal(rows.take(many), np.full((1_000, 3), -1, np.float32))


def test_the_file_of_first_rows_is_let_go_with_them(tmp_path):
    path = tmp_path / "array.npy"
    written(path, "<f4", np.zeros((2, 3), np.float32))
    rows = FirstRows(FILES, path, map_array(FILES, path, shape=(2, 3), kind="<f4"))
    descriptor = rows._descriptor
    assert os.fstat(descriptor).st_size == path.stat().st_size
    del rows
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
