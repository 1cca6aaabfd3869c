"""Requests that no library would send, as bytes: each is refused, and the server lives."""

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from qasearch.server import Settings
from tests.server.conftest import Serve, Served, read_all

MIB = 1 << 20


def request(
    target: bytes = b"/health",
    *lines: bytes,
    method: bytes = b"GET",
    version: bytes = b"HTTP/1.1",
    host: bytes = b"{host}",
    body: bytes = b"",
) -> bytes:
    """A request that asks for the connection to be closed; ``{host}`` becomes the right Host."""
    head = [b"%s %s %s" % (method, target, version), b"Host: " + host, b"Connection: close", *lines]
    return b"\r\n".join([*head, b"", body])


def status(reply: bytes) -> int:
    """The status of a reply, which is whole and, if it is an error, says so in JSON."""
    reply = reply.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    assert match, reply[:200]
    code = int(match[1])
    if code >= 400 and b"content-type: text/html" not in head:
        error = json.loads(body)["error"]
        assert error["code"]
        assert re.fullmatch("[0-9a-f]{12}", error["id"])
    for secret in (b"Traceback", b'.py"', b"/tmp/", b"site-packages"):
        assert secret not in reply
    return code


LONG = b"a" * 9_000
CHUNKED = b"Transfer-Encoding: chunked"

