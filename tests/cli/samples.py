"""Articles and results that the tests of formats and of the screen share."""

import datetime

from qasearch.records import Article, ArticleHit, Passage, PassageHit, SearchResult

DUES = Passage(
    article_id="401",
    seq=1,
    kind="point",
    text="Every member state owes a share of the budget, set for three years at a time.",
    start=0,
    end=40,
    ordinal="1",
    title="Assessed contributions",
    section_path=("Who pays", "The scale"),
    run=1,
)
OVERSIGHT = Passage(
    article_id="401",
    seq=2,
    kind="point",
    text="Two bodies look over the money:\n   - a committee of budget experts, before the vote "
    "is taken in the assembly\n   - auditors, after the year",
    start=41,
    end=90,
    ordinal="12",
    title="Oversight",
    run=1,
)
CLOSING = Passage(
    article_id="401", seq=3, kind="paragraph", text="Without money no mission.", start=91, end=115
)
FUNDING = Article(
    id="401",
    question="How are peacekeeping missions paid for?",
    answer="1. **Assessed contributions**: dues.\n\n12. **Oversight**: two bodies.",
    subjects=("Politics", "Economics"),
    date=datetime.date(2024, 12, 13),
    urls=("https://example.org/missions",),
    paths=("politics/missions.md",),
)
BARE = Article(id="7", question="Who sends troops?", answer="Many states do.")


def hits(*passages: Passage, confidence: float | None = None) -> tuple[PassageHit, ...]:
    return tuple(
        PassageHit(rank=rank, passage=passage, score=0.75 - rank / 8, confidence=confidence)
        for rank, passage in enumerate(passages, start=1)
    )


def result(
    *articles: ArticleHit,
    query: str = "who pays",
    passages: tuple[PassageHit, ...] | None = None,
    facets: dict[str, list[tuple[str, int]]] | None = None,
) -> SearchResult:
    return SearchResult(
        query=query,
        mode="dense",
        verdict="related" if articles or passages else "no_answer",
        generation="gen-0000000001-0123abcd",
        model="tiny",
        article_count=2_400,
        passage_count=9_000,
        took_ms=1.5,
        articles=articles,
        passages=passages,
        facets=facets or {},
    )


def article_hit(
    article: Article, *passages: Passage, rank: int = 1, confidence: float | None = None
) -> ArticleHit:
    return ArticleHit(
        rank=rank,
        article=article,
        score=0.8125,
        scores={"question": 0.5, "passage": 0.875},
        points=hits(*passages, confidence=confidence),
        confidence=confidence,
    )
