"""Listening: sockets, uvicorn, and an end that no caller notices."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from errno import EADDRNOTAVAIL, EAFNOSUPPORT
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from qasearch import Embedder
from qasearch.server.app import create_app
from qasearch.server.connection import bounded_protocol
from qasearch.server.settings import Settings


def serve(
    index: str | Path,
    embedder: Embedder,
    settings: Settings,
    *,
    on_listening: Callable[[str], None],
) -> None:
    """Answer from an index until SIGINT or SIGTERM; requests that have begun are answered first.

    Args:
        index: its folder.
        embedder: the one that built it.
        settings: where to listen, limits, and who is let in.
        on_listening: told the address of the page, once callers can connect.

    Raises:
        ValueError: it cannot listen there.
        QASearchError: there is no index, or it cannot be used.
    """
    with ExitStack() as closing:
        sockets = listen(settings.host, settings.port)
        for each in sockets:
            closing.callback(each.close)
        server = make_server(create_app(index, embedder, settings), settings)
        on_listening(address(sockets, settings.host))
        # uvicorn ends well, and then raises anew the signal that ended it.
        with suppress(KeyboardInterrupt):
            server.run(sockets=sockets)


def make_server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    """Make the server that runs an application within the limits of ``settings``."""
    config = uvicorn.Config(
        app,
        http=bounded_protocol(settings),
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=settings.head_bytes,
        timeout_keep_alive=settings.idle_seconds,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> list[socket.socket]:
    """Open a socket for each address of ``host``, all on one port.

    Raises:
        ValueError: there is no such host, or the port is taken or not allowed.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, place in dict.fromkeys(found):
            wanted = sockets[0].getsockname()[1] if sockets else port
            sockets += _bound(family, (place[0], wanted, *place[2:]))
        if not sockets:
            raise OSError(EADDRNOTAVAIL, os.strerror(EADDRNOTAVAIL))
    except (OSError, OverflowError) as error:
        for each in sockets:
            each.close()
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"Cannot listen on {host}, port {port}: {reason}.") from error
    return sockets


def _bound(family: int, place: tuple[Any, ...]) -> list[socket.socket]:
    """A socket that listens at ``place``; none where this machine has no such address.

    Raises:
        OSError: it is taken, or not allowed.
    """
    with ExitStack() as undo:
        try:
            # Only of sockets that say they are TCP does asyncio turn Nagle's algorithm off, which
            # would hold the body of each reply back for some 40 ms.
            tcp = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listening = undo.enter_context(tcp)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen()
        except OSError as error:
            # localhost has an IPv6 address in name, even where there is no IPv6.
            if error.errno in (EADDRNOTAVAIL, EAFNOSUPPORT):
                return []
            raise
        undo.pop_all()
        return [listening]


def address(sockets: list[socket.socket], host: str) -> str:
    """The address of the page."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{sockets[0].getsockname()[1]}/"
