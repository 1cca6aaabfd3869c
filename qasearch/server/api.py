"""The addresses that programs read: JSON in the words of the library."""

from dataclasses import asdict, replace
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from qasearch import SearchResult, __version__
from qasearch.server.live import NotReadyError, Snapshot
from qasearch.server.parameters import (
    MOST_HITS,
    CompleteParameters,
    NoParameters,
    RelatedParameters,
    SearchParameters,
    once,
)
from qasearch.server.replies import (
    ERRORS,
    CompleteReply,
    HealthReply,
    RelatedReply,
    SearchReply,
    StoredArticle,
)
from qasearch.server.service import Service, find_article, find_related

Nothing = Annotated[NoParameters, Query()]


class Api:
    """The routes of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def router(self) -> APIRouter:
        """The routes, described for ``/openapi.json``."""
        router = APIRouter(responses=ERRORS, dependencies=[Depends(once)])
        for path, endpoint, reply in (
            ("/api/search", self.search, SearchReply),
            ("/api/articles/{id:path}", self.article, StoredArticle),
            ("/api/related/{id:path}", self.related, RelatedReply),
            ("/api/complete", self.complete, CompleteReply),
            ("/health", self.health, HealthReply),
            ("/ready", self.ready, HealthReply),
        ):
            router.add_api_route(path, endpoint, response_model=reply, name=endpoint.__name__)
        return router

    async def search(
        self, request: Request, asked: Annotated[SearchParameters, Query()]
    ) -> Response:
        """Find the articles that answer a question, and their points.

        Further hits are asked for by offset; the header Link has the address of the next ones.
        """
        last = min(asked.offset + asked.k, MOST_HITS)

        def work(snapshot: Snapshot) -> SearchResult:
            return snapshot.index.search(
                asked.q,
                k=last,
                points=asked.points,
                where=asked.where(),
                facets=() if asked.flat else asked.facets,
                flat=asked.flat,
                mode=asked.mode or "hybrid",
                min_confidence=asked.min_confidence,
            )

        found = await self._service.ask(request, work)
        hits = found.articles if found.passages is None else found.passages
        headers: dict[str, str] = {}
        if len(hits) == last < MOST_HITS:
            headers["Link"] = f'<{_with_offset(request, last)}>; rel="next"'
        return JSONResponse(_page_of(found, asked.offset).to_dict(), headers=headers)

    async def article(self, request: Request, id: str, asked: Nothing) -> Response:
        """Give a whole article, with all its passages."""
        article = await self._service.look_up(lambda snapshot: find_article(snapshot.index, id))
        return JSONResponse(article.to_dict())

    async def related(
        self, request: Request, id: str, asked: Annotated[RelatedParameters, Query()]
    ) -> Response:
        """Find the articles nearest to an article."""
        found = await self._service.ask(
            request, lambda snapshot: find_related(snapshot.index, id, asked.k)
        )
        return JSONResponse(found.to_dict())

    async def complete(self, asked: Annotated[CompleteParameters, Query()]) -> Response:
        """Find the stored questions that what was typed may become."""
        # At once: that is done sooner than a thread begins.
        with self._service.live.borrow() as snapshot:
            questions = snapshot.completer.complete(asked.q, asked.k)
        return JSONResponse({"query": asked.q, "questions": [asdict(each) for each in questions]})

    async def health(self, asked: Nothing) -> Response:
        """Say which generation answers, and how old it is."""
        return JSONResponse(self._health())

    async def ready(self, asked: Nothing) -> Response:
        """Say whether questions are answered without delay: 503 until the model is loaded."""
        if not self._service.ready:
            raise NotReadyError
        return JSONResponse(self._health())

    def _health(self) -> dict[str, object]:
        live = self._service.live
        with live.borrow() as snapshot:
            status = snapshot.status
            return {
                "status": "ok" if live.fault is None else "stale",
                "fault": live.fault,
                "generation": status.generation,
                "created": status.created,
                "age_seconds": round(snapshot.age_seconds, 1),
                "articles": status.articles,
                "passages": status.passages,
                "model": status.model,
                "version": __version__,
            }


def _page_of(found: SearchResult, offset: int) -> SearchResult:
    """The hits from ``offset`` on; they keep their ranks."""
    passages = None if found.passages is None else found.passages[offset:]
    return replace(found, articles=found.articles[offset:], passages=passages)


def _with_offset(request: Request, offset: int) -> str:
    """This very address, from another hit on."""
    asked = parse_qsl(request.url.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "offset"]
    return f"{request.url.path}?{urlencode([*kept, ('offset', offset)])}"
