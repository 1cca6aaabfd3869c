"""Which files a generation was read from: one line of JSON for each, in order of name."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qasearch.index.files import FileDigest, Files, NewFile
from qasearch.records import Refusal, Source


def write_sources(files: Files, path: Path, sources: Iterable[Source]) -> FileDigest:
    """Write the sources to a new file; equal sources give equal bytes.

    Raises:
        IndexWriteError: no space, or an I/O error.
    """
    lines = [json.dumps(_fields(source), ensure_ascii=False) for source in sources]
    with NewFile(files, path) as new:
        new.write("".join(f"{line}\n" for line in lines).encode())
        return new.seal()


def parse_sources(data: bytes) -> list[Source]:
    """Read back what ``write_sources`` wrote; its hash was checked.

    Raises:
        ValueError: it is something else all the same; the message says what.
    """
    try:
        # Not splitlines, which takes more than a line feed for the end of a line.
        return [_source(json.loads(line)) for line in data.decode().split("\n") if line]
    except (KeyError, TypeError) as error:
        raise ValueError(f"a source without {error}") from error


def _fields(source: Source) -> dict[str, Any]:
    # As ``asdict`` gives them, which takes ten times as long.
    fields = {name: getattr(source, name) for name in Source.__slots__}
    return {**fields, "refused": [asdict(refusal) for refusal in source.refused]}


def _source(fields: dict[str, Any]) -> Source:
    return Source(
        name=fields["name"],
        sha256=fields["sha256"],
        include_no_index=fields["include_no_index"],
        article_ids=tuple(fields["article_ids"]),
        stale_ids=tuple(fields["stale_ids"]),
        refused=tuple(Refusal(**refusal) for refusal in fields["refused"]),
        skipped=fields["skipped"],
    )
