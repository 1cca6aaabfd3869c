"""Milvus: four collections for each generation, and an alias that names the one that answers.

``NAME_7`` holds the passages of generation 7, ``NAME_7_articles`` its articles, ``NAME_7_terms``
how many passages have each term, ``NAME_7_about`` what is noted of it; the alias ``NAME`` points at
``NAME_7``. Words are stemmed by us, so that Milvus has nothing to do but to weigh them.
milvus-lite, within this process, takes the same calls.
"""

# pymilvus has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import base64
import logging
import re
import weakref
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from qasearch.errors import ExtraMissingError, StoreError
from qasearch.protocols import Rows, Scores, Vectors, in_batches
from qasearch.records import Condition
from qasearch.stores.address import Address
from qasearch.stores.engine import PASSAGE_BITS, ArticleRow, Kept, Parts
from qasearch.stores.filters import milvus_filter
from qasearch.stores.milvusschema import (
    ABOUT,
    ARTICLES,
    NO_VECTOR,
    PASSAGES,
    TERMS,
    Collection,
    index_params,
    schema,
)
from qasearch.stores.rows import lot_number

_SECONDS = 10
"""To wait for a server that does not answer."""
_PART: Final = 65_000
"""Characters of a text that Milvus takes at once: 65,535, less some."""
_ROWS_AT_ONCE = 1_000
_WORDS_AT_ONCE = 8_000
"""Rows read for their words alone, which are short: milvus-lite sorts all rows for each lot."""
_BYTES_AT_ONCE = 8_000_000
"""Milvus takes messages up to 64 MB."""
_MOST_HITS: Final = 16_384
"""Hits of a search, and rows of a query, that Milvus gives at most."""
_SEARCH_WIDTH: Final = 400
"""Neighbours that the graph keeps in sight: more find more, and take longer."""
_LISTED = ["key", "id", "digest", "labels"]


