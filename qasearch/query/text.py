"""The question as asked, made safe and regular before any model sees it."""

import unicodedata

LONGEST_QUERY = 2_000
"""Code points of a query that are read. A tokenizer spends seconds on a megabyte."""


def clean(query: str) -> tuple[str, list[str]]:
    """Give the text to search for, in NFC and on one line, and what the caller should know of it.

    Raises:
        ValueError: nothing but white space and control characters is in ``query``.
    """
    warnings: list[str] = []
    if len(query) > LONGEST_QUERY:
        warnings.append(f"The query was cut to its first {LONGEST_QUERY:,} characters.")
    # Cut first: normalising a megabyte of combining marks is itself slow.
    text = unicodedata.normalize("NFC", query[:LONGEST_QUERY])
    if not text.isprintable():
        text = "".join(map(_readable, text))
    text = " ".join(text.split())
    if not text:
        raise ValueError("The query is blank: ask a question in words.")
    return text, warnings


def _readable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":  # a lone surrogate has no UTF-8 form, so no tokenizer takes it
        return "\N{REPLACEMENT CHARACTER}"
    return " " if category == "Cc" else character
