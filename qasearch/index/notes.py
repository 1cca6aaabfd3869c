"""What the last build noted of the files it read, so that the next need not open them again.

A throw-away file in the cache: deleting it costs time, never an answer.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast

from qasearch.index.files import Files, NewFile, writing

NOTES_FILE = Path("cache") / "files.json"

_MOST_BYTES = 1 << 30


def read_notes(index_path: Path, files: Files | None = None) -> dict[str, tuple[str, str]]:
    """The notes by path of the file: its signature and its sha256; {} if there are none."""
    files = files or Files()
    try:
        notes: object = json.loads(files.read(index_path / NOTES_FILE, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(notes, dict):
        return {}
    return {
        path: (note[0], note[1])
        for path, note in cast(dict[str, object], notes).items()
        if isinstance(note, list) and [*map(type, cast(list[object], note))] == [str, str]
    }


def write_notes(
    index_path: Path, notes: Mapping[str, tuple[str, str]], files: Files | None = None
) -> None:
    """Replace the notes; readers of the file see the old ones or the new ones.

    Raises:
        IndexWriteError: no space, or an I/O error.
    """
    files = files or Files()
    path = index_path / NOTES_FILE
    tmp = path.with_suffix(".tmp")
    with writing(path):
        files.ensure_folder(path.parent)
        with suppress(FileNotFoundError):
            files.unlink(tmp)
        with NewFile(files, tmp) as new:
            new.write(json.dumps(notes).encode("utf-8", "surrogatepass"))
            new.seal()
        files.replace(tmp, path)