class Milvus:
    """An engine on a Milvus server, or on milvus-lite.

    Attributes:
        url: its address, without a password.

    Raises:
        ExtraMissingError: pymilvus, or milvus-lite for a file, is not installed.
        StoreError: nobody answers there, or a file is open in another process.
    """

    def __init__(self, address: Address) -> None:
        self.url = address.shown
        self._name = address.name
        self._client: Any = _connect(address)  # half of its types are wrong
        self._let_go = weakref.finalize(self, self._client.close)
        self._loaded: set[str] = set()

    def published(self) -> int | None:
        """The number of the generation that answers; None before the first."""
        with self._asking():
            if self._name not in self._client.list_aliases().get("aliases", []):
                return None
            target: str = self._client.describe_alias(self._name)["collection_name"]
        return int(target.rpartition("_")[2])

    def numbers(self) -> list[int]:
        """The numbers of all generations that lie there, complete or not, ascending."""
        ours = re.compile(rf"{re.escape(self._name)}_(\d+)(?:_[a-z]+)?")
        with self._asking():
            names: list[str] = self._client.list_collections()
        return sorted({int(match[1]) for name in names if (match := ours.fullmatch(name))})

    def create(self, number: int, dim: int) -> None:
        """Make an empty generation."""
        for kind in (PASSAGES, ARTICLES, ABOUT):
            self._make(number, kind, dim)

    def carry(self, source: int, target: int) -> None:
        """Copy all rows of a generation to another, empty one; they pass through this process."""
        for kind in (PASSAGES, ARTICLES):
            fields = [name for name in kind.fields if name != "sparse"]
            for rows in self._iterate(source, kind, fields):
                self._insert(target, kind, rows)

    def drop(self, number: int) -> None:
        """Remove a generation; first what tells that it is one."""
        for kind in (ABOUT, TERMS, ARTICLES, PASSAGES):
            self._remove(number, kind)

    def about(self, number: int) -> str:
        """What ``set_about`` noted last of a generation; empty if nothing."""
        name = self._collection(number, ABOUT)
        with self._asking():
            if not self._client.has_collection(name):
                return ""
        found = self._query(number, ABOUT, "key == 0", ["text"])
        return base64.b64decode("".join(found[0]["text"])).decode() if found else ""

    def set_about(self, number: int, text: str) -> None:
        """Note something of a generation."""
        row = {"key": 0, "text": _parts(text.encode()), "vector": NO_VECTOR}
        with self._asking():
            self._client.upsert(self._collection(number, ABOUT), [row])

    def insert(self, number: int, articles: Sequence[ArticleRow]) -> None:
        """Add articles; their passages first, so that an article that is there is whole."""
        passages = (row for article in articles for row in _passage_rows(article))
        for rows in _portions(passages):
            self._insert(number, PASSAGES, rows)
        for rows in _portions(map(_article_row, articles)):
            self._insert(number, ARTICLES, rows)

    def delete(self, number: int, rows: Sequence[int]) -> None:
        """Remove articles with their passages, by row."""
        for batch in in_batches(rows, _ROWS_AT_ONCE):
            self._delete(number, PASSAGES, f"article in {batch}")
            self._delete(number, ARTICLES, f"key in {batch}")

    def delete_from(self, number: int, first: int) -> None:
        """Remove the articles from a row on, with their passages."""
        self._delete(number, PASSAGES, f"article >= {first}")
        self._delete(number, ARTICLES, f"key >= {first}")

    def finish(self, number: int) -> None:
        """Count the passages of each term, and bring all rows to where they are indexed."""
        self._remove(number, TERMS)  # of a publication that failed
        self._make(number, TERMS)
        for rows in in_batches(self._term_rows(number), _ROWS_AT_ONCE):
            self._insert(number, TERMS, rows)
        for kind in (PASSAGES, ARTICLES, TERMS, ABOUT):
            with self._asking():
                self._client.flush(self._collection(number, kind))

    def switch(self, number: int) -> None:
        """Let a generation answer: the alias is moved, which Milvus does at one stroke."""
        first = self.published() is None
        point = self._client.create_alias if first else self._client.alter_alias
        with self._asking():
            point(self._collection(number, PASSAGES), self._name)

    def find(self, number: int, ids: Sequence[str]) -> list[Kept]:
        """Those of some articles that are there; looked up by lot, which needs no quoting."""
        wanted = set(ids)
        found: list[Kept] = []
        for batch in in_batches(ids, _ROWS_AT_ONCE):
            lots = sorted({lot_number(id) for id in batch})
            rows = self._query(number, ARTICLES, f"lot in {lots}", _LISTED)
            found += [_kept(row) for row in rows if row["id"] in wanted]
        return found

    def all(self, number: int) -> Iterator[Kept]:
        """All articles, in any order."""
        for rows in self._iterate(number, ARTICLES, _LISTED):
            yield from map(_kept, rows)

    def counts(self, number: int) -> tuple[int, int]:
        """How many articles and passages there are, counted anew."""
        articles, passages = (
            self._query(number, kind, "", ["count(*)"])[0]["count(*)"]
            for kind in (ARTICLES, PASSAGES)
        )
        return articles, passages

    def near(
        self,
        number: int,
        vector: Vectors,
        k: int,
        where: Sequence[Condition],
        *,
        by_article: bool = False,
    ) -> tuple[Scores, Rows]:
        """The nearest passages, best first: cosines, and rows."""
        width = {"ef": max(_SEARCH_WIDTH, min(2 * k, _MOST_HITS))}
        return self._search(number, "vector", vector[0].tolist(), k, where, by_article, width)

    def near_questions(self, number: int, vector: Vectors, k: int) -> Rows:
        """The articles whose questions are nearest, best first: rows."""
        with self._asking():
            (hits,) = self._client.search(
                self._ready(number, ARTICLES), data=vector.tolist(), limit=min(k, _MOST_HITS)
            )
        return np.array([hit["key"] for hit in hits], dtype=np.int64)

    def worded(
        self,
        number: int,
        terms: Sequence[str],
        k: int,
        where: Sequence[Condition],
        *,
        by_article: bool = False,
    ) -> tuple[Scores, Rows]:
        """The passages that say most of some terms, best first: BM25, and rows."""
        if not terms:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        scores, rows = self._search(number, "sparse", " ".join(terms), k, where, by_article, {})
        # milvus-lite gives BM25 its sign turned, as if it were a distance.
        return np.abs(scores), rows

    def passage_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of passages, by row."""
        return {
            row["key"]: Parts(_vector(row["vector"]), _joined(row["codes"]))
            for row in self._by_key(number, PASSAGES, rows, ["vector", "codes"])
        }

    def article_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of questions, by row."""
        return {
            row["key"]: Parts(_vector(row["vector"]), _joined(row["codes"]), row["passages"])
            for row in self._by_key(number, ARTICLES, rows, ["vector", "codes", "passages"])
        }

    def records(self, number: int, rows: Sequence[int]) -> dict[int, bytes]:
        """Articles as they were packed, by row."""
        return {
            row["key"]: _joined(row["record"])
            for row in self._by_key(number, ARTICLES, rows, ["record"])
        }

    def frequencies(self, number: int, terms: Sequence[str]) -> list[int]:
        """In how many passages each term is, as it was counted when they were published."""
        keys = [lot_number(term) for term in terms]
        rows = self._by_key(number, TERMS, keys, ["passages"])
        found = {row["key"]: row["passages"] for row in rows}
        return [found.get(key, 0) for key in keys]

    def sample(self, number: int, most: int) -> list[int]:
        """Rows of the articles of the lowest lots, ascending by lot.

        Milvus cannot sort, so twice as many are asked for as should lie below a bound.
        """
        articles, _ = self.counts(number)
        share = min(1.0, 2 * (most + 16) / max(1, articles))
        bound = int(share * ((1 << 63) - 1))
        found = self._query(number, ARTICLES, f"lot <= {bound}", ["key", "lot"])
        return [row["key"] for row in sorted(found, key=lambda row: row["lot"])[:most]]

    def bytes(self, number: int) -> int:
        """Milvus does not tell its size."""
        return 0

    def close(self) -> None:
        """Let go of the connection."""
        self._let_go()

    def _make(self, number: int, kind: Collection, dim: int = 0) -> None:
        with self._asking():
            self._client.create_collection(
                self._collection(number, kind),
                schema=schema(kind, dim),
                index_params=index_params(self._client, kind),
                consistency_level="Strong",
            )

    def _remove(self, number: int, kind: Collection) -> None:
        name = self._collection(number, kind)
        with self._asking():
            if self._client.has_collection(name):
                self._client.drop_collection(name)
        self._loaded.discard(name)

    def _term_rows(self, number: int) -> Iterator[dict[str, Any]]:
        """Of each term of the passages the row that says how many have it.

        Milvus can count them too, but milvus-lite reads all passages for each term.
        """
        passages = Counter[str]()
        for rows in self._iterate(number, PASSAGES, ["words"], _WORDS_AT_ONCE):
            for row in rows:
                passages.update(set(row["words"].split()))
        for term, count in passages.items():
            yield {"key": lot_number(term), "passages": count, "vector": NO_VECTOR}

    def _collection(self, number: int, kind: Collection) -> str:
        return f"{self._name}_{number}{kind.suffix}"

    def _ready(self, number: int, kind: Collection) -> str:
        """The name of a collection that can be asked: Milvus opens them unloaded."""
        name = self._collection(number, kind)
        if name not in self._loaded:
            self._client.load_collection(name)
            self._loaded.add(name)
        return name

    def _insert(self, number: int, kind: Collection, rows: list[dict[str, Any]]) -> None:
        if rows:
            with self._asking():
                self._client.insert(self._collection(number, kind), rows)

    def _delete(self, number: int, kind: Collection, condition: str) -> None:
        with self._asking():
            self._client.delete(self._ready(number, kind), filter=condition)

    def _query(
        self, number: int, kind: Collection, condition: str, fields: list[str]
    ) -> list[dict[str, Any]]:
        with self._asking():
            name = self._ready(number, kind)
            return list(self._client.query(name, filter=condition, output_fields=fields))

    def _by_key(
        self, number: int, kind: Collection, rows: Sequence[int], fields: list[str]
    ) -> Iterator[dict[str, Any]]:
        for batch in in_batches(rows, _ROWS_AT_ONCE):
            yield from self._query(number, kind, f"key in {batch}", ["key", *fields])

    def _iterate(
        self, number: int, kind: Collection, fields: list[str], at_once: int = _ROWS_AT_ONCE
    ) -> Iterator[list[dict[str, Any]]]:
        """All rows of a collection, some at a time."""
        with self._asking():
            name = self._ready(number, kind)
            rows = self._client.query_iterator(
                name, batch_size=at_once, filter="key >= 0", output_fields=fields
            )
        try:
            while True:
                with self._asking():
                    batch = rows.next()
                if not batch:
                    break
                yield [{name: row[name] for name in fields} for row in batch]
        finally:
            rows.close()

    def _search(
        self,
        number: int,
        field: str,
        wanted: object,
        k: int,
        where: Sequence[Condition],
        by_article: bool,
        params: dict[str, Any],
    ) -> tuple[Scores, Rows]:
        grouped: dict[str, Any] = {"group_by_field": "article"} if by_article else {}
        with self._asking():
            (hits,) = self._client.search(
                self._ready(number, PASSAGES),
                data=[wanted],
                anns_field=field,
                limit=min(k, _MOST_HITS),
                filter=milvus_filter(where),
                search_params={"params": params},
                output_fields=["article"],
                **grouped,
            )
        scores = np.array([hit["distance"] for hit in hits], dtype=np.float32)
        return scores, np.array([hit["key"] for hit in hits], dtype=np.int64)

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Name what Milvus refuses, or that it does not answer, as the store's own error."""
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, RpcError) as error:
            raise StoreError(
                self.url,
                f"{self.url} did not do what was asked: {_reason(error)}",
                hint="See whether the server runs and has room; then do it again.",
            ) from error


