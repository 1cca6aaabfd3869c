"""The files of a model by their digests: what they must be, and what they make of its vectors."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qasearch.errors import EmbedderError

FINGERPRINT_RULE = 2
"""To be raised whenever the same files come to give other vectors: other windows, other merging,
other tokens kept."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the files of a model must be.

    Attributes:
        digests: the sha256 of each file, by its posix name in the folder.
        hint: what to do when one differs.
    """

    digests: Mapping[str, str]
    hint: str


def digests_of(folder: Path, files: Iterable[str], name: str) -> dict[str, str]:
    """Hash files.

    Raises:
        EmbedderError: one cannot be read.
    """
    return {file: _digest(folder / file, name) for file in files}


def fingerprint(
    digests: Mapping[str, str], *, dim: int, max_tokens: int, precision: str | None = None
) -> str:
    """What decides the vectors, as a sha256: files, dimension, length, and less precision if so."""
    decisive = {"rule": FINGERPRINT_RULE, "dim": dim, "max_tokens": max_tokens, **digests}
    if precision:
        decisive["precision"] = precision
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def check_pins(folder: Path, pins: Pins, name: str) -> None:
    """Compare files with what they must be.

    Raises:
        EmbedderError: one is missing or differs.
    """
    for file, expected in pins.digests.items():
        found = _digest(folder / file, name, hint=pins.hint)
        if found != expected:
            raise EmbedderError(
                name,
                f"{folder / file} is not the file it should be: "
                f"its sha256 is {found}, not {expected}.",
                hint=pins.hint,
            )


def _digest(path: Path, name: str, *, hint: str = "") -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise EmbedderError(name, f"{path} cannot be read: {error.strerror}.", hint=hint) from error


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
