import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.query.text import LONGEST_QUERY, clean


@pytest.mark.parametrize("blank", ["", "   ", "\n\t", "\x00\x1b\x07", "\u2028"])
def test_a_blank_query_is_the_callers_slip(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        clean(blank)


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ("  who   pays\nfor it? ", "who pays for it?"),
        ("a\x00b\x1b[2Jc", "a b [2Jc"),
        ("\ud800 pays", "\N{REPLACEMENT CHARACTER} pays"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
        ("the", "the"),
    ],
)
def test_a_query_becomes_one_regular_line(query: str, cleaned: str) -> None:
    assert clean(query) == (cleaned, [])


def test_a_long_query_is_cut_and_says_so() -> None:
    text, warnings = clean("a" * (LONGEST_QUERY + 1))
    assert text == "a" * LONGEST_QUERY
    assert warnings == ["The query was cut to its first 2,000 characters."]
    assert clean("a" * LONGEST_QUERY)[1] == []


@given(st.text(alphabet=st.characters(), min_size=1, max_size=300))
def test_any_text_is_cleaned_or_refused(query: str) -> None:
    try:
        text, _ = clean(query)
    except ValueError:
        return
    text.encode("utf-8")
    assert text == " ".join(text.split())
    assert clean(text)[0] == text


@given(st.text(alphabet="aeiouéèüñ ", min_size=1).filter(str.strip))
def test_both_unicode_forms_search_for_the_same(query: str) -> None:
    assert clean(unicodedata.normalize("NFD", query)) == clean(unicodedata.normalize("NFC", query))
