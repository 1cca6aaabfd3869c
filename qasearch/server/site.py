"""The pages: search, articles, the description of the API, and the way in for who has the token."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from qasearch import Article, ArticleHit
from qasearch.server.access import Access
from qasearch.server.addresses import anchor, article_url
from qasearch.server.docs import operations
from qasearch.server.live import Snapshot
from qasearch.server.markdown import whole
from qasearch.server.pages import page
from qasearch.server.parameters import NoParameters, once
from qasearch.server.service import Service, find_article, find_related
from qasearch.server.view import PageParameters, search_view

RELATED = 6
"""Questions named beside an article."""

EXAMPLES = 5
"""Stored questions that the empty page suggests."""


class ArticleParameters(NoParameters):
    """Of ``/article/{id}``: the search that its reader comes from."""

    q: str = ""


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article and what stands beside it."""

    article: Article
    related: tuple[ArticleHit, ...]


class Site:
    """The pages of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._access = Access(service.settings)

    def router(self) -> APIRouter:
        """The routes. They are for people, so the description of the API leaves them out."""
        router = APIRouter(include_in_schema=False, dependencies=[Depends(once)])
        router.add_api_route("/", self.search, response_model=None)
        router.add_api_route("/article/{id:path}", self.article, response_model=None)
        router.add_api_route("/docs", self.docs, response_model=None)
        router.add_api_route("/login", self.ask_token, response_model=None)
        router.add_api_route("/login", self.take_token, methods=["POST"], response_model=None)
        return router

    async def search(self, request: Request, asked: Annotated[PageParameters, Query()]) -> Response:
        """The search page: a box, and what was found."""
        if not asked.q.strip():
            return await self._empty(request, asked)
        view = await self._service.ask(request, lambda snapshot: search_view(snapshot, asked))
        return page(request, "search.html", asked=asked, view=view)

    async def article(
        self, request: Request, id: str, asked: Annotated[ArticleParameters, Query()]
    ) -> Response:
        """A whole article, each of its passages an anchor."""

        def work(snapshot: Snapshot) -> ArticlePage:
            article = find_article(snapshot.index, id)
            return ArticlePage(article, find_related(snapshot.index, article.id, RELATED).articles)

        found = await self._service.ask(request, work)
        return page(
            request,
            "article.html",
            asked=asked,
            article=found.article,
            body=whole(found.article.answer, _anchors(found.article)),
            points=[each for each in found.article.passages if each.kind == "point"],
            related=[(hit.question, article_url(hit.id)) for hit in found.related],
        )

    async def docs(self, request: Request, asked: Annotated[NoParameters, Query()]) -> Response:
        """The API, described for people."""
        app: FastAPI = request.app
        return page(request, "docs.html", asked=None, operations=operations(app.openapi()))

    async def ask_token(self, request: Request) -> Response:
        """The form for the token."""
        if self._service.settings.token is None:
            raise HTTPException(404)
        return page(request, "login.html", asked=None, wrong=False, goal="/")

    async def take_token(self, request: Request) -> Response:
        """Give whoever knows the token a cookie, and what they came for."""
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        goal = _own_path(fields.get("goal", ["/"])[0])
        if not self._access.knows(fields.get("token", [""])[0].strip()):
            return page(request, "login.html", status=401, asked=None, wrong=True, goal=goal)
        reply = RedirectResponse(goal, 303)
        name = self._access.cookie_name(request.scope)
        value = self._access.cookie_value()
        # Lax: a link from elsewhere opens the page. Nothing that is read has an effect.
        reply.set_cookie(name, value, httponly=True, samesite="lax")
        return reply

    async def _empty(self, request: Request, asked: PageParameters) -> Response:
        def work(snapshot: Snapshot) -> dict[str, Any]:
            return {
                "held": snapshot.status,
                "examples": snapshot.completer.examples(EXAMPLES),
            }

        return page(request, "empty.html", asked=asked, **await self._service.look_up(work))


def _anchors(article: Article) -> dict[int, str]:
    """The line of the answer that each passage begins in, with the id of the passage's place."""
    anchors: dict[int, str] = {}
    for passage in article.passages:
        source = article.answer[passage.start : passage.end]
        first = passage.start + len(source) - len(source.lstrip())
        anchors.setdefault(article.answer.count("\n", 0, first), anchor(passage))
    return anchors


def _own_path(goal: str) -> str:
    """An address to go on to, if it is one of ours."""
    parts = urlsplit(goal)
    own = goal.startswith("/") and not goal.startswith("//") and "\\" not in goal
    return goal if own and not parts.scheme and not parts.netloc else "/"
