"""Who may ask: what a request says about itself is checked before anything is done for it.

A browser can be made to call this server by any page that it shows. Such calls betray themselves by
their Host (a name that was pointed at this machine) or their Origin (the page that makes them).
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import cookie_parser
from starlette.types import Scope

from qasearch.server.errors import Problem
from qasearch.server.settings import Settings, is_loopback

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

OPEN_PATHS = ("/static/", "/login")
"""What the page that asks for the token is made of, and where it sends it."""

_CLOSE = {"Connection": "close"}
"""Whoever speaks another language may mean something else by what comes next."""

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one server.

    Attributes:
        settings: what it is run with.
    """

    settings: Settings

    def refusal(self, scope: Scope) -> Problem | None:
        """Why a request is not let in; None if it is."""
        headers = Headers(scope)
        return (
            self._wrong_form(scope, headers)
            or self._wrong_host(scope, headers)
            or self._wrong_origin(headers)
            or self._no_token(scope, headers)
        )

    def knows(self, token: str) -> bool:
        """Whether this is the token; takes as long for a nearly right one as for any other."""
        expected = self.settings.token or ""
        return hmac.compare_digest(token.encode(), expected.encode()) and bool(expected)

    def cookie_name(self, scope: Scope) -> str:
        """A name of its own for each port, which cookies do not tell apart."""
        return f"qasearch-{scope['server'][1]}"

    def cookie_value(self) -> str:
        """What a browser shows instead of the token, which it need not keep."""
        key = (self.settings.token or "").encode()
        return hmac.new(key, b"qasearch cookie 1", sha256).hexdigest()

    def _wrong_form(self, scope: Scope, headers: "Headers") -> Problem | None:
        settings = self.settings
        target = len(scope["raw_path"]) + len(scope["query_string"])
        if scope["http_version"] not in ("1.0", "1.1"):
            return Problem(505, "bad_version", "This server speaks HTTP/1.1.", "", _CLOSE)
        if not scope["raw_path"].startswith(b"/"):
            return Problem(400, "bad_target", "The target of a request is a path.", "", _CLOSE)
        if headers.all("transfer-encoding") and headers.all("content-length"):
            return Problem(400, "two_lengths", "A request has one length, not two.", "", _CLOSE)
        if target > settings.url_bytes:
            message = f"An address has at most {settings.url_bytes:,} bytes."
            return Problem(414, "url_too_long", message)
        if headers.bytes() > settings.head_bytes:
            message = f"The headers have at most {settings.head_bytes:,} bytes."
            return Problem(431, "headers_too_large", message)
        return None

    def _wrong_host(self, scope: Scope, headers: "Headers") -> Problem | None:
        hosts = headers.all("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return Problem(400, "bad_host", "A request names one host in its Host header.")
        address, port = scope["server"]
        name, named_port = match[1].lower(), int(match[2] or 80)
        if name in self._own_names(address) and named_port == port:
            return None
        if {name, hosts[0].lower()} & {host.lower() for host in self.settings.allowed_hosts}:
            return None
        return Problem(
            403,
            "foreign_host",
            "This server does not go by that name.",
            "Whoever runs it can allow the name with --allow-host.",
        )

    def _own_names(self, address: str) -> Iterator[str]:
        """Names and addresses that mean this server, for a caller connected to ``address``."""
        bare = address.removeprefix("::ffff:")
        if is_loopback(bare):
            yield from LOOPBACK_HOSTS
        yield self.settings.host.lower()
        yield f"[{bare}]" if ":" in bare else bare

    def _wrong_origin(self, headers: "Headers") -> Problem | None:
        origins = headers.all("origin")
        host = headers.all("host")[0].lower()
        if all(origin.lower() in (f"http://{host}", f"https://{host}") for origin in origins):
            return None
        return Problem(403, "foreign_origin", "Pages of other sites may not ask here.")

    def _no_token(self, scope: Scope, headers: "Headers") -> Problem | None:
        if self.settings.token is None or scope["path"].startswith(OPEN_PATHS):
            return None
        scheme, _, token = (*headers.all("authorization"), "")[0].partition(" ")
        if scheme.lower() == "bearer" and self.knows(token.strip()):
            return None
        if hmac.compare_digest(self._cookie(scope, headers).encode(), self.cookie_value().encode()):
            return None
        return Problem(
            401,
            "token_needed",
            "This server answers only to who knows its token.",
            "Send it as `Authorization: Bearer TOKEN`; in a browser, open the page and enter it.",
            {"WWW-Authenticate": 'Bearer realm="qasearch"'},
        )

    def _cookie(self, scope: Scope, headers: "Headers") -> str:
        cookies = cookie_parser("; ".join(headers.all("cookie")))
        return cookies.get(self.cookie_name(scope), "")


class Headers:
    """The headers of a request, each as often as it was sent."""

    def __init__(self, scope: Scope) -> None:
        self._pairs: list[tuple[bytes, bytes]] = scope["headers"]

    def all(self, name: str) -> list[str]:
        """The values of a header, by its name in small letters."""
        wanted = name.encode("ascii")
        return [value.decode("latin-1") for key, value in self._pairs if key == wanted]

    def bytes(self) -> int:
        """Their size, as they are sent."""
        return sum(len(name) + len(value) + len(": \r\n") for name, value in self._pairs)
