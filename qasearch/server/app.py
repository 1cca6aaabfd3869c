"""The application: routes, pages and files behind the gate, on an index that follows its folder."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from qasearch import Embedder, __version__
from qasearch.server.api import Api
from qasearch.server.errors import answer_error
from qasearch.server.gate import Gate
from qasearch.server.pages import STATIC
from qasearch.server.service import Service
from qasearch.server.settings import Settings
from qasearch.server.site import Site

logger = logging.getLogger(__name__)


def create_app(index: str | Path, embedder: Embedder, settings: Settings | None = None) -> ASGIApp:
    """Make the application that answers from an index, as any ASGI server runs it.

    Args:
        index: its folder.
        embedder: the one that built it.
        settings: limits, and who is let in.

    Raises:
        QASearchError: there is no index, or it cannot be used.
    """
    settings = settings or Settings()
    service = Service.over(Path(index), embedder, settings)
    app = FastAPI(
        title="qasearch",
        version=__version__,
        description="Questions in, articles and the points of them that answer out.",
        docs_url=None,
        redoc_url=None,
        lifespan=_following(service),
    )
    app.include_router(Api(service).router())
    app.include_router(Site(service).router())
    app.mount("/static", _Files(directory=STATIC))
    for kind in (RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    return Gate(app, settings)


def _following(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What runs beside the requests: loading the model, and looking for new generations."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with anyio.create_task_group() as beside:
            beside.start_soon(_warm_up, service)
            beside.start_soon(_follow, service)
            yield
            beside.cancel_scope.cancel()
        service.live.close()

    return lifespan


async def _warm_up(service: Service) -> None:
    try:
        await to_thread.run_sync(service.warm_up)
    except Exception:
        logger.exception("The model could not be loaded; searches will say so, too.")


async def _follow(service: Service) -> None:
    while True:
        await anyio.sleep(service.settings.reload_seconds)
        try:
            await to_thread.run_sync(service.live.refresh)
        except Exception:
            # Whatever it was, the generation that is open answers on.
            logger.exception("Looking for a new generation failed.")


class _Files(StaticFiles):
    """Bundled files. Pages name them by their content, so a browser may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v="):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