def _connect(address: Address) -> Any:
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError as error:
        raise ExtraMissingError(address.shown, "milvus", "pymilvus") from error
    local = "://" not in address.uri
    if local:
        _check_lite(address)
    # It writes each error to stderr with its traceback; ours says what it says.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    try:
        return MilvusClient(address.uri, token=address.token, timeout=_SECONDS)
    except (MilvusException, ValueError, OSError) as error:
        hint = (
            "One process at a time can open it. For several, serve its folder by "
            "`milvus-lite server --data-dir FOLDER` and use milvus://localhost:19530/NAME."
            if local
            else "See whether the server runs there, and whether the network lets you through."
        )
        raise StoreError(
            address.shown, f"Cannot open {address.shown}: {_reason(error)}", hint=hint
        ) from error


def _check_lite(address: Address) -> None:
    from importlib.util import find_spec

    if find_spec("milvus_lite") is None:
        raise ExtraMissingError(address.shown, "milvus", "milvus-lite")
    folder = Path(address.uri).parent
    if not folder.is_dir():
        raise StoreError(
            address.shown,
            f"Cannot open {address.shown}: there is no folder {folder}.",
            hint="Make it, or mend the path.",
        )


def _reason(error: Exception) -> str:
    """The first line of what Milvus says."""
    message = str(getattr(error, "message", "")) or str(error) or type(error).__name__
    return message.splitlines()[0].rstrip(".") + "."


