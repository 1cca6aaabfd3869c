"""The reference embedder: any sentence-transformers model, computed by torch."""

import logging
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qasearch.embed.batches import pad
from qasearch.embed.check import first_line
from qasearch.embed.folder import ModelFolder, Pins, check_pins, digests_of, fingerprint
from qasearch.embed.pipeline import States, embed
from qasearch.embed.windows import Ids, WindowCutter, unit
from qasearch.errors import EmbedderError
from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

_LOADING = threading.Lock()
"""One model is loaded at a time: what transformers prints meanwhile is a setting of the process."""

UNUSED = "pooler."
"""Weights for other tasks: most sentence-transformers models are saved without them."""


@dataclass(frozen=True, slots=True)
class _Network:
    """A loaded model, with what padding needs to know.

    Attributes:
        says_something: by token id, whether there is a letter or a digit in the token.
    """

    model: "SentenceTransformer"
    tokenizer: "Tokenizer"
    pad_id: int
    pad_left: bool
    says_something: NDArray[np.bool_]


class SentenceTransformerEmbedder:
    """Embeds texts with a sentence-transformers model, on the CPU.

    Loads the model when the first text comes; safe to share between threads. Queries and passages
    get the model's own prompts. No text is cut off: see ``qasearch.embed.windows``.

    Args:
        folder: the model, looked at and found safe.
        name: what to call it before people.
        pins: what its files must be; checked when it is loaded, and taken for its fingerprint.
        truncate_dim: keep so many of the first numbers of a vector.
        max_tokens: length of a window; None means the model's own.
        threads: how many compute; None leaves it to torch.

    Raises:
        ValueError: ``truncate_dim``, ``max_tokens`` or ``threads`` is out of range.
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
    ) -> None:
        _check_range("truncate_dim", truncate_dim, folder.full_dim)
        _check_range("max_tokens", max_tokens, folder.most_tokens)
        _check_range("threads", threads, None)
        self.name = name
        self.dim = truncate_dim or folder.dim
        self.max_tokens = max_tokens or folder.max_tokens
        self._folder = folder
        self._pins = pins
        self._threads = threads
        self._fingerprint: str | None = None
        self._network: _Network | None = None

    @property
    def fingerprint(self) -> str:
        """What decides the vectors: weights, tokenizer, pooling, prompts, dimension, length.

        The same for the same files wherever they lie, and whatever computes.

        Raises:
            EmbedderError: a file cannot be read.
        """
        if self._fingerprint is None:
            self._fingerprint = fingerprint(
                self._digests(), dim=self.dim, max_tokens=self.max_tokens
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
        """Embed stored texts, and their tokens but for those without a letter or a digit.

        Returns:
            What ``embed_passages`` returns; and n arrays of float32 (tokens, width), unit rows.

        Raises:
            EmbedderError: the model cannot be loaded, or makes no finite vector of a text.
        """
        return self._embed(texts, self._folder.passage_prompt, by_token=True)

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Embed questions asked, and their tokens; as ``embed_passage_tokens``."""
        return self._embed(texts, self._folder.query_prompt, by_token=True)

    def _embed(
        self, texts: Sequence[str], prompt: str, *, by_token: bool = False
    ) -> tuple[Vectors, list[Vectors]]:
        if isinstance(texts, str):
            raise ValueError("texts must be a sequence of strings, not one string.")
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32), []
        network = self._loaded()
        cutter = WindowCutter(network.tokenizer, self.max_tokens, prompt)
        forward = partial(_forward, network, cutter.tokens_before if prompt else None)
        reduce = partial(_telling, network) if by_token else None
        with _torch_threads(self._threads):
            return embed(texts, cutter, forward, self.dim, reduce, name=self.name)

    def _digests(self) -> dict[str, str]:
        if self._pins is not None:
            return {file: self._pins.digests[file] for file in self._folder.files}
        return digests_of(self._folder.path, self._folder.files, self.name)

    def _loaded(self) -> _Network:
        if self._network is None:
            with _LOADING:
                if self._network is None:
                    if self._pins is not None:
                        check_pins(self._folder.path, self._pins, self.name)
                    self._network = _load(self._folder, self.name)
        return self._network


