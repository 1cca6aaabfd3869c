"""From what went wrong to what a caller is told: never a path, never a trace, always an id.

The id stands in the server's log too, beside what the caller is not told.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from qasearch import QASearchError
from qasearch.server.live import NotReadyError
from qasearch.server.pages import page
from qasearch.server.work import BusyError, CallerGoneError

logger = logging.getLogger(__name__)

COME_BACK_SECONDS = 1

PROGRAMS = ("/api/", "/health", "/ready", "/openapi.json", "/static/")
"""Addresses that programs read: their errors are JSON whoever asks."""


class NotFoundError(Exception):
    """The index has no such article."""


class RefusedError(Exception):
    """A request that is not let in.

    Attributes:
        problem: what its caller is told.
    """

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a caller is told of it.

    Attributes:
        status: of the reply.
        code: a stable word for programs.
        message: what is wrong.
        hint: what to do next; may be empty.
        headers: of the reply.
    """

    status: int
    code: str
    message: str
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Say what an error means; anything unforeseen is a fault of ours."""
        match error:
            case RefusedError():
                return error.problem
            case RequestValidationError():
                return cls(422, "usage", _slips(error.errors()), "/docs lists the parameters.")
            case ValueError() if type(error) is ValueError:
                return cls(422, "usage", str(error))
            case NotFoundError():
                return cls(404, "not_found", str(error))
            case HTTPException():
                return _of_http(error)
            case BusyError():
                return _later("busy", "Too many searches are waiting.")
            case NotReadyError():
                return _later("not_ready", "No index is open.")
            case CallerGoneError():
                return _later("caller_gone", "Whoever asked has hung up.")
            case QASearchError():
                # Their messages name paths of this machine.
                return cls(500, error.code, "The index or its model has a fault.", _LOG)
            case _:
                return cls(500, "fault", "That is a fault of qasearch.", _LOG)

    def to_dict(self, id: str) -> dict[str, object]:
        """The error in the form that every program is told it."""
        fields = {"code": self.code, "message": self.message, "hint": self.hint, "id": id}
        return {"error": fields}

    def response(self, request: Request) -> Response:
        """The reply: a page for people, JSON for programs."""
        id = request_id(request)
        headers = dict(self.headers)
        if _reads_pages(request):
            goal = f"{request.url.path}?{request.url.query}"
            template = "login.html" if self.code == "token_needed" else "problem.html"
            content = {"problem": self, "goal": goal, "wrong": False, "asked": None}
            return page(request, template, status=self.status, headers=headers, **content)
        return JSONResponse(self.to_dict(id), self.status, headers)


_LOG = "The server's log has more, under this error's id."


def request_id(request: Request) -> str:
    """The id of a request, in its reply and in the log."""
    return str(request.scope.get("state", {}).get("request_id", ""))


async def answer_error(request: Request, error: Exception) -> Response:
    """Tell the caller of an error, and the log of what the caller is not told."""
    problem = Problem.of(error)
    if problem.status == 500:
        logger.error("%s: %s", request_id(request), error, exc_info=error)
    return problem.response(request)


def _of_http(error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    match error.status_code:
        case 404:
            return Problem(404, "not_found", "There is nothing at this address.", _DOCS)
        case 405:
            return Problem(405, "method_not_allowed", "This address only reads.", _DOCS, headers)
        case status:
            return Problem(status, "usage", error.detail, "", headers)


_DOCS = "/docs lists the addresses there are."


def _later(code: str, message: str) -> Problem:
    headers = {"Retry-After": str(COME_BACK_SECONDS)}
    return Problem(503, code, message, "Ask again in a moment.", headers)


def _slips(errors: Sequence[Any]) -> str:
    """What is wrong with the parameters, one sentence each."""
    return " ".join(dict.fromkeys(_slip(error) for error in errors))


def _slip(error: Mapping[str, Any]) -> str:
    place = error["loc"]
    name = place[1] if len(place) > 1 else place[0]
    match error["type"]:
        case "extra_forbidden":
            return f"There is no parameter {name!r}."
        case "missing":
            return f"The parameter {name!r} is missing."
        case _:
            message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
            return f"{name}: {message}."


def _reads_pages(request: Request) -> bool:
    path = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(PROGRAMS)
