"""Where the server listens, whom it lets in, and how much it takes from anybody."""

import ipaddress
from dataclasses import dataclass, field

from qasearch.batches import processors

SHORTEST_TOKEN = 16
"""Characters. Shorter ones can be guessed by asking often enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server is run with; checked when made.

    Attributes:
        host: address or name to listen on.
        port: 0 takes any free one.
        token: what callers must know; needed unless ``host`` is loopback.
        allowed_hosts: further names, with a port or without one, by which browsers may call the
            server: that of a proxy before it, for example.
        body_bytes, url_bytes, head_bytes: of a request, at most.
        request_seconds: for a whole request to arrive, from its first byte.
        reply_seconds: for a caller to take in a part of a reply.
        idle_seconds: a connection is kept open without a request.
        stop_seconds: for requests to end once the server is told to stop.
        connections: open at once, at most; further ones are answered with 503.
        searches: run at once, at most.
        waiting: searches that wait for their turn, at most; further ones are answered with 503.
        reload_seconds: between two looks for a new generation.

    Raises:
        ValueError: a token is missing, or too short.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    body_bytes: int = 64 << 10
    url_bytes: int = 8 << 10
    head_bytes: int = 16 << 10
    request_seconds: float = 5.0
    reply_seconds: float = 10.0
    idle_seconds: int = 15
    stop_seconds: int = 10
    connections: int = 512
    searches: int = field(default_factory=processors)
    waiting: int = 128
    reload_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"{self.host} can be reached from other machines, so a token is needed: set "
                "QASEARCH_TOKEN (or pass --token), or listen on 127.0.0.1."
            )
        if self.token is not None and (
            len(self.token) < SHORTEST_TOKEN or not self.token.isascii() or " " in self.token
        ):
            raise ValueError(
                f"A token has at least {SHORTEST_TOKEN} ASCII characters and no blank; this makes "
                'one: python -c "import secrets; print(secrets.token_urlsafe())"'
            )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can call ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
