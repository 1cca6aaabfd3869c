"""What is asked of any embedder, our own and a caller's."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from qasearch.errors import EmbedderError
from qasearch.protocols import Embedder, Vectors

NORM_TOLERANCE = 1e-3
"""How far from 1 the length of a row may be: what float16 still reaches."""

BEGINNING = 60
"""Characters of a text that an error shows."""


def embedder_name(embedder: Embedder) -> str:
    """What to call an embedder before people: its ``name`` if it has one, else its fingerprint."""
    return getattr(embedder, "name", None) or embedder.fingerprint


def checked(vectors: object, texts: Sequence[str], dim: int, *, name: str = "given") -> Vectors:
    """Pass on what an embedder returned, if it is what the protocol promises.

    Args:
        vectors: what the embedder returned: any array of floats, of any origin.
        texts: what it was given, for the message.
        dim: the dimension it claims.
        name: the embedder's name, for the message.

    Returns:
        float32 (n, dim), contiguous, finite, rows of unit length within 1e-3.

    Raises:
        EmbedderError: it is not that; names the first text with a bad row.
    """
    rows = _as_floats(vectors, name)
    if rows.shape != (len(texts), dim):
        raise EmbedderError(
            name,
            f"returned an array of shape {rows.shape} for {len(texts)} texts and {dim} dimensions.",
            hint="Give it as many rows as texts, each of `dim` numbers.",
        )
    return _units(rows, name, lambda row: f"text {row} of {len(texts)}, {_beginning(texts[row])},")


def checked_tokens(tokens: object, texts: Sequence[str], *, name: str = "given") -> list[Vectors]:
    """Pass on the tokens that an embedder returned, if they are what the protocol promises.

    Args:
        tokens: what the embedder returned: for each text any array of floats.
        texts: what it was given, for the message.
        name: the embedder's name, for the message.

    Returns:
        For each text float32 (tokens, width), contiguous, finite, rows of unit length within 1e-3;
        the width is the same for all.

    Raises:
        EmbedderError: they are not that; names the first text with a bad row.
    """
    arrays = [_as_floats(rows, name) for rows in cast(Sequence[object], tokens)]
    shapes = sorted({rows.shape[1:] for rows in arrays})
    if len(arrays) != len(texts) or len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
        raise EmbedderError(
            name,
            f"returned {len(arrays)} arrays for the tokens of {len(texts)} texts, with rows of "
            f"shape {' and '.join(map(str, shapes)) or '()'}.",
            hint="Give it an array for each text, all of shape (tokens, any) with the same `any`.",
        )
    return [
        _units(rows, name, partial("token {2} of text {0}, {1},".format, place, _beginning(text)))
        for place, (rows, text) in enumerate(zip(arrays, texts, strict=True))
    ]


def first_line(error: Exception) -> str:
    """What another library's error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _units(rows: NDArray[np.floating], name: str, whose: Callable[[int], str]) -> Vectors:
    """The rows as float32, contiguous; an error says ``whose`` row it is that has not length 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        vectors = np.ascontiguousarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
    wrong = ~(np.abs(lengths - 1) <= NORM_TOLERANCE)  # NaN compares false, so it is wrong too
    if wrong.any():
        row = int(np.argmax(wrong))
        raise EmbedderError(
            name,
            f"{whose(row)} became a vector of length {lengths[row]:.4g}, not 1.",
            hint="Leave that text out, or use another embedder: such a vector cannot be searched.",
        )
    return vectors


def _as_floats(vectors: object, name: str) -> NDArray[np.floating]:
    try:
        rows = np.asarray(vectors)
    except (TypeError, ValueError) as error:
        raise EmbedderError(name, f"returned no array of numbers: {error}.") from error
    if not np.issubdtype(rows.dtype, np.floating):
        raise EmbedderError(
            name,
            f"returned {type(vectors).__name__} of {rows.dtype}, not an array of floats.",
            hint="Return a float32 array of shape (texts, dim).",
        )
    return rows


def _beginning(text: str) -> str:
    return ascii(text if len(text) <= BEGINNING else text[:BEGINNING] + "...")
