"""The gate that every request passes first: who asks, how much, and what every reply carries."""

import logging
import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qasearch.server.access import Access, Headers
from qasearch.server.errors import Problem, RefusedError, answer_error
from qasearch.server.settings import Settings
from qasearch.server.work import CallerGoneError

access_logger = logging.getLogger("qasearch.server.access")

EVERY_REPLY = {
    # Images are the icon in the browser's tab, the font is that of formulas: no content has either.
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Nothing of a query is told to a site whose link is followed. "no-referrer" would tell our own
    # form a null Origin.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "private, no-cache",
}
"""Headers of every reply that does not set them itself."""


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: what is behind it.
        settings: limits, and who is let in.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._access = Access(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or refuse it; either way it is answered and logged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A reply to HEAD is one to GET without its body.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        id = secrets.token_hex(6)
        inner = {**scope, "method": method, "state": {**scope.get("state", {}), "request_id": id}}
        reply = _Reply(send, id, bodiless=scope["method"] == "HEAD")
        started = time.perf_counter()
        try:
            await self._pass_on(inner, receive, reply)
        except Exception as error:
            # What was answered was told and logged by who answered it.
            if not reply.status:
                response = await answer_error(Request(inner), error)
                await response(inner, receive, reply)
        _log(scope, id, reply.status, time.perf_counter() - started)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._access.refusal(scope)
        if refusal is not None:
            raise RefusedError(refusal)
        body = await self._body(Headers(scope), receive)
        await self._app(scope, _after(body, receive), send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """Read the whole body, as far as it may go."""
        longest = self._settings.body_bytes
        body = b""
        announced = (*headers.all("content-length"), "0")[0]
        more = True
        while more:
            if len(body) > longest or int(announced) > longest:
                raise RefusedError(_too_large(longest))
            message = await receive()
            if message["type"] == "http.disconnect":
                raise CallerGoneError
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


class _Reply:
    """Sends a reply on with what every reply carries; ``status`` is 0 until it begins."""

    def __init__(self, send: Send, id: str, *, bodiless: bool) -> None:
        self._send = send
        self._id = id
        self._bodiless = bodiless
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._id
            for name, value in EVERY_REPLY.items():
                headers.setdefault(name, value)
        elif self._bodiless:
            message = {**message, "body": b""}
        await self._send(message)


def _after(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read, and then what the server gives."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def _too_large(longest: int) -> Problem:
    # Nobody waits for the rest of it.
    headers = {"Connection": "close"}
    return Problem(413, "too_large", f"A body has at most {longest:,} bytes.", "", headers)


def _log(scope: Scope, id: str, status: int, seconds: float) -> None:
    """One line a request. What was asked is other people's affair: no query string."""
    path = scope["raw_path"].decode("ascii", "backslashreplace")
    access_logger.info("%s %s %s %d %.1f ms", id, scope["method"], path, status, 1_000 * seconds)
