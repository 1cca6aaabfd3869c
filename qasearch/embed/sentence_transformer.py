"""The embedder of a sentence-transformers model, whatever computes it."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qasearch.embed.digests import Pins, check_pins, digests_of, fingerprint
from qasearch.embed.folder import ModelFolder
from qasearch.embed.network import Network, Wanted, says_enough, says_something
from qasearch.embed.pipeline import embed
from qasearch.embed.precision import Precision
from qasearch.embed.windows import Ids, WindowCutter, token_words, unit
from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from qasearch.embed.reference import TorchNetwork


class _Loaded(NamedTuple):
    """A network, and which tokens are kept of a question asked, and of a stored text."""

    network: Network
    of_query: Wanted
    of_passage: Wanted


class SentenceTransformerEmbedder:
    """Embeds texts with a sentence-transformers model, on the CPU.

    Loads the model when the first text comes; safe to share between threads. Queries and passages
    get the model's own prompts. No text is cut off: see ``qasearch.embed.windows``. onnxruntime
    computes where it has been shown to give the vectors of sentence-transformers, else that does.

    Args:
        folder: the model, looked at and found safe.
        name: what to call it before people.
        pins: what its files must be; the fingerprint is taken from them, and the files are compared
            with them before they are loaded.
        truncate_dim: keep so many of the first numbers of a vector.
        max_tokens: length of a window; None means the model's own.
        threads: how many compute; None means as many as the machine has processors for us.
        fast: if False, sentence-transformers always computes.
        few: a few texts will come, no more: onnxruntime opens sooner and is slower with each.
        precision: of the numbers that onnxruntime computes with; None means float32.

    Raises:
        ValueError: ``truncate_dim``, ``max_tokens`` or ``threads`` is out of range, or less
            precision is asked of sentence-transformers.
    """

    def __init__(
        self,
        folder: ModelFolder,
        *,
        name: str,
        pins: Pins | None = None,
        truncate_dim: int | None = None,
        max_tokens: int | None = None,
        threads: int | None = None,
        fast: bool = True,
        few: bool = False,
        precision: Precision | None = None,
    ) -> None:
        if precision and not fast:
            raise ValueError(f"Only onnxruntime computes {precision}: leave out fast=False.")
        _check_range("truncate_dim", truncate_dim, folder.full_dim)
        _check_range("max_tokens", max_tokens, folder.most_tokens)
        _check_range("threads", threads, None)
        self.name = name
        self.dim = truncate_dim or folder.dim
        self.max_tokens = max_tokens or folder.max_tokens
        self._folder = folder
        self._pins = pins
        self._threads = threads
        self._fast = fast
        self._few = few
        self._precision: Precision | None = precision
        self._fingerprint: str | None = None
        self._loaded: _Loaded | None = None
        self._loading = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """What decides the vectors: weights, tokenizer, pooling, prompts, dimension, length.

        The same for the same files wherever they lie, and whatever computes.

        Raises:
            EmbedderError: a file cannot be read.
        """
        if self._fingerprint is None:
            self._fingerprint = fingerprint(
                self._digests(),
                dim=self.dim,
                max_tokens=self.max_tokens,
                precision=self._precision,
            )
        return self._fingerprint

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed stored texts: float32 (n, dim), unit rows, in the order of ``texts``.

        Raises:
            EmbedderError: the model cannot be loaded, or makes no finite vector of a text.
        """
        return self._embed(texts, self._folder.passage_prompt)[0]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions asked: float32 (n, dim), unit rows, in the order of ``texts``.

        Raises:
            EmbedderError: the model cannot be loaded, or makes no finite vector of a text.
        """
        return self._embed(texts, self._folder.query_prompt)[0]

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Embed stored texts, and their tokens but for stop words and signs.

        Returns:
            What ``embed_passages`` returns; and n arrays of float32 (tokens, width), unit rows.

        Raises:
            EmbedderError: the model cannot be loaded, or makes no finite vector of a text.
        """
        return self._embed(texts, self._folder.passage_prompt, attrgetter("of_passage"))

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Embed questions asked, and their tokens, stop words too; as ``embed_passage_tokens``."""
        return self._embed(texts, self._folder.query_prompt, attrgetter("of_query"))

    def query_words(self, texts: Sequence[str]) -> list[list[str]]:
        """For each token that ``embed_query_tokens`` gives of a question, the word it is of.

        Raises:
            EmbedderError: the model cannot be loaded.
        """
        loaded = self._load()
        tokenizer, prompt = loaded.network.tokenizer, self._folder.query_prompt
        return [token_words(tokenizer, prompt, text, loaded.of_query) for text in texts]

    def _embed(
        self,
        texts: Sequence[str],
        prompt: str,
        wanted: Callable[[_Loaded], Wanted] | None = None,
    ) -> tuple[Vectors, list[Vectors]]:
        if isinstance(texts, str):
            raise ValueError("texts must be a sequence of strings, not one string.")
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32), []
        loaded = self._load()
        network = loaded.network
        cutter = WindowCutter(network.tokenizer, self.max_tokens, prompt)
        return embed(
            texts,
            cutter,
            partial(network.forward, prompt_tokens=cutter.tokens_before if prompt else None),
            self.dim,
            partial(_kept, wanted(loaded)) if wanted else None,
            batches_at_once=network.batches_at_once,
            name=self.name,
        )

    def _digests(self) -> dict[str, str]:
        if self._pins is not None:
            return {file: self._pins.digests[file] for file in self._folder.files}
        return digests_of(self._folder.path, self._folder.files, self.name)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    network = self._open()
                    tokenizer = network.tokenizer
                    self._loaded = _Loaded(
                        network, says_something(tokenizer), says_enough(tokenizer)
                    )
        return self._loaded

    def _open(self) -> Network:
        if not self._fast:
            return self._reference()
        from qasearch.embed.runtime import open_network

        return open_network(
            self._folder,
            self.name,
            fingerprint=self.fingerprint,
            max_tokens=self.max_tokens,
            reference=self._reference,
            precision=self._precision,
            threads=self._threads,
            few=self._few,
        )

    def _reference(self) -> "TorchNetwork":
        from qasearch.embed.reference import load_reference

        if self._pins is not None:
            check_pins(self._folder.path, self._pins, self.name)
        return load_reference(self._folder, self.name, self._threads)


def _kept(wanted: Wanted, ids: Ids, states: Vectors) -> Vectors:
    """The rows of the tokens that are wanted, as unit rows."""
    return unit(states[[wanted(token) for token in ids.tolist()]])


def _check_range(option: str, value: int | None, most: int | None) -> None:
    if value is not None and (value < 1 or (most is not None and value > most)):
        bounds = "at least 1" if most is None else f"1 to {most}"
        raise ValueError(f"{option} must be {bounds}, not {value}.")
