"""Hits that say the same are shown once."""

import re
from collections.abc import Sequence
from dataclasses import replace

from qasearch.records import ArticleHit, Passage

_WORD = re.compile(r"\w+")


def same_question_once(hits: Sequence[ArticleHit], k: int) -> list[ArticleHit]:
    """Keep the best of the articles that ask the same, naming the others; k articles at most."""
    groups = asking_the_same([hit.article.question for hit in hits])[:k]
    return [
        replace(
            hits[best], rank=rank, same_question=tuple(hits[other].article.id for other in others)
        )
        for rank, (best, *others) in enumerate(groups, start=1)
    ]


def asking_the_same(questions: Sequence[str]) -> list[list[int]]:
    """The places of questions, those that are the same together, in the order of the first."""
    groups: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        groups.setdefault(question_key(question), []).append(place)
    return list(groups.values())


def each_text_once(passages: Sequence[Passage], k: int) -> list[int]:
    """The places of passages, best first, without those that say what a better one says; k at most.

    Articles copy texts from one another, and a section holds its own bullets.
    """
    kept: list[int] = []
    texts: set[tuple[str | None, str]] = set()
    for place, passage in enumerate(passages):
        if len(kept) == k:
            break
        text = (passage.title, passage.text)
        if text not in texts and not any(_overlap(passage, passages[other]) for other in kept):
            texts.add(text)
            kept.append(place)
    return kept


def _overlap(one: Passage, other: Passage) -> bool:
    same_article = one.article_id == other.article_id
    return same_article and one.start < other.end and other.start < one.end


def question_key(question: str) -> str:
    """The same for questions that differ in case, punctuation or white space alone."""
    return " ".join(_WORD.findall(question.casefold())) or question
