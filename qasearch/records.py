"""The nouns: what flows through the build and what comes back from a search."""

import datetime
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

SPLITTER_VERSION: Final = "1"
"""Of the rules that make passages of an answer: changes whenever some answer may be split otherwise
than before. It stands here since a search compares it, which has no need of the rules."""

PassageKind = Literal["point", "section", "bullet", "paragraph"]
Verdict = Literal["answer", "related", "no_answer"]
Mode = Literal["hybrid", "dense", "lexical"]
Outcome = Literal["found", "filtered", "no_candidate", "folded", "below_k", "low_confidence"]
CopyKind = Literal["duplicate", "conflict", "alias"]
ConditionField = Literal["subject", "date"]
ConditionOp = Literal["=", ">=", "<=", ">", "<"]

ANSWER_FROM = 0.4
RELATED_FROM = 0.2
"""Confidence of the first hit from which a verdict is ``answer``, or ``related``. Below a half: an
answer that is withheld costs more than one that is shown with its confidence."""


def verdict_of(confidence: float) -> Verdict:
    """What the confidence of the first hit says of a search."""
    if confidence >= ANSWER_FROM:
        return "answer"
    return "related" if confidence >= RELATED_FROM else "no_answer"


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: one numbered point of an answer, or what stands in for one.

    Attributes:
        article_id: id of the article it belongs to.
        seq: 1-based place among the article's passages, in the order of the document; unique.
        kind: ``point`` for a numbered item or a numbered heading; else what it was cut from.
        text: the body, without marker and title.
        start, end: code points into the article's answer; ``answer[start:end]`` is the source,
            marker and title included.
        ordinal: the number as printed (``"3"``, ``"2.1"``); may repeat; None unless a point.
        title: the bold or leading title, without its number and colon.
        section_path: the headings above it, outermost first.
        run: 1-based number of the run of points it belongs to; None unless a point.
        lead_in: the paragraph that announced its run, when no heading did.
    """

    article_id: str
    seq: int
    kind: PassageKind
    text: str
    start: int
    end: int
    ordinal: str | None = None
    title: str | None = None
    section_path: tuple[str, ...] = ()
    run: int | None = None
    lead_in: str | None = None

    @property
    def id(self) -> str:
        """``"<article id>#<seq>"``."""
        return f"{self.article_id}#{self.seq}"

    @property
    def section(self) -> str | None:
        """The headings above it as one line, ``"fMRI > Pros"``; None without any."""
        return " > ".join(self.section_path) or None

    def to_dict(self) -> dict[str, object]:
        """The passage as JSON types."""
        return {
            "id": self.id,
            "seq": self.seq,
            "kind": self.kind,
            "ordinal": self.ordinal,
            "section": self.section,
            "title": self.title,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "run": self.run,
            "lead_in": self.lead_in,
        }


@dataclass(frozen=True, slots=True)
class Article:
    """One question with its answer, as read and split.

    Attributes:
        id: unique in an index.
        question: one line.
        answer: the decoded text, never normalised: the offsets of passages point into it.
        subjects, urls, paths: one for each place the article was published at; may be empty.
        date: of its newest publication.
        intro: the prose before the first point or heading.
        summary: the closing prose after the last point.
        passages: in the order of the document; ``ingest.split`` fills them, with intro, summary
            and flags, so an article from elsewhere may leave all four empty.
        flags: ``refusal``, ``truncated``, ``no_points``, ``unclosed_fence``; sorted.
    """

    id: str
    question: str
    answer: str
    subjects: tuple[str, ...] = ()
    date: datetime.date | None = None
    urls: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    intro: str | None = None
    summary: str | None = None
    passages: tuple[Passage, ...] = ()
    flags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The whole article, its passages included, as JSON types."""
        return {
            "id": self.id,
            "question": self.question,
            "subjects": list(self.subjects),
            "date": self.date.isoformat() if self.date else None,
            "urls": list(self.urls),
            "paths": list(self.paths),
            "flags": list(self.flags),
            "intro": self.intro,
            "summary": self.summary,
            "answer": self.answer,
            "passages": [passage.to_dict() for passage in self.passages],
        }


