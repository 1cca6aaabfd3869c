"""What comes back, described for ``/openapi.json``. The library writes the JSON itself."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from qasearch.records import Mode, PassageKind, Verdict


class PassageReply(BaseModel):
    """A passage that a search found."""

    rank: int = Field(ge=1)
    id: str = Field(description="<article id>#<seq>")
    ordinal: str | None = Field(description="The number of the point, as printed.")
    kind: PassageKind
    section: str | None = Field(description="The headings above it.")
    title: str | None
    text: str
    confidence: float | None = Field(
        ge=0, le=1, description="Probability that it answers; null while not calibrated."
    )
    score: float = Field(description="Orders one query's hits; means nothing across queries.")
    start: int = Field(ge=0, description="First code point in the article's answer.")
    end: int = Field(ge=0, description="The one after the last.")
    highlights: list[tuple[int, int]] = Field(description="Code points into the text.")


class ArticleReply(BaseModel):
    """An article that a search found, with its passages that answer."""

    rank: int = Field(ge=1)
    id: str
    question: str
    subjects: list[str]
    date: str | None = Field(json_schema_extra={"format": "date"})
    url: str | None
    path: str | None
    confidence: float | None = Field(ge=0, le=1)
    score: float
    scores: dict[str, float] = Field(description="What each signal said of it.")
    points: list[PassageReply]
    same_question: list[str] = Field(description="Ids of articles that ask the same.")


class IndexReply(BaseModel):
    """The index that answered."""

    generation: str
    model: str
    articles: int
    passages: int


class SearchReply(BaseModel):
    """What a query brought back."""

    version: Literal["qasearch.search/1"] = Field(alias="schema")
    query: str
    mode: Mode
    verdict: Verdict
    index: IndexReply
    took_ms: float
    facets: dict[str, list[tuple[str, int]]]
    articles: list[ArticleReply] | None = Field(None, description="Not in a flat search.")
    passages: list[PassageReply] | None = Field(None, description="In a flat search only.")
    warnings: list[str]


class StoredPassage(BaseModel):
    """A passage of an article, as it was split."""

    id: str
    seq: int
    kind: PassageKind
    ordinal: str | None
    section: str | None
    title: str | None
    text: str
    start: int
    end: int
    run: int | None
    lead_in: str | None


class StoredArticle(BaseModel):
    """A whole article."""

    id: str
    question: str
    subjects: list[str]
    date: str | None
    urls: list[str]
    paths: list[str]
    flags: list[str]
    intro: str | None
    summary: str | None
    answer: str
    passages: list[StoredPassage]


class Identity(BaseModel):
    """What tells an article from others."""

    id: str
    question: str
    subjects: list[str]
    date: str | None
    url: str | None
    path: str | None


class RelatedReply(BaseModel):
    """The articles nearest to one."""

    version: Literal["qasearch.related/1"] = Field(alias="schema")
    article: Identity
    index: IndexReply
    took_ms: float
    articles: list[ArticleReply] = Field(description="Best first, without points.")


class QuestionReply(BaseModel):
    """A stored question."""

    id: str
    question: str


class CompleteReply(BaseModel):
    """What was typed may become one of these."""

    query: str
    questions: list[QuestionReply]


class HealthReply(BaseModel):
    """How the server is."""

    status: Literal["ok", "stale"] = Field(
        description="stale: a newer generation is there but cannot be used; the old one answers."
    )
    fault: str | None = Field(description="Why, in a word.")
    generation: str
    created: str
    age_seconds: float = Field(ge=0, description="Since the generation was built.")
    articles: int
    passages: int
    model: str
    version: str = Field(description="Of qasearch.")


class ErrorFields(BaseModel):
    """What went wrong."""

    code: str
    message: str
    hint: str
    id: str = Field(description="Stands in the server's log too.")


class ErrorReply(BaseModel):
    """Every reply that is not what was asked for."""

    error: ErrorFields


ERRORS: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorReply, "description": "Error"}}
