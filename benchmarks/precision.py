"""What int8 and fp16 gain, and what they cost in agreement with float32.

    python -m benchmarks.precision INDEX [--texts 300] [--rounds 5]

Passages and questions of INDEX are embedded by the bundled model in all three, in turns, with one
thread. Agreement is the share of the ten passages nearest to a question by float32 that are its ten
by the other, vectors of questions and passages both being the other's.
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.record import Table, save, spread
from qasearch import load_embedder
from qasearch.index import Generation
from qasearch.ingest import passage_text
from qasearch.protocols import Embedder, Vectors

K = 10
PRECISIONS = {"fp32": None, "int8": ":int8", "fp16": ":fp16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts, questions = drawn(arguments.index, arguments.texts)
    embedders = {name: load_embedder(model, threads=1) for name, model in PRECISIONS.items()}
    for embedder in embedders.values():
        embedder.embed_queries(["exports the model, if it has not been"])
    compare(embedders, texts, questions, arguments.rounds)


def drawn(index: Path, count: int) -> tuple[list[str], list[str]]:
    """So many passages as they are embedded, of articles evenly spread, and as many questions."""
    with Generation.open(index, pinned=False) as generation:
        store, texts, questions = generation.store, list[str](), list[str]()
        for row in range(0, store.article_count, max(1, store.article_count // count)):
            (article,) = store.full_articles(row, row + 1)
            questions.append(article.question)
            texts += [passage_text(article, passage) for passage in article.passages]
        return texts[:: max(1, len(texts) // count)][:count], questions[:count]


def compare(
    embedders: Mapping[str, Embedder], texts: list[str], questions: list[str], rounds: int
) -> None:
    """Let all embed in turns, and save what that took and gave."""
    rates: dict[str, list[float]] = {name: [] for name in embedders}
    rows: dict[str, Vectors] = {}
    for _ in range(rounds):
        for name, embedder in embedders.items():
            started = time.process_time()
            rows[name] = embedder.embed_passages(texts)
            rates[name].append(len(texts) / (time.process_time() - started))
    asked = {name: embedder.embed_queries(questions) for name, embedder in embedders.items()}
    wanted = nearest(rows["fp32"], asked["fp32"])
    lines: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for name in embedders:
        cosines = np.einsum("nd,nd->n", rows[name], rows["fp32"])
        found = nearest(rows[name], asked[name])
        agreement = statistics.mean(len(a & b) / K for a, b in zip(wanted, found, strict=True))
        faster = statistics.median(
            one / full for one, full in zip(rates[name], rates["fp32"], strict=True)
        )
        figures[name] = {"faster": faster, "agreement": agreement}
        lines.append([
            *(name, spread(rates[name], 1), f"{faster:.2f}"),
            *(f"{cosines.mean():.4f}", f"{cosines.min():.4f}", f"{agreement:.3f}"),
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


def nearest(passages: Vectors, questions: Vectors) -> list[set[int]]:
    """The rows of the nearest passages of each question."""
    order = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :K]
    return [set(map(int, rows)) for rows in order]


if __name__ == "__main__":
    main()