@dataclass(frozen=True, slots=True)
class SignalPart:
    """What one signal gave to the score of a hit, which is the sum of ``score * weight``.

    Attributes:
        score: of the signal.
        weight: share of the whole.
        rank: 1 for the best of the candidates, equals sharing one; of signal ``question`` among
            their articles, of the others among passages. None where the signal says nothing of it.
    """

    score: float
    weight: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A passage that a search found.

    Attributes:
        rank: from 1.
        passage: the passage itself.
        score: orders the hits of one query, higher is better; means nothing across queries.
        confidence: probability that it answers; None while the index is not calibrated.
        highlights: (start, end) code points into ``passage.text`` of the words that match the
            query, ascending.
        sentence: (start, end) of the sentence that says most of the query; None if no word matches.
        explain: for each signal its part in the score; None unless asked for.
    """

    rank: int
    passage: Passage
    score: float
    confidence: float | None = None
    highlights: tuple[tuple[int, int], ...] = ()
    sentence: tuple[int, int] | None = None
    explain: dict[str, SignalPart] | None = None

    @property
    def id(self) -> str:
        """Id of the passage."""
        return self.passage.id

    @property
    def ordinal(self) -> str | None:
        """The number of the point, as printed."""
        return self.passage.ordinal

    @property
    def title(self) -> str | None:
        """Title of the passage."""
        return self.passage.title

    @property
    def text(self) -> str:
        """The passage's own text."""
        return self.passage.text


