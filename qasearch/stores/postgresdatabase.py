"""What is asked of PostgreSQL: statements, with the names of a store's schemas put into them.

Whatever PostgreSQL refuses is a ``StoreError`` here.
"""

import os
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from qasearch.errors import ExtraMissingError, StoreError
from qasearch.stores.address import Address

if TYPE_CHECKING:
    from psycopg import Connection, Copy

_SEARCH_WIDTH: Final = 400
"""Neighbours that the graph keeps in sight, 1,000 at most: more find more, and take longer."""
_SECONDS = 10
"""To wait for a server that does not answer."""
_OLDEST_PGVECTOR = (0, 8)


class Database:
    """The database of a store.

    In statements ``{schema}`` stands for a generation's schema, ``{home}`` for the store's.

    Attributes:
        url: its address, without a password.
        close: lets go of the connection.

    Raises:
        ExtraMissingError: psycopg or pgvector is not installed.
        StoreError: nobody answers there, or it has no pgvector.
    """

    def __init__(self, address: Address) -> None:
        self.url = address.shown
        self._name = address.name
        self._connection = _connect(address)
        # With the last reference at the latest, as a generation on disk lets go of its files.
        self.close = weakref.finalize(self, _close, self._connection, os.getpid())
        try:
            with self._asking():
                self._register()
        except BaseException:
            self.close()
            raise

    def schema(self, number: int) -> str:
        """The name of a generation's schema."""
        return f"{self._name}_{number}"

    def run(
        self,
        statement: str,
        schema: int | None = None,
        *,
        source: str | None = None,
        dim: int | None = None,
        **parameters: object,
    ) -> None:
        """Do something.

        Args:
            statement: SQL.
            schema: number of the generation.
            source: another schema, to stand for ``{source}``.
            dim: length of the vectors, to stand for ``DIM``.
            parameters: values for the statement.
        """
        if dim is not None:
            statement = statement.replace("DIM", str(dim))
        names = {"source": source} if source else {}
        with self._asking():
            self._connection.execute(self._sql(statement, schema, **names), parameters or None)

    def rows(
        self, statement: str, schema: int | None = None, **parameters: object
    ) -> list[tuple[Any, ...]]:
        """What a statement finds."""
        with self._asking():
            query = self._sql(statement, schema)
            return self._connection.execute(query, parameters or None, binary=True).fetchall()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All that is done meanwhile is done, or nothing of it."""
        with self._asking(), self._connection.transaction():
            yield

    @contextmanager
    def copying(self, statement: str, number: int) -> Generator["Copy"]:
        """Rows to be written by a ``COPY``."""
        with (
            self._asking(),
            self._connection.cursor() as cursor,
            cursor.copy(self._sql(statement, number)) as copying,
        ):
            yield copying

    def _register(self) -> None:
        """Look for pgvector, and let its values pass as arrays of numpy."""
        from pgvector.psycopg import register_vector

        self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        ((version,),) = self.rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_PGVECTOR:
            raise StoreError(
                self.url,
                f"{self.url} has pgvector {version}; 0.8 or newer is needed.",
                hint="Update it there, and then `ALTER EXTENSION vector UPDATE`.",
            )
        register_vector(self._connection)
        # A filter may leave few of those that the graph proposes: then it goes on.
        self.run("SET hnsw.iterative_scan = strict_order")
        self.run(f"SET hnsw.ef_search = {_SEARCH_WIDTH}")

    def _sql(self, statement: str, number: int | None = None, **names: str) -> Any:
        """The statement with the names of schemas in it."""
        from psycopg import sql

        schemas = {"home": self._name, **names}
        if number is not None:
            schemas["schema"] = self.schema(number)
        identifiers = {key: sql.Identifier(name) for key, name in schemas.items()}
        return sql.SQL(statement).format(**identifiers)  # pyright: ignore[reportArgumentType]

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Name what PostgreSQL refuses, or that it does not answer, as the store's own error."""
        from psycopg import Error

        try:
            yield
        except Error as error:
            raise StoreError(
                self.url,
                f"{self.url} did not do what was asked: {_reason(error)}",
                hint="See whether the server runs, has pgvector, and lets you create schemas.",
            ) from error


def _connect(address: Address) -> "Connection[Any]":
    try:
        import pgvector  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import psycopg
    except ImportError as error:
        package = error.name or "psycopg"
        raise ExtraMissingError(address.shown, "postgres", package) from error
    try:
        return psycopg.connect(address.uri, autocommit=True, connect_timeout=_SECONDS)
    except psycopg.Error as error:
        raise StoreError(
            address.shown,
            f"Cannot open {address.shown}: {_reason(error)}",
            hint="See whether the server runs there, and whether user and password are right.",
        ) from error


def _close(connection: "Connection[Any]", process: int) -> None:
    """Close a connection, unless it is the one of a process that this was forked from."""
    if os.getpid() == process:
        connection.close()


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
