"""Articles that repeat an id: one article published at several places, or a clash."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain

from qasearch.errors import ArticleError
from qasearch.records import Article


def merge(
    articles: Iterable[Article],
    *,
    on_warning: Callable[[str], None] | None = None,
    on_error: Callable[[ArticleError], None] | None = None,
) -> list[Article]:
    """Make one article of those that repeat an id; sorted by id, whatever the order they come in.

    The same id with the same question and answer is one article, with the subjects, urls and paths
    of all in the order of their paths, and the newest date. The same id with another text is a
    clash: the text with the newest date stays (any date is newer than none; of equal dates the one
    whose path sorts first), the others go.

    Args:
        articles: ids in NFC, as they are read.
        on_warning: told of each text that goes, and of the one that stays.
        on_error: told instead of ``on_warning``: pass it to be strict.
    """
    by_id: defaultdict[str, list[Article]] = defaultdict(list)
    for article in articles:
        by_id[article.id].append(article)
    merged: list[Article] = []
    for _, same_id in sorted(by_id.items()):
        if len(same_id) == 1:
            merged += same_id
            continue
        kept, *others = _texts(same_id)
        merged.append(kept)
        for other in others:
            _report(kept, other, on_warning, on_error)
    return merged


def _texts(same_id: list[Article]) -> list[Article]:
    """One article for each text, the one that stays first."""
    by_text: defaultdict[tuple[str, str], list[Article]] = defaultdict(list)
    for article in sorted(same_id, key=_place):
        by_text[article.question, article.answer].append(article)
    united = sorted(map(_united, by_text.values()), key=_place)
    return sorted(united, key=_newest, reverse=True)  # stable: of equal dates the first place


def _united(copies: list[Article]) -> Article:
    """Unite articles of one text, in the order given."""
    dates = [copy.date for copy in copies if copy.date]
    return replace(
        copies[0],
        subjects=_distinct(copy.subjects for copy in copies),
        urls=_distinct(copy.urls for copy in copies),
        paths=_distinct(copy.paths for copy in copies),
        date=max(dates, default=None),
    )


def _distinct(labels: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(labels)))


def _place(article: Article) -> tuple[object, ...]:
    """A key that orders by path, and leaves no two different articles of an id in doubt."""
    return article.paths, article.question, article.answer, article.subjects, article.urls


def _newest(article: Article) -> datetime.date:
    return article.date or datetime.date.min


def _report(
    kept: Article,
    dropped: Article,
    on_warning: Callable[[str], None] | None,
    on_error: Callable[[ArticleError], None] | None,
) -> None:
    kept_at, dropped_at = (", ".join(article.paths) or "no file" for article in (kept, dropped))
    why = "the newer" if _newest(kept) > _newest(dropped) else "as recent, and first by name"
    reason = f"id {kept.id} has another text in {kept_at}"
    if on_error is not None:
        on_error(ArticleError(dropped_at, None, reason, kind="duplicate-id"))
    elif on_warning is not None:
        on_warning(f"{dropped_at}: {reason}, which is kept: it is {why}")
