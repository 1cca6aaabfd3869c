"""Markdown files: with front matter, or as they come."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

from qasearch.errors import ArticleError
from qasearch.ingest import fences
from qasearch.ingest.fields import FRONT_MATTER_KEYS, Record, Scalar, Value, is_blank

_OPENING: Final = re.compile(r"---[ \t]*\n")
_CLOSING: Final = re.compile(r"\n---[ \t]*(?=\n|\Z)")
_TITLE: Final = re.compile(r" {0,3}#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")


def markdown_record(text: str, path: str, warn: Callable[[int, str], None]) -> Record:
    """Read one Markdown file.

    Front matter stands between a first line ``---`` and the next line ``---``. The answer is its
    ``answer``; without that key, the text below. Without front matter the question is the first
    heading ``# ...``, or else the name of the file, and the answer is the rest.

    Args:
        text: of the whole file; only LF ends a line.
        path: name of the file, for errors and for an id.
        warn: told (line, what) of what is read otherwise than its author may think.

    Raises:
        ArticleError: the front matter is not closed, or cannot be read.
    """
    opening = _OPENING.match(text)
    values = _with_front_matter(text, opening.end(), path, warn) if opening else _plain(text, path)
    fallback_id = str(PurePosixPath(path).with_suffix(""))
    return Record(values, FRONT_MATTER_KEYS, path, line=1, fallback_id=fallback_id)


def _with_front_matter(
    text: str, start: int, path: str, warn: Callable[[int, str], None]
) -> Mapping[str, Value]:
    from qasearch.ingest import frontmatter

    closing = _CLOSING.search(text, start - 1)
    if closing is None:
        raise ArticleError(
            path,
            1,
            "the front matter that opens here is never closed",
            kind="unclosed-front-matter",
            hint="End it with a line `---`.",
        )
    values = frontmatter.parse(text[start : closing.start() + 1], path=path, first_line=2)
    body = text[closing.end() :]
    if is_blank(body):
        return values
    line = text.count("\n", 0, closing.end()) + 1
    if "answer" in values:
        warn(line, "the answer is in the front matter; the text below it is not read")
        return values
    return {**values, "answer": Scalar(_without_blank_ends(body), line)}


def _plain(text: str, path: str) -> Mapping[str, Value]:
    lines = text.split("\n")
    at, title = _title(lines)
    if at is None:
        title = _humanised(PurePosixPath(path).stem)
    else:
        del lines[at]
    return {
        "question": Scalar(title, (at or 0) + 1),
        "answer": Scalar(_without_blank_ends("\n".join(lines)), 1),
    }


def _title(lines: list[str]) -> tuple[int | None, str]:
    """Find the first ``# ...`` that is no line of a code sample: its index and its text."""
    fence = ""
    for i, line in enumerate(lines):
        found = _TITLE.fullmatch(line)
        if found and not fence and found[1]:
            return i, found[1]
        _, fence = fences.follow(fence, line)
    return None, ""


def _humanised(stem: str) -> str:
    """``how-are-missions_paid`` as ``How are missions paid``."""
    words = re.sub(r"[-_\s]+", " ", stem).strip()
    return words[:1].upper() + words[1:]


def _without_blank_ends(text: str) -> str:
    """Drop blank lines before and white space behind; the first line keeps its indent."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()
