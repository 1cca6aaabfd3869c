"""Hits that say the same are shown once."""

import re
from collections.abc import Sequence
from dataclasses import replace

from qasearch.records import ArticleHit, PassageHit


def same_question_once(hits: Sequence[ArticleHit], k: int) -> list[ArticleHit]:
    """Keep the best of the articles that ask the same, naming the others; k articles at most."""
    groups: dict[str, list[ArticleHit]] = {}
    for hit in hits:
        groups.setdefault(question_key(hit.article.question), []).append(hit)
    return [
        replace(best, rank=rank, same_question=tuple(other.article.id for other in others))
        for rank, (best, *others) in enumerate(list(groups.values())[:k], start=1)
    ]


def same_text_once(hits: Sequence[PassageHit], k: int) -> list[PassageHit]:
    """Keep the best of the passages with one text, which articles copy; k passages at most."""
    best: dict[tuple[str | None, str], PassageHit] = {}
    for hit in hits:
        best.setdefault((hit.passage.title, hit.passage.text), hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate(list(best.values())[:k], start=1)]


def question_key(question: str) -> str:
    """The same for questions that differ in case, punctuation or white space alone."""
    return " ".join(re.findall(r"\w+", question.casefold())) or question
