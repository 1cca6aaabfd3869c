"""nDCG@10 of an index and of stores that it is copied to, side by side, over the same queries.

    python -m benchmarks.stores INDEX QUERIES QRELS STORE...

QUERIES and QRELS are what `qasearch eval` takes; each STORE is an address, `milvus:FILE.db` or
`postgresql://host/database`. Stores that do not hold the index yet are filled first. Beside the
means it tells for how many queries the first article, and the first ten, are the same.
"""

import argparse
import statistics
from pathlib import Path

from qasearch import Index, SearchResult, load_embedder
from qasearch.evaluate.measures import ndcg
from qasearch.evaluate.qrels import read_qrels
from qasearch.evaluate.queries import read_queries

DEPTH = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("qrels", type=Path)
    parser.add_argument("stores", nargs="+", metavar="STORE")
    arguments = parser.parse_args()
