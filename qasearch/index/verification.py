"""All of an index, hashed: what opening it leaves out too."""

from pathlib import Path

from qasearch.errors import (
    IndexNotFoundError,
    IndexStoreError,
)
from qasearch.index.current import read_current
from qasearch.index.files import Files
from qasearch.index.folder import GenerationFolder
from qasearch.index.generation import Generation
from qasearch.index.manifest import (
    DATA_FILES,
    MANIFEST_FILE,
)


def verify(index_path: Path, *, files: Files | None = None) -> list[IndexStoreError]:
    """Hash every file of the generation that answers, and tell all that is wrong.

    Returns:
        One error for each fault; empty when the index is whole.

    Raises:
        IndexNotFoundError: there is none.
    """
    files = files or Files()
    faults: list[IndexStoreError] = []
    try:
        current = read_current(index_path, files)
        folder = GenerationFolder(index_path, current.name, files)
        manifest = folder.manifest(current.manifest_sha256)
    except IndexNotFoundError:
        raise
    except IndexStoreError as error:
        return [error]
    for file, digest in manifest.files.items():
        try:
            folder.check(file, digest)
        except IndexStoreError as error:
            faults.append(error)
    faults += [
        folder.damaged(name, "nothing", "a file that the manifest does not name")
        for name in files.folder_names(folder.path)
        if name not in (MANIFEST_FILE, *DATA_FILES)
    ]
    if not faults:
        try:
            Generation(folder, manifest).close()
        except IndexStoreError as error:
            faults.append(error)
    return faults
