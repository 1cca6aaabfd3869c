"""Less precision than float32: an exported graph made smaller, at a price that is told."""

import logging
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from qasearch.embed.onnx import GRAPH, WEIGHTS

Precision: TypeAlias = Literal["int8", "fp16"]


def split_precision(model: str | None) -> tuple[str | None, Precision | None]:
    """The model and the precision that a name asks for: ``all-MiniLM-L6-v2:int8``.

    A folder whose own name ends so is a folder. ``:int8`` alone is the bundled model.
    """
    if model is None or Path(model).expanduser().is_dir():
        return model, None
    name, _, last = model.rpartition(":")
    for precision in get_args(Precision):
        if last == precision and name != model:
            return name or None, precision
    return model, None


def lower_precision(folder: Path, precision: Precision) -> None:
    """Replace an exported graph and its weights by those of less precision.

    Raises:
        OSError: no space, or no permission.
        Exception: whatever onnx and onnxruntime raise when they cannot.
    """
    with tempfile.TemporaryDirectory(dir=folder) as work, _silence():
        lower = Path(work) / GRAPH
        if precision == "int8":
            _to_int8(folder / GRAPH, lower)
        else:
            _to_fp16(folder / GRAPH, lower)
        (folder / WEIGHTS).unlink(missing_ok=True)
        lower.replace(folder / GRAPH)


def _to_int8(graph: Path, lower: Path) -> None:
    import onnxruntime.quantization as quantization  # pyright: ignore[reportMissingTypeStubs]

    tools: Any = quantization
    tools.quantize_dynamic(str(graph), str(lower), weight_type=tools.QuantType.QInt8)


def _to_fp16(graph: Path, lower: Path) -> None:
    import onnx
    from onnxruntime.transformers import float16  # pyright: ignore[reportMissingTypeStubs]

    files: Any = onnx
    tools: Any = float16
    model = files.load(str(graph))
    files.save(tools.convert_float_to_float16(model, keep_io_types=True), str(lower))


@contextmanager
def _silence() -> Generator[None]:
    """Keep advice that onnxruntime logs to everybody off stderr.

    Without a handler at the root, logging would put one there for good.
    """
    root, nowhere = logging.getLogger(), logging.NullHandler()
    before = root.level
    root.addHandler(nowhere)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(nowhere)
