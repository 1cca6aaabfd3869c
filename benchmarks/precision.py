"""What int8 and fp16 would gain, and what they cost in agreement with float32.

    python -m benchmarks.precision INDEX [--texts 300] [--rounds 5]

The exported graph of the bundled model is quantised (dynamic int8, by onnxruntime) and converted to
float16; passages and questions of INDEX are embedded by all three, in turns, with one thread.
Agreement is the share of the ten passages nearest to a question by float32 that are its ten by
the other, vectors of questions and passages both being the other's.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.record import Table, save, spread
from qasearch import load_embedder
from qasearch.embed.modelcache import cache_folder
from qasearch.embed.onnx import GRAPH, OnnxNetwork
from qasearch.embed.pipeline import embed
from qasearch.embed.windows import WindowCutter
from qasearch.index import Generation
from qasearch.ingest import passage_text
from qasearch.protocols import Vectors

K = 10
MAX_TOKENS, DIM = 256, 384


def int8(source: Path, target: Path) -> None:
    import onnxruntime.quantization as quantization  # pyright: ignore

    tools: Any = quantization
    tools.quantize_dynamic(str(source), str(target), weight_type=tools.QuantType.QInt8)


def fp16(source: Path, target: Path) -> None:
    import onnx  # pyright: ignore
    from onnxruntime.transformers import float16  # pyright: ignore

    tools: Any = float16
    model = tools.convert_float_to_float16(onnx.load(str(source)), keep_io_types=True)
    onnx.save(model, str(target))


PRECISIONS: dict[str, Callable[[Path, Path], None]] = {"int8": int8, "fp16": fp16}


def embedder(network: OnnxNetwork) -> Callable[[list[str]], Vectors]:
    cutter = WindowCutter(network.tokenizer, MAX_TOKENS, "")
    return lambda texts: embed(texts, cutter, network.forward, DIM, name="compared")[0]


def nearest(passages: Vectors, questions: Vectors) -> list[set[int]]:
    order = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :K]
    return [set(map(int, rows)) for rows in order]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts, questions = drawn(arguments.index, arguments.texts)
    load_embedder().embed_queries(["exports the model, if it has not been"])
    found = next(path for path in cache_folder().iterdir() if (path / GRAPH).exists())
    with TemporaryDirectory() as work:
        folders = {"fp32": found}
        for name, convert in PRECISIONS.items():
            folder = folders[name] = Path(work) / name
            folder.mkdir()
            (folder / "tokenizer.json").write_bytes((found / "tokenizer.json").read_bytes())
            convert(found / GRAPH, folder / GRAPH)
        embedders = {
            name: embedder(OnnxNetwork(folder, pad_id=0, pad_left=False, threads=1))
            for name, folder in folders.items()
        }
        compare(embedders, texts, questions, arguments.rounds)


def drawn(index: Path, count: int) -> tuple[list[str], list[str]]:
    """So many passages as they are embedded, of articles evenly spread, and as many questions."""
    with Generation.open(index, pinned=False) as generation:
        store, texts, questions = generation.store, list[str](), list[str]()
        step = max(1, store.article_count // count)
        for row in range(0, store.article_count, step):
            (article,) = store.full_articles(row, row + 1)
            questions.append(article.question)
            texts += [passage_text(article, passage) for passage in article.passages]
        step = max(1, len(texts) // count)
        return texts[::step][:count], questions[:count]


def compare(
    embedders: dict[str, Callable[[list[str]], Vectors]],
    texts: list[str],
    questions: list[str],
    rounds: int,
) -> None:
    """Let all embed in turns, and save what that took and gave."""
    rates: dict[str, list[float]] = {name: [] for name in embedders}
    rows: dict[str, Vectors] = {}
    for _ in range(rounds):
        for name, make in embedders.items():
            started = time.process_time()
            rows[name] = make(texts)
            rates[name].append(len(texts) / (time.process_time() - started))
    asked = {name: make(questions) for name, make in embedders.items()}
    wanted = nearest(rows["fp32"], asked["fp32"])
    lines: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for name in embedders:
        cosines = np.einsum("nd,nd->n", rows[name], rows["fp32"])
        same = [
            len(a & b) / K for a, b in zip(wanted, nearest(rows[name], asked[name]), strict=True)
        ]
        faster = [a / b for a, b in zip(rates[name], rates["fp32"], strict=True)]
        figures[name] = {
            "faster": statistics.median(faster),
            "least_cosine": float(cosines.min()),
            "agreement": statistics.mean(same),
        }
        lines.append([
            *(name, spread(rates[name], 1), f"{statistics.median(faster):.2f}"),
            *(f"{cosines.mean():.4f}", f"{cosines.min():.4f}", f"{statistics.mean(same):.3f}"),
        ])  # fmt: skip
    columns = [
        "precision",
        "passages a second of CPU",
        "times fp32",
        "mean cosine",
        "least",
        "top 10",
    ]
    title = f"Less precision: {len(texts)} passages, {len(questions)} questions, one thread"
    save("precision", [Table(title, columns, lines)], figures)


if __name__ == "__main__":
    main()