CASES: dict[str, tuple[bytes, int]] = {
    # What is right.
    "plain": (request(), 200),
    "http/1.0 with a host": (request(version=b"HTTP/1.0"), 200),
    "head": (request(method=b"HEAD"), 200),
    "body of a get, within limits": (request(b"/health", b"Content-Length: 3", body=b"abc"), 200),
    "chunked body of a get": (request(b"/health", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"), 200),
    "expect": (request(b"/health", b"Content-Length: 0", b"Expect: 100-continue"), 200),
    "upgrade": (request(b"/health", b"Upgrade: websocket"), 200),
    "bare newlines": (request().replace(b"\r\n", b"\n"), 200),
    "case of names": (request(b"/health", b"oRiGiN: http://{host}"), 200),
    # Hosts.
    "no host": (b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "no host in 1.0": (b"GET /health HTTP/1.0\r\n\r\n", 400),
    "empty host": (request(host=b""), 400),
    "two hosts": (request(b"/health", b"Host: {host}"), 400),
    "two hosts, one foreign": (request(b"/health", b"Host: example.org"), 400),
    "foreign host": (request(host=b"example.org"), 403),
    "foreign host with our port": (request(host=b"example.org:{port}"), 403),
    "rebound name": (request(host=b"127.0.0.1.example.org:{port}"), 403),
    "another port": (request(host=b"127.0.0.1:1"), 403),
    "no port": (request(host=b"127.0.0.1"), 403),
    "wide port": (request(host=b"127.0.0.1:999999"), 400),
    "user in host": (request(host=b"localhost@example.org"), 400),
    "host as a list": (request(host=b"{host}, example.org"), 400),
    "localhost": (request(host=b"localhost:{port}"), 200),
    "ipv6 loopback": (request(host=b"[::1]:{port}"), 200),
    "ipv6 of others": (request(host=b"[2001:db8::1]:{port}"), 403),
    "ipv6 without brackets": (request(host=b"::1:{port}"), 400),
    "all addresses": (request(host=b"0.0.0.0:{port}"), 403),
    "decimal address": (request(host=b"2130706433:{port}"), 403),
    "x-forwarded-host": (request(b"/health", b"X-Forwarded-Host: example.org"), 200),
    # Origins.
    "own origin": (request(b"/health", b"Origin: http://{host}"), 200),
    "foreign origin": (request(b"/health", b"Origin: http://example.org"), 403),
    "null origin": (request(b"/health", b"Origin: null"), 403),
    "two origins": (
        request(b"/health", b"Origin: http://{host}", b"Origin: http://example.org"),
        403,
    ),
    "origin with a path": (request(b"/health", b"Origin: http://{host}/"), 403),
    # Targets.
    "absolute target": (request(b"http://example.org/health"), 400),
    "absolute target of ours": (request(b"http://{host}/health"), 400),
    "at sign": (request(b"@example.org/health"), 400),
    "asterisk": (request(b"*", method=b"OPTIONS"), 400),
    "connect": (request(b"example.org:443", method=b"CONNECT"), 400),
    "two slashes": (request(b"//example.org/health"), 404),
    "dots": (request(b"/static/../../../../etc/passwd"), 404),
    "encoded dots": (request(b"/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), 404),
    "encoded slashes": (request(b"/static/..%2f..%2f..%2fetc%2fpasswd"), 404),
    "backslashes": (request(b"/static/..\\..\\..\\etc\\passwd"), 404),
    "dots in an id": (request(b"/api/articles/../../etc/passwd"), 404),
    "nul": (request(b"/static/%00"), 404),
    "nul in an id": (request(b"/api/articles/%00"), 404),
    "not utf-8": (request(b"/api/articles/%ff%fe"), 404),
    "query not utf-8": (request(b"/api/search?q=%ff%fe"), 200),
    "bytes above ascii": (request(b"/\xc3\xa9"), 400),
    "blank in the target": (request(b"/health HTTP/1.1 x"), 400),
    "long url": (request(b"/" + LONG), 414),
    "long query": (request(b"/api/search?q=" + LONG), 414),
    "longest query": (request(b"/api/search?q=" + b"a" * 8_000), 200),
    "many parameters": (request(b"/api/search?q=a&" + b"x=1&" * 1_500), 422),
    # Methods.
    "post": (request(method=b"POST"), 405),
    "unknown method": (request(method=b"BREW"), 405),
    "lower case method": (request(method=b"get"), 405),
    "no method": (b" /health HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    # Not HTTP.
    "nonsense": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n", 400),
    "http/0.9": (b"GET /health\r\n\r\n", 400),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http/9.9": (request(version=b"HTTP/9.9"), 505),
    "header without a colon": (request(b"/health", b"Nonsense"), 400),
    "blank before the colon": (request(b"/health", b"X : 1"), 400),
    "folded header": (request(b"/health", b"X: 1", b" 2"), 200),
    "nul in a header": (request(b"/health", b"X: a\x00b"), 400),
    "long header": (request(b"/health", b"X: " + b"a" * 20_000), 431),
    "many headers": (request(b"/health", *[b"X-%d: 1" % n for n in range(2_000)]), 431),
    "endless head": (b"GET /health HTTP/1.1\r\nX: " + b"a" * 40_000, 400),
    # Bodies.
    "two lengths": (request(b"/health", b"Content-Length: 3", CHUNKED, body=b"0\r\n\r\n"), 400),
    "two different lengths": (
        request(b"/health", b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"),
        400,
    ),
    "negative length": (request(b"/health", b"Content-Length: -1"), 400),
    "length in words": (request(b"/health", b"Content-Length: three"), 400),
    "huge length": (request(b"/health", b"Content-Length: " + b"9" * 19), 413),
    "huger length": (request(b"/health", b"Content-Length: " + b"9" * 40), 400),
    "large body": (request(b"/health", b"Content-Length: 70000", body=b"a" * 70_000), 413),
    "large chunk": (request(b"/health", CHUNKED, body=b"fffff\r\n" + b"a" * 70_000), 413),
    "unknown coding": (request(b"/health", b"Transfer-Encoding: gzip, chunked"), 400),
    "chunk of no size": (request(b"/health", CHUNKED, body=b"zz\r\n"), 400),
    "form too large": (
        request(b"/login", b"Content-Length: 65537", method=b"POST", body=b"a" * 65_537),
        413,
    ),
    "form of nothing": (request(b"/login", b"Content-Length: 0", method=b"POST"), 401),
}


@pytest.mark.parametrize("name", CASES)
def test_request(served: Served, name: str) -> None:
    raw, expected = CASES[name]
    host = b"%s:%d" % (served.host.encode(), served.port)
    raw = raw.replace(b"{host}", host).replace(b"{port}", b"%d" % served.port)
    assert status(served.send(raw)) == expected
    assert status(served.send(request(host=host))) == 200


def test_ipv6(serve: Serve, harbour: Path) -> None:
    try:
        server = serve(harbour, Settings(host="::1", port=0))
    except ValueError as error:
        pytest.skip(f"no IPv6 here: {error}")
    for host, expected in {
        "[::1]:{}": 200,
        "localhost:{}": 200,
        "[0:0:0:0:0:0:0:1]:{}": 403,
        "[::ffff:127.0.0.1]:{}": 403,
        "[::1]": 403,
        "[::2]:{}": 403,
        "example.org:{}": 403,
    }.items():
        raw = request(host=host.format(server.port).encode())
        assert status(server.send(raw)) == expected, host
    own = f"[::1]:{server.port}".encode()
    assert status(server.send(request(b"/", b"Origin: http://" + own, host=own))) == 200
    assert status(server.send(request(b"/", b"Origin: http://[::2]", host=own))) == 403


@pytest.fixture(scope="module")
def impatient(serve: Serve, harbour: Path) -> Served:
    """A server whose patience ends soon, and that takes few at once."""
    return serve(
        harbour,
        Settings(port=0, request_seconds=0.3, reply_seconds=0.3, idle_seconds=1, connections=20),
    )


def own_host(server: Served) -> bytes:
    return b"%s:%d" % (server.host.encode(), server.port)


@pytest.mark.parametrize(
    "begun",
    [
        b"G",
        b"GET /health HTTP/1.1\r\nHost: {host}\r\n",
        b"POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\ntoken=",
        b"POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntok",
        # A second request on the same connection.
        b"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\nGET /hea",
    ],
)
def test_half_a_request_is_not_waited_for(impatient: Served, begun: bytes) -> None:
    reply = impatient.send(begun.replace(b"{host}", own_host(impatient)))
    *_, last = re.split(rb"(?=HTTP/1\.1 )", reply)
    assert status(last) == 408


def test_a_caller_who_says_nothing_is_told_nothing(impatient: Served) -> None:
    assert impatient.send(b"") == b""


def test_a_drip_is_not_waited_for(impatient: Served) -> None:
    """A byte now and then does not start the clock anew."""
    with impatient.connect() as connection:
        with pytest.raises(OSError):
            for byte in request(host=own_host(impatient)) * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        with pytest.raises(OSError):
            connection.sendall(b"x" * MIB)


def test_an_idle_connection_is_closed(impatient: Served) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: " + own_host(impatient) + b"\r\n\r\n")
        assert status(read_all(connection)) == 200


def test_a_reply_that_nobody_takes_in_is_given_up(impatient: Served) -> None:
    asked = b"GET /?q=berth HTTP/1.1\r\nHost: " + own_host(impatient) + b"\r\n\r\n"
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        received = 0
        with pytest.raises(OSError):
            for _ in range(2_000):
                connection.sendall(asked)
                time.sleep(0.005)
            while part := connection.recv(65_536):
                received += len(part)
            raise ConnectionResetError("closed by the server")
        assert received < 2_000 * 10_000


def test_connections_beyond_the_limit_are_told(impatient: Served) -> None:
    raw = request(host=own_host(impatient))
    open_ones = [impatient.connect() for _ in range(20)]
    try:
        reply = impatient.send(raw)
        assert status(reply) == 503
        assert b"\r\nretry-after: 1\r\n" in reply.lower()
    finally:
        for connection in open_ones:
            connection.close()
    eventually(lambda: status(impatient.send(raw)) == 200)


def test_a_thousand_connections(served: Served) -> None:
    """What is over the limit is turned away; memory and life go on."""
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 4_096:
        pytest.skip(f"a process may open {most} files here, and this needs 2,000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, 4_096), most))
    process = psutil.Process()
    raw = request(host=own_host(served))
    before = process.memory_info().rss
    connections: list[socket.socket] = []
    try:
        for _ in range(1_000):
            connections.append(served.connect())
        grown = process.memory_info().rss - before
        for connection in connections[:50]:
            connection.sendall(raw)
            assert status(read_all(connection)) == 200
    finally:
        for connection in connections:
            connection.close()
    assert grown < 64 * MIB
    eventually(lambda: status(served.send(raw)) == 200)


def test_a_large_body_is_not_kept(served: Served) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    head = request(b"/login", CHUNKED, method=b"POST", host=own_host(served))
    with served.connect() as connection:
        connection.sendall(head)
        with pytest.raises(OSError):
            for _ in range(64):
                connection.sendall(b"100000\r\n" + b"a" * MIB + b"\r\n")
            read_all(connection)
            raise ConnectionResetError("closed by the server")
    assert process.memory_info().rss - before < 64 * MIB


def test_a_caller_who_hangs_up(served: Served) -> None:
    raw = request(b"/api/search?q=berth", host=own_host(served))
    for _ in range(20):
        with served.connect() as connection:
            connection.sendall(raw)
    assert status(served.send(raw)) == 200


def test_requests_in_a_row_are_answered_in_order(served: Served) -> None:
    asked = [b"/api/articles/" + id for id in (b"money", b"storms", b"nobody", b"fish")]
    lines = b"\r\nHost: " + own_host(served) + b"\r\n"
    raw = b"".join(b"GET " + target + b" HTTP/1.1" + lines + b"\r\n" for target in asked)
    reply = served.send(raw + b"GET /nope HTTP/1.1" + lines + b"Connection: close\r\n\r\n")
    statuses = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", reply)]
    assert statuses == [200, 200, 404, 200, 404]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
