"""Files that tests write, as the reader gets them."""

from dataclasses import replace
from pathlib import Path

from qasearch.errors import ArticleError
from qasearch.ingest.files import SourceFile, find_files

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


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file, whose name may hold folders."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def source(folder: Path, name: str, content: str | bytes) -> SourceFile:
    """Write a file, and have it found under that name."""
    (found,) = find_files([write(folder, name, content)], on_error=_raise)
    return replace(found, name=name)


def _raise(error: ArticleError) -> None:
    raise error
