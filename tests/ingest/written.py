"""Files that tests write, as the reader gets them."""

from pathlib import Path

from qasearch.ingest.files import SourceFile

ARTICLE = """\
---
id: 7
question: >-
    How do bees find their way home?
answer: >-
    They use three things:\\n\\n1. **The sun**: as a compass.\\n2. **Landmarks**: near the hive.
subject: Biology
date: 2024-05-06
url: /bees/home
---

&nbsp;"""
"""One article as an export writes it."""


def write(folder: Path, name: str, content: str | bytes) -> SourceFile:
    """Write a file, whose name may hold folders, and describe it as ``find_files`` would."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    status = path.stat()
    return SourceFile(path, name, status.st_size, status.st_mtime_ns, status.st_ino)
