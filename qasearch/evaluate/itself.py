"""An index judged without labels: is an article found again by what it says, its question hidden?

An article is asked for by the titles of its points, and by the sentences of its description (the
intro) that do not restate the question. Both are the author's words, so this flatters searches by
word, and titles are indexed with their points: the figures compare an index with itself over time,
and one configuration with another; they do not tell how real questions fare.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from qasearch.evaluate.measures import Scored, judge
from qasearch.evaluate.qrels import Judgment, Qrels
from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import search_run
from qasearch.protocols import Progress, no_progress
from qasearch.records import Article, Mode

if TYPE_CHECKING:
    from qasearch import Index

MOST_TITLES = 6
FEWEST_TITLES = 2
"""A single title, such as "Definition", may be that of a hundred articles."""

FEWEST_WORDS = 4
"""Words that count in a description; less describes nothing."""

SHORTEST_WORD = 5
"""Letters of a word that counts, where there are any: shorter ones are mostly the grammar's."""

RESTATED = 0.5
"""A text with this share of the question's words is the question in another order."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Articles to be found again.

    Attributes:
        queries: what to ask; ``fields`` has the ``wording`` and the article's ``subject``.
        article_of: the id of the article that each query asks for, by query id.
        articles: how many these are.
        passed_over: articles that came before the last of them and say nothing to ask by.
        repeated: articles left out because another one asks or answers the same.
    """

    queries: Sequence[Query]
    article_of: Mapping[str, str]
    articles: int
    passed_over: int
    repeated: int


def sample(index: "Index", size: int) -> Sample:
    """Choose articles by the hash of their ids, and what to ask for each.

    The order of the hashes is as good as chance, and stays when other articles come and go.

    Args:
        index: the index.
        size: articles wanted at most, at least 1.

    Raises:
        ValueError: ``size`` is below 1, or no article says anything to ask by.
    """
    if size < 1:
        raise ValueError(f"A sample has at least 1 article, not {size}.")
    groups = index.dupes(near=None).copies
    repeated = {article.id for group in groups for article in group.articles}
    chosen: dict[str, list[Query]] = {}
    passed_over = 0
    for id in sorted(index.ids(), key=_hash):
        if len(chosen) == size:
            break
        if id in repeated:
            continue
        queries = list(_queries(index.article(id)))
        if queries:
            chosen[id] = queries
        else:
            passed_over += 1
    if not chosen:
        raise ValueError("No article has titles or a description to be found by.")
    return Sample(
        queries=[query for queries in chosen.values() for query in queries],
        article_of={query.qid: id for id, queries in chosen.items() for query in queries},
        articles=len(chosen),
        passed_over=passed_over,
        repeated=len(repeated),
    )


def find_again(
    index: "Index",
    wanted: Sample,
    *,
    mode: Mode | None = None,
    name: str = "index",
    progress: Progress = no_progress,
) -> Scored:
    """Ask for each article of the sample; it alone is right.

    Args:
        index: open to be searched.
        wanted: a sample of it.
        mode: how to search; None leaves it to the index.
        name: what to call the run.
        progress: shows how far it got.
    """
    run = search_run(
        index, wanted.queries, levels=["article"], mode=mode, name=name, progress=progress
    )
    qrels = Qrels({qid: [Judgment(id, 1)] for qid, id in wanted.article_of.items()})
    return judge(run, qrels, "article", qids=list(wanted.article_of), relevant=1)


def _queries(article: Article) -> Iterator[Query]:
    for wording, text in (("titles", _titles(article)), ("description", _description(article))):
        if text:
            fields = {"wording": (wording,), "subject": article.subjects}
            yield Query(f"{article.id} {wording}", text, fields)


def _titles(article: Article) -> str:
    """The first titles of its points that do not restate the question; "" if they are too few."""
    titles = [passage.title for passage in article.passages if passage.title]
    told = [title for title in dict.fromkeys(titles) if not _restates(title, article.question)]
    return "; ".join(told[:MOST_TITLES]) if len(told) >= FEWEST_TITLES else ""


def _description(article: Article) -> str:
    """The sentences of its intro that describe; "" if there are none.

    One that restates the question gives it away, one that ends in a colon announces the points.
    """
    sentences = re.split(r"(?<=[.!?:])\s+", article.intro or "")
    told = [
        sentence
        for sentence in sentences
        if not sentence.endswith(":") and not _restates(sentence, article.question)
    ]
    text = " ".join(" ".join(told).split())
    return text if len(_words(text)) >= FEWEST_WORDS else ""


def _restates(text: str, question: str) -> bool:
    asked = _words(question)
    return bool(asked) and len(asked & _words(text)) >= RESTATED * len(asked)


def _words(text: str) -> set[str]:
    words = set(re.findall(r"\w+", text.casefold()))
    return {word for word in words if len(word) >= SHORTEST_WORD} or words


def _hash(id: str) -> str:
    return sha256(id.encode()).hexdigest()
