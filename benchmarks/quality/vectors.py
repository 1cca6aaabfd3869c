"""Texts embedded once, in blocks that a later run takes up again."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from qasearch import Embedder
from qasearch.protocols import Progress, Vectors, in_batches

TEXTS_AT_ONCE = 2_048


class StoredVectors:
    """An embedder with a folder of what it made of passages before.

    Args:
        embedder: makes what is not there.
        folder: of the blocks; made when missing.
        progress: shows how far it got.
    """

    def __init__(self, embedder: Embedder, folder: Path, progress: Progress) -> None:
        self._embedder = embedder
        self._folder = folder
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True)

    def passages(self, texts: Sequence[str], what: str) -> Vectors:
        """float32 (n, dim), unit rows, in the order of ``texts``."""
        batches = in_batches(texts, TEXTS_AT_ONCE)
        shown = self._progress(batches, total=len(texts), what=f"embedding {what}")
        return np.concatenate([self._block(batch) for batch in shown])

    def queries(self, texts: Sequence[str]) -> Vectors:
        """float32 (n, dim), unit rows, in the order of ``texts``."""
        return self._embedder.embed_queries(texts)

    def _block(self, texts: Sequence[str]) -> Vectors:
        said = "\0".join([self._embedder.fingerprint, *texts])
        path = self._folder / f"{sha256(said.encode()).hexdigest()[:32]}.npy"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            with unfinished.open("wb") as stream:
                np.save(stream, self._embedder.embed_passages(texts), allow_pickle=False)
            unfinished.replace(path)
        return np.load(path, allow_pickle=False)
