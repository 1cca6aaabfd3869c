"""Arrays on disk: ``.npy`` files that are written a block at a time and mapped when read."""

import mmap
import os
import weakref
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.index.files import FileDigest, Files, NewFile

Kind: TypeAlias = Literal["<f4", "<i8", "|u1"]
"""What the numbers are: float32, int64 or uint8, in the order of bytes of the file."""

_HEADER_BYTES = 128

_ROWS_READ = 1_280
"""Rows that are read before they are mapped: those of one question."""


def write_array(
    files: Files, path: Path, blocks: Iterable[NDArray[Any]], *, shape: tuple[int, ...], kind: Kind
) -> FileDigest:
    """Write an array to a new ``.npy`` file, a block of rows at a time.

    Args:
        files: the file operations.
        path: the file, which must not exist.
        blocks: its rows, in order.
        shape: of the whole.
        kind: of its numbers.

    Raises:
        ValueError: the blocks are not, together, of that shape.
        IndexWriteError: no space, or an I/O error.
    """
    written = 0
    with NewFile(files, path) as new:
        new.write(_header(shape, kind))
        for block in blocks:
            if block.shape[1:] != shape[1:]:
                raise ValueError(f"{path.stem} has rows of {shape[1:]}, not {block.shape[1:]}.")
            written += len(block)
            if written > shape[0]:
                break
            new.write(block.astype(kind, copy=False).tobytes())
        if written != shape[0]:
            raise ValueError(f"{shape[0]} rows of {path.stem} were announced, not {written}.")
        return new.seal()


def map_array(files: Files, path: Path, *, shape: tuple[int, ...], kind: Kind) -> NDArray[Any]:
    """Map an array that ``write_array`` wrote; only what is used of it will be read.

    The file must stay as it is while mapped; replacing or removing its name does no harm.

    Raises:
        ValueError: its size or its header is another; the message says what was found.
        OSError: the file cannot be read.
    """
    descriptor = files.open(path)
    try:
        size = os.fstat(descriptor).st_size
        if size != array_bytes(shape, kind):
            raise ValueError(f"{size:,} bytes")
        mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    return parse_array(mapped, shape=shape, kind=kind)


class FirstRows:
    """Rows of a mapped array, the first thousand of which are read from its file.

    Where one byte is touched, Linux maps what lies around it in memory, up to megabytes: a process
    that asks one question of 150,000 vectors would hold 176 MB of them, for the one that it needs.
    To read a row takes as long as to map it, but longer than to look at one that is mapped.

    Args:
        files: the file operations.
        path: the file of the array.
        array: float32 (n, d), mapped from there.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, files: Files, path: Path, array: NDArray[np.float32]) -> None:
        self._array = array
        self._left = _ROWS_READ if hasattr(os, "pread") else 0  # Windows has none
        self._descriptor = files.open(path)
        weakref.finalize(self, os.close, self._descriptor)

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows, (m,) of (n, d): float32 (m, d)."""
        if len(rows) > self._left:
            return np.take(self._array, rows, axis=0)
        self._left -= len(rows)
        width = self._array.strides[0]
        read = b"".join([
            os.pread(self._descriptor, width, _HEADER_BYTES + width * row) for row in rows.tolist()
        ])  # fmt: skip
        return np.frombuffer(read, dtype=self._array.dtype).reshape(len(rows), self._array.shape[1])


def parse_array(data: bytes | mmap.mmap, *, shape: tuple[int, ...], kind: Kind) -> NDArray[Any]:
    """Read an array from the content of its file, without a copy.

    Raises:
        ValueError: its size or its header is another; the message says what was found.
    """
    if len(data) != array_bytes(shape, kind):
        raise ValueError(f"{len(data):,} bytes")
    if data[:_HEADER_BYTES] != _header(shape, kind):
        raise ValueError("another header")
    values = np.frombuffer(data, dtype=kind, count=prod(shape), offset=_HEADER_BYTES)
    return values.reshape(shape)


def array_bytes(shape: tuple[int, ...], kind: Kind) -> int:
    """How large the file of an array is."""
    return _HEADER_BYTES + prod(shape) * int(kind[-1])


def _header(shape: tuple[int, ...], kind: Kind) -> bytes:
    """The head of a ``.npy`` file, format 1.0: written out here, so that no version changes it.

    Source: numpy.lib.format, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    start = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    return (start + text.encode("ascii")).ljust(_HEADER_BYTES - 1) + b"\n"
