"""What answers when ``CURRENT`` names no generation: the newest whole one, for reading only."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from qasearch.errors import IndexDamagedError, IndexStoreError
from qasearch.index.current import CURRENT_FILE, Current, generation_names
from qasearch.index.files import Files
from qasearch.index.folder import GenerationFolder
from qasearch.index.generation import Generation
from qasearch.index.manifest import GENERATION_NAME

_log = logging.getLogger(__name__)


def open_for_reading(
    index_path: Path,
    *,
    name: str | None = None,
    embedder_name: str | None = None,
    fingerprint: str | None = None,
    splitter_version: str | None = None,
    beside: Callable[[], object] | None = None,
    files: Files | None = None,
) -> Generation:
    """Open the generation that answers, as ``Generation.open``; at need, the newest whole one.

    That is where ``CURRENT`` is garbage, or names what is not there. It is told as a warning, each
    time. A generation with a damaged file is refused: then it is known which one should answer.
    """
    files = files or Files()

    def open_generation(current: Current | None = None) -> Generation:
        return Generation.open(
            index_path,
            name=name,
            embedder_name=embedder_name,
            fingerprint=fingerprint,
            splitter_version=splitter_version,
            current=(lambda: current) if current else None,
            beside=beside,
            files=files,
        )

    try:
        return open_generation()
    except IndexDamagedError as error:
        if error.file != CURRENT_FILE and not GENERATION_NAME.fullmatch(error.file):
            raise
        for current in _whole_generations(index_path, files):
            generation = open_generation(current)
            _log.warning("%s Answers come from %s. %s", error, generation.name, error.hint)
            return generation
        raise


def _whole_generations(index_path: Path, files: Files) -> Iterator[Current]:
    """The generations that can be opened, newest first."""
    for name in reversed(generation_names(index_path, files)):
        folder = GenerationFolder(index_path, name, files)
        with suppress(IndexStoreError):
            Generation(folder, folder.manifest()).close()
            yield Current(name, sha256(folder.manifest_bytes()).hexdigest())
