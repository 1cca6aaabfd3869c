"""What is asked of Milvus: the collections of each generation, and the alias that names one.

Whatever Milvus refuses is a ``StoreError`` here.
"""

# pymilvus has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import logging
import re
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from qasearch.errors import ExtraMissingError, StoreError
from qasearch.protocols import in_batches
from qasearch.stores.address import Address
from qasearch.stores.milvusschema import Collection, index_params, schema

ROWS_AT_ONCE: Final = 1_000
"""Of a message: some MB, of the 64 that Milvus takes."""
MOST_HITS: Final = 16_384
"""Hits of a search, and rows of a query, that Milvus gives at most."""
_SECONDS = 10
"""To wait for a server that does not answer."""


class Collections:
    """The collections of a store.

    Attributes:
        url: its address, without a password.
        close: lets go of the connection.

    Raises:
        ExtraMissingError: pymilvus, or milvus-lite for a file, is not installed.
        StoreError: nobody answers there, or a file is open in another process.
    """

    def __init__(self, address: Address) -> None:
        self.url = address.shown
        self._name = address.name
        self._client: Any = _connect(address)  # half of its types are wrong
        self.close = weakref.finalize(self, self._client.close)
        self._loaded: set[str] = set()

    def pointed_at(self) -> int | None:
        """The number of the generation that the alias names; None before the first."""
        with self._asking():
            if self._name not in self._client.list_aliases().get("aliases", []):
                return None
            target: str = self._client.describe_alias(self._name)["collection_name"]
        return int(target.rpartition("_")[2])

    def point_at(self, number: int, kind: Collection) -> None:
        """Let the alias name another generation, which Milvus does at one stroke."""
        first = self.pointed_at() is None
        point = self._client.create_alias if first else self._client.alter_alias
        with self._asking():
            point(self._named(number, kind), self._name)

    def numbers(self) -> list[int]:
        """The numbers of all generations that have a collection, ascending."""
        ours = re.compile(rf"{re.escape(self._name)}_(\d+)(?:_[a-z]+)?")
        with self._asking():
            names: list[str] = self._client.list_collections()
        return sorted({int(match[1]) for name in names if (match := ours.fullmatch(name))})

    def make(self, number: int, kind: Collection, dim: int = 0) -> None:
        """Make an empty collection."""
        with self._asking():
            self._client.create_collection(
                self._named(number, kind),
                schema=schema(kind, dim),
                index_params=index_params(self._client, kind),
                consistency_level="Strong",
            )

    def remove(self, number: int, kind: Collection) -> None:
        """Remove a collection, if it is there."""
        name = self._named(number, kind)
        with self._asking():
            if self._client.has_collection(name):
                self._client.drop_collection(name)
        self._loaded.discard(name)

    def exists(self, number: int, kind: Collection) -> bool:
        """Whether there is such a collection."""
        with self._asking():
            return bool(self._client.has_collection(self._named(number, kind)))

    def insert(self, number: int, kind: Collection, rows: list[dict[str, Any]]) -> None:
        """Add rows whose keys are not there."""
        if rows:
            with self._asking():
                self._client.insert(self._named(number, kind), rows)

    def upsert(self, number: int, kind: Collection, row: dict[str, Any]) -> None:
        """Add a row, or replace the one with its key."""
        with self._asking():
            self._client.upsert(self._named(number, kind), [row])

    def delete(self, number: int, kind: Collection, condition: str) -> None:
        """Remove the rows that meet a condition."""
        with self._asking():
            self._client.delete(self._ready(number, kind), filter=condition)

    def flush(self, number: int, kind: Collection) -> None:
        """Bring all rows to where they are indexed."""
        with self._asking():
            self._client.flush(self._named(number, kind))

    def count(self, number: int, kind: Collection) -> int:
        """How many rows there are, counted anew."""
        return self.query(number, kind, "", ["count(*)"])[0]["count(*)"]

    def query(
        self, number: int, kind: Collection, condition: str, fields: list[str]
    ) -> list[dict[str, Any]]:
        """The rows that meet a condition."""
        with self._asking():
            name = self._ready(number, kind)
            return list(self._client.query(name, filter=condition, output_fields=fields))

    def by_key(
        self, number: int, kind: Collection, keys: Sequence[int], fields: list[str]
    ) -> Iterator[dict[str, Any]]:
        """The rows with some keys, in any order."""
        for batch in in_batches(keys, ROWS_AT_ONCE):
            yield from self.query(number, kind, f"key in {batch}", ["key", *fields])

    def iterate(
        self, number: int, kind: Collection, fields: list[str], at_once: int = ROWS_AT_ONCE
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

    def search(
        self, number: int, kind: Collection, field: str, wanted: object, k: int, **options: Any
    ) -> list[dict[str, Any]]:
        """The hits of a search in a field, best first: ``key`` and ``distance`` of each."""
        with self._asking():
            (hits,) = self._client.search(
                self._ready(number, kind),
                data=[wanted],
                anns_field=field,
                limit=min(k, MOST_HITS),
                **options,
            )
        return hits

    def _named(self, number: int, kind: Collection) -> str:
        return f"{self._name}_{number}{kind.suffix}"

    def _ready(self, number: int, kind: Collection) -> str:
        """The name of a collection that can be asked: Milvus opens them unloaded."""
        name = self._named(number, kind)
        if name not in self._loaded:
            self._client.load_collection(name)
            self._loaded.add(name)
        return name

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
