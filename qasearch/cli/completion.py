"""What a shell completes: ids, subjects and generations of the index; no model is loaded.

Completion must not disturb: an index that is missing or damaged completes nothing.
"""

import io
import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qasearch.cli.console import visible, write

if TYPE_CHECKING:
    from qasearch import Index

MOST = 100
"""Values offered at once: more is no help, and slow to show."""

_BREAKS = frozenset(["=", ">", "<", ">=", "<="])
"""The words of conditions at which bash breaks them."""

_SPECIAL = re.compile(r"[^\w@%+=:,./#-]")
"""What a shell would not take as it is."""


def article_ids(context: typer.Context, begun: str) -> list[tuple[str, str]]:
    """Ids of articles, each with its question."""
    return _offered(context, begun, lambda index: iter(index.questions()))


def passage_ids(context: typer.Context, begun: str) -> list[tuple[str, str]]:
    """Ids of articles; after ``ID#`` those of its passages, each with its title."""
    article_id, sign, _ = begun.rpartition("#")
    if not sign:
        return article_ids(context, begun)

    def passages(index: "Index") -> Iterator[tuple[str, str]]:
        for passage in index.article(article_id).passages:
            yield passage.id, passage.title or passage.text

    return _offered(context, begun, passages)


def conditions(context: typer.Context, begun: str) -> list[tuple[str, str]]:
    """Each subject as a condition, whatever the case it is begun in; and those on dates."""

    def subjects(index: "Index") -> Iterator[tuple[str, str]]:
        for name, count in index.subjects():
            condition = f"subject={name}"
            if condition.casefold().startswith(begun.casefold()):
                # The shell wants what goes on with the word as it was begun.
                yield begun + condition[len(begun) :], f"{count:,} articles"

    dates = [("date>=", "from a day on"), ("date<=", "up to a day")]
    return _offered(context, begun, subjects) + [
        each for each in dates if each[0].startswith(begun)
    ]


def generations(context: typer.Context, begun: str) -> list[tuple[str, str]]:
    """Generations of the index."""
    return _offered(
        context, begun, lambda index: ((name, "") for name in index.status().generations)
    )


def _offered(
    context: typer.Context, begun: str, values: Callable[["Index"], Iterator[tuple[str, str]]]
) -> list[tuple[str, str]]:
    from qasearch import Index, QASearchError

    try:
        with Index.open(Path(context.params.get("index") or "index"), searchable=False) as index:
            fitting = (
                (value, " ".join(visible(help).split()))
                for value, help in values(index)
                if value.startswith(begun) and value.isprintable()
            )
            return list(islice(fitting, MOST))
    except (QASearchError, LookupError, OSError):
        return []


@contextmanager
def as_bash_breaks_words() -> Generator[None]:
    """Have a request of bash answered in the words that it knows; of others, as it is.

    Bash breaks ``subject=Soc`` into three words and replaces the last, and inserts what it is given
    as it is. So the words are put together before the parser sees them, and of what it offers the
    beginning is taken away again, and blanks and signs are escaped.
    """
    if os.environ.get("_QASEARCH_COMPLETE") != "complete_bash":
        yield
        return
    given = os.environ["COMP_WORDS"].split("\n")[: int(os.environ["COMP_CWORD"]) + 1]
    words, kept = _joined(given)
    os.environ["COMP_WORDS"] = "\n".join(words)
    os.environ["COMP_CWORD"] = str(len(words) - 1)
    quoted = given[-1].startswith(("'", '"'))
    offered = io.StringIO()
    try:
        with redirect_stdout(offered):
            yield
    finally:
        for line in offered.getvalue().splitlines():
            value = line.removeprefix(kept)
            write(value if quoted else _SPECIAL.sub(r"\\\g<0>", value))


def _joined(words: Sequence[str]) -> tuple[list[str], str]:
    """The words put together, and the beginning of the last that bash does not replace."""
    joined: list[str] = []
    kept = ""
    for before, word in zip(["", *words], words, strict=False):
        if joined and word and (word in _BREAKS or before in _BREAKS):
            kept = joined[-1] + (word if word in _BREAKS else "")
            joined[-1] += word
        else:
            joined.append(word)
            kept = ""
    if kept.startswith("-"):  # --where=subject=: the parser looks at what follows the option
        kept = kept.partition("=")[2]
    return joined, kept