def _passage_rows(article: ArticleRow) -> Iterator[dict[str, Any]]:
    for passage in article.passages:
        yield {
            "key": passage.row,
            "article": passage.row >> PASSAGE_BITS,
            "day": article.day,
            "subjects": _subject_numbers(article.subjects),
            "vector": passage.vector.tolist(),
            "codes": _parts(passage.codes),
            "words": passage.words,
        }


def _article_row(article: ArticleRow) -> dict[str, Any]:
    return {
        "key": article.row,
        "id": article.id,
        "digest": article.digest,
        "lot": article.lot,
        "passages": len(article.passages),
        "labels": _parts("\n".join(article.labels).encode()),
        "vector": article.question.tolist(),
        "codes": _parts(article.codes),
        "record": _parts(article.record),
    }


def _subject_numbers(subjects: Iterable[str]) -> list[int]:
    return [lot_number(subject) for subject in subjects]


def _kept(row: dict[str, Any]) -> Kept:
    labels = tuple(_joined(row["labels"]).decode().split("\n"))
    return Kept(row["key"], row["id"], row["digest"], tuple(filter(None, labels)))


def _parts(data: bytes) -> list[str]:
    """Bytes, which Milvus has no field for, as texts that it takes."""
    text = base64.b64encode(data).decode("ascii")
    return [text[start : start + _PART] for start in range(0, len(text), _PART)]


def _joined(parts: Iterable[str]) -> bytes:
    return base64.b64decode("".join(parts))


def _vector(numbers: Sequence[float]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.array(numbers, dtype=np.float32)


def _portions(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in lists that fit a message of Milvus."""
    portion: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += 4 * len(row["vector"]) + sum(
            len(t) for t in (*row["codes"], *row.get("record", ()))
        )
        size += len(row.get("words", ""))
        if len(portion) >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    yield portion
