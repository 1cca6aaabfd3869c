"""Who is let in: hosts, origins, the token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from qasearch.server import Settings, create_app
from qasearch.server.settings import is_loopback
from tests.tiny import TinyEmbedder

TOKEN = "a-token-for-the-tests-0123456789"
OUTSIDE = Settings(host="192.0.2.7", token=TOKEN, allowed_hosts=("search.example", "other:8443"))


@pytest.fixture(scope="module")
def outside(harbour: Path) -> Iterator[TestClient]:
    """A server that other machines can reach, asked by one of them; without the token."""
    app = create_app(harbour, TinyEmbedder(1024), OUTSIDE)
    with TestClient(app, base_url="http://192.0.2.7") as client:
        yield client


@pytest.fixture
def visitor(outside: TestClient) -> Iterator[TestClient]:
    """The same, forgetting its cookies."""
    outside.cookies.clear()
    yield outside
    outside.cookies.clear()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True)),
        *(("LOCALHOST", True), ("0.0.0.0", False), ("::", False), ("192.168.0.1", False)),
        *(("example.org", False), ("localhost.example.org", False), ("", False)),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", ""])
def test_another_host_needs_a_token(host: str) -> None:
    with pytest.raises(ValueError, match="a token is needed"):
        Settings(host=host)
    assert Settings(host=host, token=TOKEN).token == TOKEN


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "with a blank, which is long", "é" * 20])
def test_a_poor_token(token: str) -> None:
    with pytest.raises(ValueError, match="at least 16 ASCII characters"):
        Settings(token=token)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("127.0.0.1", 200), ("localhost", 200), ("LocalHost:80", 200), ("[::1]", 200)),
        *(("localhost:8080", 403), ("example.org", 403), ("127.0.0.1.example.org", 403)),
        *(("localhost.", 403), ("evil@localhost", 400), ("localhost/", 400), ("", 400)),
        *(("[::1", 400), ("::1", 400), ("127.0.0.1:", 400), ("localhost:80:80", 400)),
    ],
)
def test_hosts(client: TestClient, host: str, status: int) -> None:
    reply = client.get("/health", headers={"Host": host})
    assert reply.status_code == status
    if status != 200:
        assert reply.json()["error"]["code"] in ("foreign_host", "bad_host")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        *(("http://127.0.0.1", 200), ("https://127.0.0.1", 200), ("HTTP://127.0.0.1", 200)),
        *(("http://127.0.0.1:8080", 403), ("http://localhost", 403), ("null", 403)),
        *(("https://example.org", 403), ("http://127.0.0.1.example.org", 403), ("", 403)),
    ],
)
def test_origins(client: TestClient, origin: str, status: int) -> None:
    reply = client.get("/health", headers={"Origin": origin})
    assert reply.status_code == status
    if status != 200:
        assert reply.json()["error"]["code"] == "foreign_origin"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("192.0.2.7", 200), ("search.example", 200), ("search.example:9000", 200)),
        *(("other:8443", 200), ("other", 403), ("localhost", 403), ("192.0.2.8", 403)),
    ],
)
def test_hosts_of_a_server_that_others_reach(visitor: TestClient, host: str, status: int) -> None:
    headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
    assert visitor.get("/health", headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/api/search?q=a", "/health", "/ready", "/openapi.json", "/nope"])
def test_programs_show_the_token(visitor: TestClient, path: str) -> None:
    reply = visitor.get(path)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "token_needed")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    for wrong in (f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer "):
        assert visitor.get(path, headers={"Authorization": wrong}).status_code == 401
    shown = visitor.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert shown.status_code == (404 if path == "/nope" else 200)


def test_people_enter_the_token(visitor: TestClient) -> None:
    page = {"Accept": "text/html"}
    asked = visitor.get("/?q=tolls", headers=page)
    assert asked.status_code == 401
    assert '<input type="hidden" name="goal" value="/?q=tolls">' in asked.text
    assert "Tolls" not in asked.text
    assert visitor.get("/static/page.css").status_code == 200

    wrong = visitor.post("/login", data={"token": "x" * 20, "goal": "/?q=tolls"})
    assert wrong.status_code == 401
    assert "That is not the token." in wrong.text
    assert not visitor.cookies

    right = visitor.post(
        "/login", data={"token": TOKEN, "goal": "/?q=tolls"}, follow_redirects=False
    )
    assert (right.status_code, right.headers["location"]) == (303, "/?q=tolls")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert TOKEN not in cookie
    assert "Tolls" in visitor.get("/?q=tolls", headers=page).text
    assert visitor.get("/api/search?q=tolls").status_code == 200


@pytest.mark.parametrize("value", ["", "x", TOKEN, "0" * 64])
def test_a_cookie_that_is_not_ours(visitor: TestClient, value: str) -> None:
    reply = visitor.get("/health", headers={"Cookie": f"qasearch-80={value}"})
    assert reply.status_code == 401


def test_another_token_makes_old_cookies_void(visitor: TestClient, harbour: Path) -> None:
    visitor.post("/login", data={"token": TOKEN})
    (cookie,) = visitor.cookies.jar
    other = Settings(host="192.0.2.7", token="another-token-for-the-tests")
    with TestClient(
        create_app(harbour, TinyEmbedder(1024), other),
        base_url="http://192.0.2.7",
        headers={"Cookie": f"{cookie.name}={cookie.value}"},
    ) as client:
        assert client.get("/health").status_code == 401


@pytest.mark.parametrize(
    "goal",
    ["https://example.org/", "//example.org/", "/\\example.org", "javascript:alert(1)", "", "x"],
)
def test_after_the_token_nobody_is_sent_elsewhere(visitor: TestClient, goal: str) -> None:
    reply = visitor.post("/login", data={"token": TOKEN, "goal": goal}, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")


def test_a_form_of_another_site(visitor: TestClient) -> None:
    headers = {"Origin": "https://example.org"}
    reply = visitor.post("/login", data={"token": TOKEN}, headers=headers)
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


def test_without_a_token_there_is_no_way_in_to_show(client: TestClient) -> None:
    assert client.get("/login").status_code == 404
    assert client.post("/login", data={"token": ""}).status_code == 401
