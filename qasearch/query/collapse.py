"""Hits that say the same are shown once."""

import re
from collections.abc import Sequence
from dataclasses import replace

from qasearch.records import ArticleHit, Passage, PassageHit


def same_question_once(hits: Sequence[ArticleHit], k: int) -> list[ArticleHit]:
    """Keep the best of the articles that ask the same, naming the others; k articles at most."""
    groups: dict[str, list[ArticleHit]] = {}
    for hit in hits:
        groups.setdefault(question_key(hit.article.question), []).append(hit)
    return [
        replace(best, rank=rank, same_question=tuple(other.article.id for other in others))
        for rank, (best, *others) in enumerate(list(groups.values())[:k], start=1)
    ]


def each_text_once(hits: Sequence[PassageHit], k: int) -> list[PassageHit]:
    """Keep the best of the passages that say the same; k passages at most.

    Articles copy texts from one another, and a section holds its own bullets.
    """
    kept: list[PassageHit] = []
    texts: set[tuple[str | None, str]] = set()
    for hit in hits:
        text = (hit.passage.title, hit.passage.text)
        if text in texts or any(_overlap(hit.passage, other.passage) for other in kept):
            continue
        texts.add(text)
        kept.append(replace(hit, rank=len(kept) + 1))
        if len(kept) == k:
            break
    return kept[:k]


def _overlap(one: Passage, other: Passage) -> bool:
    same_article = one.article_id == other.article_id
    return same_article and one.start < other.end and other.start < one.end


def question_key(question: str) -> str:
    """The same for questions that differ in case, punctuation or white space alone."""
    return " ".join(re.findall(r"\w+", question.casefold())) or question
