"""From a loaded model to a graph for onnxruntime, and the proof that it computes the same."""

import logging
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qasearch.embed.network import Network
from qasearch.embed.onnx import GRAPH, INPUTS, OUTPUTS, TOKENIZER, open_session
from qasearch.embed.pipeline import embed
from qasearch.embed.sample import SAMPLE
from qasearch.embed.windows import Ids, WindowCutter, unit
from qasearch.protocols import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor
    from torch.nn import Module

    from qasearch.embed.reference import TorchNetwork


def export(network: "TorchNetwork", folder: Path) -> None:
    """Write a model's graph, its weights and its tokenizer.

    The graph pools and normalises. It is stored as onnxruntime has optimised it, so that opening
    it does not do that work again.

    Raises:
        OSError: no space, or no permission.
        Exception: whatever torch and onnxruntime raise when they cannot.
    """
    network.tokenizer.save(str(folder / TOKENIZER))
    with tempfile.TemporaryDirectory(dir=folder) as work:
        plain = Path(work) / GRAPH
        _export_plain(network.model, plain)
        open_session(plain, store_as=folder / GRAPH)


def least_cosine(one: Network, other: Network, dim: int, max_tokens: int) -> float:
    """Let both embed the sample, and compare.

    Returns:
        The smallest cosine of the rows, and of the tokens' rows, that the two made of a text.
    """
    cosines: list[NDArray[np.float32]] = []
    for texts in (SAMPLE, SAMPLE[:1]):  # as they are batched; and one alone, as a query comes
        found = [_embedded(network, texts, dim, max_tokens) for network in (one, other)]
        (rows, tokens), (other_rows, other_tokens) = found
        for pair in [(rows, other_rows), *zip(tokens, other_tokens, strict=True)]:
            cosines.append(np.einsum("ij,ij->i", *pair))
    return float(np.concatenate(cosines).min())  # NaN, if there is one


def _embedded(
    network: Network, texts: tuple[str, ...], dim: int, max_tokens: int
) -> tuple[Vectors, list[Vectors]]:
    def all_tokens(ids: Ids, states: Vectors) -> Vectors:
        return unit(states)

    cutter = WindowCutter(network.tokenizer, max_tokens, "")
    return embed(texts, cutter, network.forward, dim, all_tokens, name="exported")


def _export_plain(model: "SentenceTransformer", path: Path) -> None:
    """Write the graph as torch gives it."""
    import torch

    ids = torch.arange(4, 25).reshape(3, 7)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    any_size = dict.fromkeys(range(2), torch.export.Dim.DYNAMIC)
    with _silence(), _plain_attention(model), torch.no_grad():
        program: Any = torch.onnx.export(  # pyright: ignore[reportUnknownMemberType]
            _with_outputs(model),
            (ids, mask),
            dynamo=True,
            dynamic_shapes=(any_size, any_size),
            input_names=INPUTS,
            output_names=OUTPUTS,
            verbose=False,
        )
        program.save(path, external_data=True)


def _with_outputs(model: "SentenceTransformer") -> "Module":
    """The model as a function from ``INPUTS`` to ``OUTPUTS``."""
    import torch

    class WithOutputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: "Tensor", mask: "Tensor") -> tuple["Tensor", "Tensor"]:
            found: dict[str, Tensor] = self.model(dict(zip(INPUTS, (ids, mask), strict=True)))
            rows = torch.nn.functional.normalize(found[OUTPUTS[0]], dim=-1)
            return rows, found[OUTPUTS[1]]

    return WithOutputs().eval()


@contextmanager
def _plain_attention(model: "SentenceTransformer") -> Generator[None]:
    """Let attention be the few operations of its formula while the model is exported.

    The graph has fewer nodes so (no look-out for NaN), and there are models for which the exporter
    knows no other.
    """
    transformer: Any = model.transformers_model
    before: str = transformer.config._attn_implementation
    transformer.set_attn_implementation("eager")
    try:
        yield
    finally:
        transformer.set_attn_implementation(before)


@contextmanager
def _silence() -> Generator[None]:
    """Keep the exporter's advice to developers off stderr."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
