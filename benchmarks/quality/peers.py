"""What users get from txtai, LlamaIndex and Chroma, by the vectors of the same model.

Each peer indexes the same units with its defaults and is asked for the best of them, in a process
of an environment with benchmarks/requirements.txt; that Python runs this file again, importing
nothing of qasearch. Texts come with the vectors that our `Embedder` made of them, and a stand-in
for the model looks them up. What is not installed is left out, and said so.
"""

# The peers are of another environment, and few of them have types.
# pyright: basic, reportMissingImports=false

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

K = 100
"""Units that a peer is asked for."""
ADDED_AT_ONCE = 5_000

Search: TypeAlias = Callable[[str], list[int]]
"""From the text of a query to the rows of the best units."""


class Embedded:
    """Texts with the vectors of the model, in place of the model.

    Args:
        folder: what `ranked` wrote there.

    Attributes:
        texts: of the units, by row.
        rows: their vectors.
        queries: of the judged set, by id.
    """

    def __init__(self, folder: Path) -> None:
        self.texts: list[str] = json.loads((folder / "texts.json").read_text())
        self.rows = np.load(folder / "rows.npy")
        self.queries: dict[str, str] = json.loads((folder / "queries.json").read_text())
        asked = zip(self.queries.values(), np.load(folder / "asked.npy"), strict=True)
        self._vectors = dict(zip(self.texts, self.rows, strict=True)) | dict(asked)

    def embed(self, texts: Sequence[str]) -> Any:
        """Vectors of units or queries."""
        return np.stack([self._vectors[text] for text in texts])


def txtai(embedded: Embedded) -> Search:
    from txtai import Embeddings

    given = {"method": "external", "transform": lambda texts: embedded.embed(texts)}
    index = Embeddings(given, hybrid=True)
    index.index(embedded.texts)
    return lambda text: [row for row, _ in index.search(text, K)]


def chroma(embedded: Embedded) -> Search:
    import chromadb

    collection = chromadb.EphemeralClient().create_collection("all")
    for start in range(0, len(embedded.texts), ADDED_AT_ONCE):
        block = range(len(embedded.texts))[start : start + ADDED_AT_ONCE]
        texts, rows = ([of[i] for i in block] for of in (embedded.texts, embedded.rows))
        collection.add(ids=[*map(str, block)], documents=texts, embeddings=rows)
    ask = partial(collection.query, n_results=min(K, len(embedded.texts)))
    return lambda text: [int(id) for id in ask(embedded.embed([text]))["ids"][0]]


def llama_nodes(embedded: Embedded) -> list[Any]:
    """The units, each another one even where two have the same text."""
    from llama_index.core.schema import TextNode

    return [
        TextNode(
            id_=str(row),
            text=text,
            embedding=embedded.rows[row].tolist(),
            metadata={"row": row},
            excluded_embed_metadata_keys=["row"],
        )
        for row, text in enumerate(embedded.texts)
    ]


def llama_retriever(embedded: Embedded, nodes: list[Any]) -> Any:
    """Over FAISS flat: its own store of lists finds the same and takes seconds a query."""
    import faiss
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.vector_stores.faiss import FaissVectorStore

    class StandIn(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return embedded.embed([text])[0].tolist()

        _get_query_embedding = _get_text_embedding

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    store: Any = FaissVectorStore(faiss_index=faiss.IndexFlatIP(embedded.rows.shape[1]))
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(nodes, storage_context=context, embed_model=StandIn())
    return index.as_retriever(similarity_top_k=K)


def llama_index(embedded: Embedded) -> Search:
    return _retrieving(llama_retriever(embedded, llama_nodes(embedded)))


def llama_index_fusion(embedded: Embedded) -> Search:
    """As its documentation has it: BM25 and vectors by reciprocal ranks, no query made up."""
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.retrievers.bm25 import BM25Retriever

    nodes = llama_nodes(embedded)
    both = [llama_retriever(embedded, nodes), BM25Retriever(nodes, similarity_top_k=K)]
    options: Any = {"mode": "reciprocal_rerank", "num_queries": 1, "use_async": False}
    return _retrieving(QueryFusionRetriever(both, llm=MockLLM(), similarity_top_k=K, **options))


def _retrieving(retriever: Any) -> Search:
    return lambda text: [int(found.node.metadata["row"]) for found in retriever.retrieve(text)]


PEERS: dict[str, tuple[Callable[[Embedded], Search], str]] = {
    "txtai hybrid": (txtai, "txtai"),
    "LlamaIndex": (llama_index, "llama-index-core"),
    "LlamaIndex fusion": (llama_index_fusion, "llama-index-core"),
    "Chroma": (chroma, "chromadb"),
}


def ranked(
    python: Path, texts: Sequence[str], rows: Any, queries: dict[str, str], asked: Any
) -> dict[str, dict[str, Any]]:
    """Let every peer rank the units, each in a process of its own.

    Args:
        python: of an environment with the peers.
        texts: of the units.
        rows: their vectors.
        queries: texts by id.
        asked: their vectors, in this order.

    Returns:
        For each peer with its version the rows of the best units, by query id.
    """
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "texts.json").write_text(json.dumps(texts))
        (folder / "queries.json").write_text(json.dumps(queries))
        np.save(folder / "rows.npy", rows)
        np.save(folder / "asked.npy", asked)
        for name in PEERS:
            done = subprocess.run(
                [python, "-P", __file__, work, "--peer", name],
                env={**os.environ, "OMP_NUM_THREADS": "1", "ANONYMIZED_TELEMETRY": "False"},
                stdout=subprocess.PIPE,
                check=True,
            )
            answer = json.loads(done.stdout.splitlines()[-1])
            if "missing" in answer:
                print(f"left out {name}: {answer['missing']}", file=sys.stderr)
            else:
                found[f"{name} {answer['version']}"] = answer["found"]
    return found


def answers(folder: Path, name: str) -> dict[str, Any]:
    """What one peer finds, if it is installed; run by the other Python."""
    make, package = PEERS[name]
    embedded = Embedded(folder)
    try:
        search = make(embedded)
    except ImportError as error:
        return {"missing": str(error)}
    found = {qid: search(text) for qid, text in embedded.queries.items()}
    return {"version": version(package), "found": found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", choices=PEERS, required=True)
    arguments = parser.parse_args()
    print(json.dumps(answers(arguments.folder, arguments.peer)))
