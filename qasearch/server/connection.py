"""HTTP/1.1 connections that nobody can hold open by saying little, or by hearing little.

uvicorn bounds the head of a request and the pause between two, but waits for ever for a request to
be complete, and for a caller to take in a reply.
"""

import asyncio
import json
import logging
import secrets
from typing import Any

import h11
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from qasearch.server.errors import COME_BACK_SECONDS
from qasearch.server.settings import Settings

logger = logging.getLogger("qasearch.server.access")

SPARE_CONNECTIONS = 128
"""Connections beyond the limit that are told to come back; further ones are just dropped."""


def bounded_protocol(settings: Settings) -> type[H11Protocol]:
    """Make uvicorn's protocol keep the limits of ``settings``."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"limits": settings})


class _BoundedProtocol(H11Protocol):
    """One connection."""

    limits: Settings

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._request_timer: asyncio.TimerHandle | None = None
        self._reply_timer: asyncio.TimerHandle | None = None
        # Whether anything came since the last reply.
        self._heard = False

    def connection_made(  # pyright: ignore[reportIncompatibleMethodOverride] as in uvicorn
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        surplus = len(self.connections) - self.limits.connections
        if surplus > SPARE_CONNECTIONS:
            transport.abort()
        elif surplus > 0:
            self.app = _busy
        self._watch_request()

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self._heard = True
            super().data_received(data)
            self._watch_request()

    def on_response_complete(self) -> None:
        self._heard = bool(self.conn.trailing_data[0])
        super().on_response_complete()
        self._watch_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._request_timer, self._reply_timer):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reply_timer = self.loop.call_later(self.limits.reply_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reply_timer is not None:
            self._reply_timer.cancel()
            self._reply_timer = None

    def send_400_response(self, msg: str) -> None:
        """Say in the form of all errors that this was not HTTP."""
        self._give_up(400, "bad_request", msg)

    def _watch_request(self) -> None:
        """Let a timer run exactly while the caller owes us the rest of a request."""
        owed = self._owed() and not self.transport.is_closing()
        if self._request_timer is not None and not owed:
            self._request_timer.cancel()
            self._request_timer = None
        elif self._request_timer is None and owed:
            self._request_timer = self.loop.call_later(
                self.limits.request_seconds, self._give_up, 408, "too_slow", "That took too long."
            )

    def _owed(self) -> bool:
        if self._begun() and not self.cycle.response_complete:
            return self.cycle.more_body
        if not self._begun() or self.conn.their_state is h11.SEND_BODY:
            return True
        return bool(self.conn.trailing_data[0])

    def _begun(self) -> bool:
        """Whether the head of a request has come on this connection."""
        return self.cycle is not None  # pyright: ignore[reportUnnecessaryComparison]

    def _give_up(self, status: int, code: str, message: str) -> None:
        """Close the connection; who is in the middle of asking is told why."""
        if self.transport.is_closing():
            return
        replying = (
            self._begun() and self.cycle.response_started and not self.cycle.response_complete
        )
        # Browsers connect before they know what to ask. A reply to nothing would confuse them.
        if self._heard and not replying:
            error = _error(code, message, "")
            logger.info("%s %s", error["error"]["id"], message)
            self.transport.write(_reply(status, error))
        self.transport.close()


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whoever came when all connections were taken."""
    body = _error("busy", "Too many connections are open.", "Ask again in a moment.")
    headers = {"Retry-After": str(COME_BACK_SECONDS), "Connection": "close"}
    await JSONResponse(body, 503, headers)(scope, receive, send)


def _reply(status: int, error: object) -> bytes:
    body = json.dumps(error).encode("ascii")
    head = (
        f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def _error(code: str, message: str, hint: str) -> dict[str, dict[str, str]]:
    """An error that came before there was a request that could have an id."""
    id = secrets.token_hex(6)
    return {"error": {"code": code, "message": message, "hint": hint, "id": id}}
