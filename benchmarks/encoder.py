"""Embed the points of a folder: passages a second beside plain sentence-transformers.

    python -m benchmarks.encoder FOLDER... [--points 2000] [--rounds 5]

Each run is a process of its own with one thread, and is counted from its start, imports and loading
of the model included. The two alternate, ``SentenceTransformer.encode`` with its defaults and the
embedder of qasearch, so that whatever else the machine does is shared between them; beside the
seconds that went by stand those of the processor, which others take less from.

The share of the peak is the arithmetic of the model over the tokens that are none of padding,
divided by what the fastest of several matrix products reaches on the same core meanwhile.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from qasearch import load_embedder
from qasearch.embed import bundled
from qasearch.ingest import find_files, passage_text, read_file, split
from qasearch.protocols import Vectors

ONE_THREAD = dict.fromkeys(
    ("QASEARCH_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
) | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took, in seconds, and the same without imports and loading."""

    wall: float
    cpu: float
    encode: float


def plain(texts: list[str]) -> tuple[Vectors, float]:
    """Embed as anybody would; seconds of the processor for it."""
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(bundled.find()), device="cpu", local_files_only=True)
    return timed(lambda: model.encode(texts, normalize_embeddings=True))


def ours(texts: list[str]) -> tuple[Vectors, float]:
    """Embed as a build does; seconds of the processor for it."""
    embedder = load_embedder()
    embedder.embed_queries(["opens the model"])
    return timed(lambda: embedder.embed_passages(texts))


def timed(embed: Callable[[], Vectors]) -> tuple[Vectors, float]:
    started = time.process_time()
    return embed(), time.process_time() - started


def run(way: str, work: Path) -> Run:
    """Embed in a process of its own, which leaves its rows in ``work``."""
    command = [sys.executable, "-m", "benchmarks.encoder", "--way", way, str(work)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True, text=True
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, float(done.stdout.splitlines()[-1]))


def peak() -> float:
    """Multiplications and additions a second of one core, in products of large matrices."""
    code = """
import time, numpy as np
def rate(m, k, n):
    a, b, c = np.ones((m, k), "f4"), np.ones((k, n), "f4"), np.empty((m, n), "f4")
    started = time.process_time()
    for _ in range(8):
        np.matmul(a, b, out=c)
    return 16 * m * k * n / (time.process_time() - started)
print(max(rate(*shape) for _ in range(4) for shape in ((512, 384, 1536), (1024, 1024, 1024))))
"""
    command = [sys.executable, "-c", code]
    return float(subprocess.check_output(command, env={**os.environ, **ONE_THREAD}, text=True))


def arithmetic(texts: Sequence[str]) -> float:
    """Multiplications and additions of the model over all texts, nothing of it for padding."""
    from tokenizers import Tokenizer

    config = json.loads((bundled.find() / "config.json").read_bytes())
    width, inner = config["hidden_size"], config["intermediate_size"]
    tokenizer = Tokenizer.from_file(str(bundled.find() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = np.array([len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)])
    products = lengths * (4 * width**2 + 2 * width * inner) + 2 * lengths**2 * width
    print(f"Tokens of a point: {lengths.mean():.1f} on average.\n")
    return 2 * float(config["num_hidden_layers"] * products.sum())


def points(folders: list[Path], count: int) -> list[str]:
    """So many points, drawn from all files, as a build embeds them."""
    files = find_files(folders, on_error=print)
    random.Random(0).shuffle(files)
    texts: list[str] = []
    for file in files:
        for article in read_file(file).articles:
            parts = split(article.answer)
            texts += [passage_text(article, p) for p in parts.passages if p.kind == "point"]
        if len(texts) >= count:
            break
    return texts[:count]


def row(name: str, texts: int, runs: list[Run], share: float) -> None:
    """A line of the table: medians, and the range of the first."""
    walls = [texts / run.wall for run in runs]
    cells = [
        f"{statistics.median(walls):.1f} ({min(walls):.1f}-{max(walls):.1f})",
        f"{texts / statistics.median(run.cpu for run in runs):.1f}",
        f"{texts / statistics.median(run.encode for run in runs):.1f}",
        f"{share:.0%}",
    ]
    print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", choices=["plain", "ours"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        work = arguments.folders[0]
        texts = json.loads((work / "texts.json").read_bytes())
        rows, seconds = {"plain": plain, "ours": ours}[arguments.way](texts)
        np.save(work / f"{arguments.way}.npy", rows)
        print(seconds)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(points(arguments.folders, arguments.points), arguments.rounds, Path(folder))


def compare(texts: list[str], rounds: int, work: Path) -> None:
    """Let both embed, and print the table."""
    (work / "texts.json").write_text(json.dumps(texts))
    libraries = ("onnxruntime", "torch", "sentence-transformers")
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"{len(texts):,} points, one thread, medians of {rounds} runs.")
    load_embedder().embed_queries(["exports the model, if it has not been"])
    work_done, runs, peaks = arithmetic(texts), {"plain": list[Run](), "ours": list[Run]()}, [0.0]
    for _ in range(rounds):
        for way in runs:
            runs[way].append(run(way, work))
        peaks.append(peak())
    print("| passages a second | whole process | of its CPU | encoding alone, of CPU | of peak |")
    print("|---|---|---|---|---|")
    for name, way in (("SentenceTransformer.encode", "plain"), ("qasearch", "ours")):
        encode = statistics.median(run.encode for run in runs[way])
        row(name, len(texts), runs[way], work_done / encode / max(peaks))
    for what in ("wall", "cpu", "encode"):
        ratios = [getattr(a, what) / getattr(b, what) for a, b in zip(*runs.values(), strict=True)]
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"\nqasearch is {statistics.median(ratios):.2f} times as fast by {what} ({spread}).")
    difference = np.abs(np.load(work / "plain.npy") - np.load(work / "ours.npy"))
    print(f"\nPeak {max(peaks) / 1e9:.0f} GFLOP/s. Largest difference of the vectors:", end=" ")
    print(f"{difference.max():.1e}, but for texts longer than the model reads at once:", end=" ")
    print(f"{int((difference.max(axis=1) > 1e-5).sum())} of them.")


if __name__ == "__main__":
    main()
