"""Semantic search for collections of questions and answers.

    from qasearch import Index

    Index.build("seeds/", "index/")
    with Index.open("index/") as index:
        result = index.search("how is peacekeeping funded")

Names are loaded when they are first used, so that ``import qasearch`` costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qasearch.api import Index, Sources
    from qasearch.embed import check_bundled_model, load_embedder, load_reranker
    from qasearch.errors import (
        ArticleError,
        BuildRefusedError,
        EmbedderError,
        ExtraMissingError,
        IndexStoreError,
        NoArticlesError,
        QASearchError,
        StoreError,
    )
    from qasearch.ingest import read_articles, split_article, watch_files
    from qasearch.protocols import Embedder, Progress, Reranker
    from qasearch.query import Where
    from qasearch.records import (
        Article,
        ArticleHit,
        BuildReport,
        CopyReport,
        DupesReport,
        ExportReport,
        ImportReport,
        IndexStatus,
        MergeReport,
        Passage,
        PassageHit,
        RelatedResult,
        SearchResult,
        ShardReport,
        SignalPart,
        WhyResult,
    )

__version__ = "0.1.0"

__all__ = [
    "Article",
    "ArticleError",
    "ArticleHit",
    "BuildRefusedError",
    "BuildReport",
    "CopyReport",
    "DupesReport",
    "Embedder",
    "EmbedderError",
    "ExportReport",
    "ExtraMissingError",
    "ImportReport",
    "Index",
    "IndexStatus",
    "IndexStoreError",
    "MergeReport",
    "NoArticlesError",
    "Passage",
    "PassageHit",
    "Progress",
    "QASearchError",
    "RelatedResult",
    "Reranker",
    "SearchResult",
    "ShardReport",
    "SignalPart",
    "Sources",
    "StoreError",
    "Where",
    "WhyResult",
    "__version__",
    "check_bundled_model",
    "load_embedder",
    "load_reranker",
    "read_articles",
    "split_article",
    "watch_files",
]

_HOMES = {
    "qasearch.api": ["Index", "Sources"],
    "qasearch.embed": ["check_bundled_model", "load_embedder", "load_reranker"],
    "qasearch.errors": [
        "ArticleError",
        "BuildRefusedError",
        "EmbedderError",
        "ExtraMissingError",
        "IndexStoreError",
        "NoArticlesError",
        "QASearchError",
        "StoreError",
    ],
    "qasearch.ingest": ["read_articles", "split_article", "watch_files"],
    "qasearch.protocols": ["Embedder", "Progress", "Reranker"],
    "qasearch.query": ["Where"],
    "qasearch.records": [
        "Article",
        "ArticleHit",
        "BuildReport",
        "CopyReport",
        "DupesReport",
        "ExportReport",
        "ImportReport",
        "IndexStatus",
        "MergeReport",
        "Passage",
        "PassageHit",
        "RelatedResult",
        "SearchResult",
        "ShardReport",
        "SignalPart",
        "WhyResult",
    ],
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
