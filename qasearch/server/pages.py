"""Pages: what the templates are given, and what they may call."""

import datetime
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from qasearch import Article, Passage, __version__
from qasearch.server.addresses import anchor, article_url, search_url
from qasearch.server.markdown import excerpt, line

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"

SURENESS = ((0.85, "Very likely"), (0.6, "Likely"), (0.3, "Possibly"), (0.0, "Unlikely"))
"""Least confidence, and the words for it."""


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """Fill a template."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    written = _ENVIRONMENT.get_template(template).render(
        request_id=request_id, static=static_url, version=__version__, **content
    )
    return HTMLResponse(written, status, headers)


def static_url(name: str) -> str:
    """The address of a bundled file: another one when its content is another."""
    return f"/static/{name}?v={_DIGESTS[name]}"


def day(date: datetime.date) -> str:
    """A date for people: 13 December 2024."""
    return f"{date.day} {date:%B %Y}"


def sureness(confidence: float) -> str:
    """A confidence in words."""
    return next(words for least, words in SURENESS if round(confidence, 2) >= least)


def number(passage: Passage) -> str:
    """The number of a point as printed; empty for any other passage."""
    return passage.ordinal or ""


def web_address(article: Article) -> str:
    """Where an article was published on the web; empty if nowhere."""
    return next((url for url in article.urls if url.startswith(("https://", "http://"))), "")


def question_url(q: str) -> str:
    """The address of the search for a question."""
    return search_url(("q", q))


def host(url: str) -> str:
    """The site that an address is of."""
    return urlsplit(url).hostname or url


_DIGESTS = {path.name: sha256(path.read_bytes()).hexdigest()[:10] for path in STATIC.iterdir()}

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    anchor=anchor,
    article_url=article_url,
    day=day,
    excerpt=excerpt,
    host=host,
    line=line,
    number=number,
    question_url=question_url,
    sureness=sureness,
    web_address=web_address,
)