@dataclass(frozen=True, slots=True)
class ArticleHit:
    """An article that a search found, with the passages of it that answer best.

    Attributes:
        rank: from 1.
        article: the article itself; its ``passages`` are left empty, the answering ones are below.
        score: orders the hits of one query, higher is better; means nothing across queries.
        scores: the parts of the score by signal (``question``, ``passage``).
        points: its best passages of any kind, best first.
        confidence: probability that it answers; None while the index is not calibrated.
        same_question: ids of articles that ask the same and ranked below it.
        explain: for each signal its part in the score, those of passages by its best one; None
            unless asked for.
    """

    rank: int
    article: Article
    score: float
    scores: dict[str, float]
    points: tuple[PassageHit, ...]
    confidence: float | None = None
    same_question: tuple[str, ...] = ()
    explain: dict[str, SignalPart] | None = None

    @property
    def id(self) -> str:
        """Id of the article."""
        return self.article.id

    @property
    def question(self) -> str:
        """The question that the article answers."""
        return self.article.question


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file, or a line of one, that a build or a reader left out, and why."""

    path: str
    line: int | None
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file as a generation remembers it, so that the next build need not read it again.

    Attributes:
        name: of the file, as ``Article.paths`` give it.
        sha256: of its bytes, in hex; None if they could not be read.
        include_no_index: whether articles marked ``no_index`` were taken.
        article_ids: of the articles it holds, sorted.
        stale_ids: of the articles it held when it was last readable, sorted; they stay.
        refused: what of it could not be read.
        skipped: number of articles left out on purpose.
    """

    name: str
    sha256: str | None
    include_no_index: bool
    article_ids: tuple[str, ...]
    stale_ids: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    skipped: int = 0

    def ids(self) -> set[str]:
        """All articles that depend on it."""
        return {*self.article_ids, *self.stale_ids}


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        generation: name of the generation that now answers; None after a dry run without one.
        added, changed, removed, renamed, unchanged: articles, against the generation before;
            renamed ones differ in nothing but the names of their files.
        stale: articles kept in their last good version, for want of a readable one.
        skipped: articles left out on purpose (``no_index`` and refusals to answer).
        refused: what could not be read, with reasons.
        warnings: what was read but looks wrong, as readable lines.
        articles, passages: in the generation.
        embedded, reused: distinct texts sent through the model, and found in the cache.
        seconds: wall time.
    """

    generation: str | None
    added: int
    changed: int
    removed: int
    renamed: int
    unchanged: int
    stale: int
    skipped: int
    articles: int
    passages: int
    embedded: int
    reused: int
    seconds: float
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What embedding one shard did.

    Attributes:
        cache: the folder that holds what was embedded.
        shard: ``"2/16"``.
        texts: distinct texts of the shard, without those that the index knew.
        embedded: those of them sent through the model; the others were in the cache.
        seconds: wall time.
        refused, warnings: as in ``BuildReport``.
    """

    cache: str
    shard: str
    texts: int
    embedded: int
    seconds: float
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What joining caches of embeddings did.

    Attributes:
        caches: how many were joined.
        added, known: texts that the index had not, and those that it had.
        damaged: texts left out since their rows are not what was written.
        seconds: wall time.
    """

    caches: int
    added: int
    known: int
    damaged: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy of an index to a store did.

    Attributes:
        store: its address, without a password.
        generation: name of what answers there now.
        source: name of the generation that was copied.
        sent, unchanged, removed: articles, against what the store held, or a killed copy had sent.
        articles, passages: in the store, counted there.
        digest: of all articles, the same in index and store.
        canaries: questions that were asked of both, with the same answer.
        seconds: wall time.
    """

    store: str
    generation: str
    source: str
    sent: int
    unchanged: int
    removed: int
    articles: int
    passages: int
    digest: str
    canaries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: where.
        generation: name of the generation that was exported.
        articles, passages: counts.
        bytes: size of each file, by its name.
    """

    folder: str
    generation: str
    articles: int
    passages: int
    bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import made.

    Attributes:
        generation: name of the generation that now answers.
        exported: name of the generation that was exported.
        articles, passages: counts.
    """

    generation: str
    exported: str
    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a metadata filter.

    Equal conditions on one field are alternatives; fields, and ranges of one field, combine.

    Attributes:
        field: ``subject`` (any of the article's subjects, ignoring case) or ``date``.
        op: ranges are for ``date`` only.
        value: a subject, or an ISO date.
    """

    field: ConditionField
    op: ConditionOp
    value: str


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index holds, for people and for programs.

    Attributes:
        path: the index folder.
        generation: name of the generation that answers.
        created: ISO time of its commit, UTC.
        model: name of the embedder; ``fingerprint`` decides whether two are the same.
        dim: length of its vectors.
        articles, passages: counts.
        sources: number of files they were read from; 0 if articles were given otherwise.
        stale: ids of articles kept in their last good version, for want of a readable one.
        refused: what could not be read when it was built.
        generations: names of all that lie there, oldest first; the newest whole one before
            ``generation`` is what a rollback goes back to.
        bytes: size on disk of the ``generation``, of ``other_generations``, and of the ``cache``
            of embeddings beside them; of a store what its engine tells.
    """

    path: str
    generation: str
    created: str
    model: str
    fingerprint: str
    dim: int
    articles: int
    passages: int
    sources: int
    stale: tuple[str, ...]
    refused: tuple[Refusal, ...]
    generations: tuple[str, ...]
    bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one query brought back.

    Attributes:
        verdict: ``no_answer`` when nothing came back; ``related`` while an index is not calibrated.
        generation, model, article_count, passage_count: the index that answered.
        took_ms: wall time, the embedding of the query included.
        articles: best first; empty in a flat search.
        passages: best first, for a flat search only, else None.
        facets: for each field asked for, (value, number of articles returned), most first.
        warnings: what the caller should know, as readable lines (a query cut to its limit, ...).
    """

    query: str
    mode: Mode
    verdict: Verdict
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    articles: tuple[ArticleHit, ...]
    passages: tuple[PassageHit, ...] | None = None
    facets: dict[str, list[tuple[str, int]]] = field(
        default_factory=dict[str, list[tuple[str, int]]]
    )
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.search/1``: JSON types only, finite numbers."""
        hits: dict[str, object] = (
            {"articles": [_article_dict(hit) for hit in self.articles]}
            if self.passages is None
            else {"passages": [_passage_dict(hit) for hit in self.passages]}
        )
        return {
            "schema": "qasearch.search/1",
            "query": self.query,
            "mode": self.mode,
            "verdict": self.verdict,
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "facets": {name: [list(pair) for pair in pairs] for name, pairs in self.facets.items()},
            **hits,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class RelatedResult:
    """The articles nearest to one.

    Attributes:
        article: the one; its ``passages`` are left empty.
        generation, model, article_count, passage_count: the index that was asked.
        took_ms: wall time.
        articles: best first; without points.
    """

    article: Article
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    articles: tuple[ArticleHit, ...]

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.related/1``; hits are those of a search."""
        return {
            "schema": "qasearch.related/1",
            "article": _identity_dict(self.article),
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "articles": [_article_dict(hit) for hit in self.articles],
        }


@dataclass(frozen=True, slots=True)
class WhyResult:
    """Where an article ended for a query.

    Attributes:
        query: as asked.
        mode: which signals ranked.
        article: the one asked about; its ``passages`` are left empty.
        outcome: ``found``; or the step that lost it: ``filtered`` by the filter, ``no_candidate``:
            neither the vectors nor the words proposed a passage of it, ``below_k``: others rank
            better, ``folded`` under another article that asks the same, ``low_confidence``.
        rank: among all articles of the candidates, those that ask the same folded: that of
            ``folded_under`` if there is one; None if it was filtered or no candidate.
        k: articles wanted.
        score, confidence: of the hit at that rank; None without one.
        min_confidence: wanted.
        folded_under: id of the article that asks the same and ranks better.
        candidates: how many articles were ranked.
        depth: passages that the vectors, and the words, propose.
        vector_rank: of the article's passage that is nearest to the query, exactly; among all, or
            those that the filter left. None where vectors propose nothing, or no passage is there.
        word_rank: of the article's passage that says most of the query's words, likewise; None if
            it has none of them.
        passage: its best passage, explained and numbered 1; None if it has no passage.
        words: of the query, that this passage has, with its question, section and title.
        missing: words of the query that it lacks there.
        generation, model, article_count, passage_count: the index that was asked.
        took_ms: wall time, the embedding of the query included.
        warnings: what the caller should know, as readable lines.
    """

    query: str
    mode: Mode
    article: Article
    outcome: Outcome
    rank: int | None
    k: int
    score: float | None
    confidence: float | None
    min_confidence: float
    folded_under: str | None
    candidates: int
    depth: int
    vector_rank: int | None
    word_rank: int | None
    passage: PassageHit | None
    words: tuple[str, ...]
    missing: tuple[str, ...]
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.why/1``; the passage is that of a search."""
        return {
            "schema": "qasearch.why/1",
            "query": self.query,
            "mode": self.mode,
            "article": _identity_dict(self.article),
            "outcome": self.outcome,
            "rank": self.rank,
            "k": self.k,
            "score": self.score,
            "confidence": self.confidence,
            "min_confidence": self.min_confidence,
            "folded_under": self.folded_under,
            "candidates": self.candidates,
            "depth": self.depth,
            "vector_rank": self.vector_rank,
            "word_rank": self.word_rank,
            "passage": _passage_dict(self.passage) if self.passage else None,
            "words": list(self.words),
            "missing": list(self.missing),
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Copies:
    """Articles that repeat each other, in whole or in part.

    Attributes:
        kind: ``duplicate``: same question and same answer; ``conflict``: same question, other
            answers; ``alias``: other questions, same answer.
        articles: newest first; their ``passages`` are left empty.
        answers: for each article the number of its answer, from 1: equal numbers, equal answers.
    """

    kind: CopyKind
    articles: tuple[Article, ...]
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NearQuestions:
    """Two articles whose questions nearly say the same, and whose answers differ.

    Attributes:
        score: cosine of the two questions.
        articles: by row; of articles that ask the very same, the first stands for all.
    """

    score: float
    articles: tuple[Article, Article]


@dataclass(frozen=True, slots=True)
class DupesReport:
    """What repeats itself in an index.

    Attributes:
        generation, model, article_count, passage_count: the index that was looked through.
        took_ms: wall time.
        copies: conflicts first, then duplicates, then aliases.
        near: nearest first.
        warnings: what the caller should know, as readable lines.
    """

    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    copies: tuple[Copies, ...]
    near: tuple[NearQuestions, ...]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The report in the schema ``qasearch.dupes/1``."""
        return {
            "schema": "qasearch.dupes/1",
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "copies": [
                {
                    "kind": group.kind,
                    "articles": [
                        {**_identity_dict(article), "answer": answer}
                        for article, answer in zip(group.articles, group.answers, strict=True)
                    ],
                }
                for group in self.copies
            ],
            "near": [
                {"score": pair.score, "articles": [_identity_dict(a) for a in pair.articles]}
                for pair in self.near
            ],
            "warnings": list(self.warnings),
        }


def _index_dict(asked: SearchResult | RelatedResult | WhyResult | DupesReport) -> dict[str, object]:
    return {
        "generation": asked.generation,
        "model": asked.model,
        "articles": asked.article_count,
        "passages": asked.passage_count,
    }


def _identity_dict(article: Article) -> dict[str, object]:
    return {
        "id": article.id,
        "question": article.question,
        "subjects": list(article.subjects),
        "date": article.date.isoformat() if article.date else None,
        "url": article.urls[0] if article.urls else None,
        "path": article.paths[0] if article.paths else None,
    }


def _article_dict(hit: ArticleHit) -> dict[str, object]:
    return {
        "rank": hit.rank,
        **_identity_dict(hit.article),
        "confidence": hit.confidence,
        "score": hit.score,
        "scores": dict(hit.scores),
        "points": [_passage_dict(point) for point in hit.points],
        "same_question": list(hit.same_question),
        **_explain_dict(hit),
    }


def _passage_dict(hit: PassageHit) -> dict[str, object]:
    passage = hit.passage
    return {
        "rank": hit.rank,
        "id": passage.id,
        "ordinal": passage.ordinal,
        "kind": passage.kind,
        "section": passage.section,
        "title": passage.title,
        "text": passage.text,
        "confidence": hit.confidence,
        "score": hit.score,
        "start": passage.start,
        "end": passage.end,
        "highlights": [list(span) for span in hit.highlights],
        "sentence": list(hit.sentence) if hit.sentence else None,
        **_explain_dict(hit),
    }


def _explain_dict(hit: ArticleHit | PassageHit) -> dict[str, object]:
    """The field ``explain``, which only those get who ask for it."""
    if hit.explain is None:
        return {}
    return {"explain": {signal: asdict(part) for signal, part in hit.explain.items()}}
