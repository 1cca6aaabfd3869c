"""The collections of a generation in Milvus: their fields and indexes."""

# pymilvus has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient
    from pymilvus.milvus_client import IndexParams

_TEXT = 65_535
_PARTS = 1_024
"""Texts in an array: of an article, 64 MB in all, which is what a message may have."""
_MOST_SUBJECTS = 256
_ID_BYTES = 4_096
NO_VECTOR = [0.0, 1.0]
"""Of what is never searched: Milvus wants a vector in each collection."""

K1, B = 1.2, 0.75
"""Of BM25, as tantivy has them."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A kind of collection: what is appended to its name, and its fields."""

    suffix: str
    fields: tuple[str, ...]


PASSAGES = Collection(
    "", ("key", "article", "day", "subjects", "vector", "codes", "point", "words", "sparse")
)
ARTICLES = Collection(
    "_articles",
    ("key", "id", "digest", "lot", "passages", "labels", "vector", "codes", "record"),
)
TERMS = Collection("_terms", ("key", "passages", "vector"))
ABOUT = Collection("_about", ("key", "text", "vector"))


def schema(kind: Collection, dim: int) -> "CollectionSchema":
    """The fields of a kind of collection.

    Args:
        kind: which.
        dim: of the vectors of passages and questions.
    """
    from pymilvus import DataType, Function, FunctionType, MilvusClient

    texts: dict[str, Any] = {
        "datatype": DataType.ARRAY,
        "element_type": DataType.VARCHAR,
        "max_capacity": _PARTS,
        "max_length": _TEXT,
    }
    numbers: dict[str, Any] = {
        "datatype": DataType.ARRAY,
        "element_type": DataType.INT64,
        "max_capacity": _MOST_SUBJECTS,
    }
    types: dict[str, dict[str, Any]] = {
        "key": {"datatype": DataType.INT64, "is_primary": True},
        "article": {"datatype": DataType.INT64},
        "day": {"datatype": DataType.INT64},
        "subjects": numbers,
        "vector": {
            "datatype": DataType.FLOAT_VECTOR,
            "dim": dim if kind in (PASSAGES, ARTICLES) else len(NO_VECTOR),
        },
        "codes": texts,
        "point": {"datatype": DataType.BOOL},
        # Words come stemmed, in lower case and with a space between: nothing else is to be done.
        "words": {
            "datatype": DataType.VARCHAR,
            "max_length": _TEXT,
            "enable_analyzer": True,
            "analyzer_params": {"tokenizer": "standard"},
        },
        "sparse": {"datatype": DataType.SPARSE_FLOAT_VECTOR},
        "id": {"datatype": DataType.VARCHAR, "max_length": _ID_BYTES},
        "digest": {"datatype": DataType.VARCHAR, "max_length": 64},
        "lot": {"datatype": DataType.INT64},
        "passages": {"datatype": DataType.INT64},
        "labels": texts,
        "record": texts,
        "text": texts,
    }
    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for name in kind.fields:
        made.add_field(name, **types[name])
    if "sparse" in kind.fields:
        made.add_function(
            Function(
                "bm25",
                FunctionType.BM25,
                input_field_names=["words"],
                output_field_names=["sparse"],
            )
        )
    return made


def index_params(client: "MilvusClient", kind: Collection) -> "IndexParams":
    """The indexes of a kind of collection."""
    params = client.prepare_index_params()
    if kind is PASSAGES:
        # Below "params" twice: pymilvus unpacks the first, and milvus-lite reads the second alone.
        graph, weights = {"M": 16, "efConstruction": 200}, {"bm25_k1": K1, "bm25_b": B}
        params.add_index("vector", index_type="HNSW", metric_type="IP", params={"params": graph})
        params.add_index(
            "sparse",
            index_type="SPARSE_INVERTED_INDEX",
            metric_type="BM25",
            params={"params": weights},
        )
        params.add_index("article", index_type="INVERTED")
    else:
        params.add_index("vector", index_type="FLAT", metric_type="IP")
    if kind is ARTICLES:
        params.add_index("lot", index_type="INVERTED")
    return params