def _forward(
    network: _Network, prompt_tokens: int | None, sequences: Sequence[Ids]
) -> tuple[Vectors, States]:
    import torch

    ids, mask = pad(sequences, network.pad_id, left=network.pad_left)
    kept = mask.astype(bool)  # before the model, some versions of which write into the mask
    features: dict[str, object] = {
        "input_ids": torch.as_tensor(ids),
        "attention_mask": torch.as_tensor(mask),
    }
    if prompt_tokens is not None:  # for models that leave the prompt out of the pooling
        features["prompt_length"] = prompt_tokens
    with torch.inference_mode():
        found = network.model(features)
        states = found["token_embeddings"].numpy()
    rows = [state[tokens] for state, tokens in zip(states, kept, strict=True)]
    return found["sentence_embedding"].numpy(), rows


def _telling(network: _Network, ids: Ids, states: Vectors) -> Vectors:
    return unit(states[network.says_something[ids]])


def _load(folder: ModelFolder, name: str) -> _Network:
    """Load a model from disk, and only from there.

    Raises:
        EmbedderError: it does not load, or not as what it said it was.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    reports: list[str] = []
    try:
        with _without_noise(reports):
            model = SentenceTransformer(
                str(folder.path),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            ).eval()
    except Exception as error:  # whatever the files make three libraries raise
        unfit = _keys(reports, "MISMATCH")
        reason = f"{unfit[0]} has another shape" if unfit else first_line(error)
        raise EmbedderError(name, f"{folder.path} does not load: {reason}") from error
    missing = [key for key in _keys(reports, "MISSING") if not key.startswith(UNUSED)]
    if missing:
        raise EmbedderError(
            name, f"its weights lack {missing[0]}, and transformers would make it up."
        )
    model.truncate_dim = None  # rows are cut where they are merged
    if model.get_embedding_dimension() != folder.full_dim:
        raise EmbedderError(
            name,
            f"its settings promise {folder.full_dim} dimensions, "
            f"but it has {model.get_embedding_dimension()}.",
        )
    return _network(model, name)


def _network(model: "SentenceTransformer", name: str) -> _Network:
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None or model.tokenizer.pad_token_id is None:
        raise EmbedderError(name, "its tokenizer is not a fast one with a token for padding.")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _Network(
        model=model,
        tokenizer=tokenizer,
        pad_id=model.tokenizer.pad_token_id,
        pad_left=model.tokenizer.padding_side == "left",
        says_something=_says_something(tokenizer),
    )


def _says_something(tokenizer: "Tokenizer") -> NDArray[np.bool_]:
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    telling = np.zeros(1 + max(vocabulary.values()), dtype=bool)
    telling[[id for token, id in vocabulary.items() if any(map(str.isalnum, token))]] = True
    return telling


@contextmanager
def _without_noise(reports: list[str]) -> Generator[None]:
    """Keep transformers from drawing on stderr while it loads; collect what it had to report."""
    from transformers.utils import logging as transformers_logging

    def keep(record: logging.LogRecord) -> bool:
        reports.append(record.getMessage())
        return False

    logger = logging.getLogger("transformers.modeling_utils")
    bars = transformers_logging.is_progress_bar_enabled()
    logger.addFilter(keep)
    if bars:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.removeFilter(keep)
        if bars:
            transformers_logging.enable_progress_bar()


def _keys(reports: Iterable[str], status: str) -> list[str]:
    """The weights that transformers reports with this status, in lines ``key | status``."""
    return [
        line.split("|")[0].strip()
        for report in reports
        for line in report.splitlines()
        if "|" in line and status in line
    ]


@contextmanager
def _torch_threads(threads: int | None) -> Generator[None]:
    """Let torch use so many threads for a while."""
    if threads is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_range(option: str, value: int | None, most: int | None) -> None:
    if value is not None and (value < 1 or (most is not None and value > most)):
        bounds = "at least 1" if most is None else f"1 to {most}"
        raise ValueError(f"{option} must be {bounds}, not {value}.")
