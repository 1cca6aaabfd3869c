"""What can go wrong, in one tree.

QASearchError
├── ArticleError            a file is not a readable article
├── NoArticlesError         nothing to index where the caller pointed
├── BuildRefusedError       a build stopped before it committed what the caller ruled out
├── IndexStoreError
│   ├── IndexNotFoundError  no index there
│   ├── IndexDamagedError   a file of the index is not what its manifest says
│   ├── IndexMismatchError  built by another model, splitter or format
│   ├── IndexLockedError    another process is building
│   └── IndexWriteError     no space, or an I/O error
├── StoreError              an engine behind --store cannot be reached, or refused what was asked
│   └── ExtraMissingError   the packages that it needs are not installed
├── ClusterError            the machines that were to share the work cannot, or were lost
└── EmbedderError           the model is missing, or not the one it claims to be

A caller's slip (``k=0``, a blank query, a wrong shape) is a ``ValueError``, never one of these.
Every error says what, where and what to do next: ``str(error)`` is the message, ``error.hint`` the
next step, ``error.code`` a stable word for programs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from qasearch.records import Refusal


class QASearchError(Exception):
    """Base of every error that qasearch raises on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """As pickle takes it from another process: whole, whatever ``__init__`` asks for."""
        return self.__class__.__new__, (self.__class__, *self.args), self.__dict__


class ArticleError(QASearchError):
    """A file, or one line of it, is not a readable article.

    Attributes:
        path: the file as the reader named it, posix style.
        line: 1-based line in that file, or None when the fault has no line.
        reason: what is wrong, without the place.
        kind: a stable word for the fault (``not-utf8``, ``yaml``, ``unclosed-front-matter``, ...).
    """

    code = "article"

    def __init__(
        self, path: str, line: int | None, reason: str, *, kind: str = "article", hint: str = ""
    ) -> None:
        place = path if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {reason} [{kind}]", hint=hint)
        self.path = path
        self.line = line
        self.reason = reason
        self.kind = kind


class NoArticlesError(QASearchError):
    """There is nothing to index where the caller pointed."""

    code = "no_articles"


class BuildRefusedError(QASearchError):
    """A build stopped before it committed what the caller ruled out; the old index answers on.

    Attributes:
        refused: what could not be read, when that is the reason.
    """

    code = "build_refused"

    def __init__(self, message: str, *, refused: Sequence[Refusal] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.refused = tuple(refused)


class IndexStoreError(QASearchError):
    """Something about the index at ``path``: a folder, or the address of a store."""

    code = "index"

    def __init__(self, path: Path | str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class IndexNotFoundError(IndexStoreError):
    """No index lies at ``path``."""

    code = "index_not_found"

    def __init__(self, path: Path) -> None:
        hint = f"Build one with `qasearch build PATH -i {path}`."
        if path.is_file():
            hint = "That is a file, and an index is a folder: name another place."
        super().__init__(path, f"There is no index in {path}.", hint=hint)


class IndexDamagedError(IndexStoreError):
    """A file of the index is not what its manifest says."""

    code = "index_damaged"

    def __init__(
        self, path: Path | str, file: str, expected: str, found: str, *, hint: str = ""
    ) -> None:
        place = path / file if isinstance(path, Path) else f"{path}: {file}"
        super().__init__(
            path,
            f"{place} is damaged: expected {expected}, found {found}.",
            hint=hint
            or f"Build it anew with `qasearch build PATH --rebuild -i {path}`, or let the newest "
            f"whole generation answer with `qasearch rollback -i {path}`.",
        )
        self.file = file
        self.expected = expected
        self.found = found


class IndexMismatchError(IndexStoreError):
    """The index was built by another model, dimension, splitter or format than asked for."""

    code = "index_mismatch"

    def __init__(
        self, path: Path | str, field: str, expected: str, found: str, *, hint: str = ""
    ) -> None:
        super().__init__(
            path,
            f"{path} was built with {field} {found}, not {expected}.",
            hint=hint or f"Rebuild it with `qasearch build PATH --rebuild -i {path}`.",
        )
        self.field = field
        self.expected = expected
        self.found = found


class IndexLockedError(IndexStoreError):
    """Another process is building this index."""

    code = "index_locked"

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            path,
            f"{path} is being built by {holder}.",
            hint="Wait for it to end, or pass --wait SECONDS.",
        )
        self.holder = holder


class IndexWriteError(IndexStoreError):
    """The index could not be written: no space left, no permission, or an I/O error."""

    code = "index_write"

    def __init__(self, path: Path, cause: OSError, *, hint: str = "") -> None:
        super().__init__(
            path,
            f"Cannot write {path}: {cause.strerror or cause}.",
            hint=hint or _what_to_mend(cause),
        )
        self.cause = cause


def _what_to_mend(cause: OSError) -> str:
    if isinstance(cause, FileExistsError | NotADirectoryError):
        return "A file is there, and an index is a folder: name another place."
    return (
        "Free some space or mend the folder's permissions, then build again: "
        "what was embedded is kept, and the index that was there still answers."
    )


class ClusterError(QASearchError):
    """The machines at ``address`` that were to share the work cannot be reached, or were lost."""

    code = "cluster"

    def __init__(self, address: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"The cluster at {address}: {reason}", hint=hint)
        self.address = address
        self.reason = reason


class StoreError(QASearchError):
    """The engine of a store cannot be reached, or refused what was asked of it.

    Attributes:
        store: its address, without a password.
    """

    code = "store"

    def __init__(self, store: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.store = store


class ExtraMissingError(StoreError):
    """The packages that a store needs are not installed."""

    code = "extra_missing"

    def __init__(self, store: str, extra: str, package: str) -> None:
        super().__init__(
            store,
            f"{store} needs the package {package}, which is not installed.",
            hint=f"Install it with `pip install 'qasearch[{extra}]'`.",
        )
        self.extra = extra


class EmbedderError(QASearchError):
    """The embedder ``name`` cannot be loaded, or its files are not the ones it claims."""

    code = "embedder"

    def __init__(self, name: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"Embedder {name}: {reason}", hint=hint)
        self.name = name
        self.reason = reason
