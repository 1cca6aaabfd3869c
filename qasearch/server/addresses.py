"""The addresses of pages."""

from urllib.parse import quote, urlencode

from qasearch import Passage


def search_url(*pairs: tuple[str, str]) -> str:
    """Of a search, by its parameters."""
    return f"/?{urlencode(pairs, quote_via=quote)}"


def article_url(id: str, q: str = "", place: str = "") -> str:
    """Of an article, of a place in it, and with the question that it was found by."""
    asked = f"?{urlencode({'q': q}, quote_via=quote)}" if q else ""
    return f"/article/{quote(id, safe='')}{asked}{'#' if place else ''}{place}"


def anchor(passage: Passage) -> str:
    """The id of a passage's place in the page of its article; ordinals may repeat, so by seq."""
    return f"point-{passage.seq}"
