"""Markdown of answers, made safe and readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.server.formulas import to_mathml
from qasearch.server.markdown import excerpt, line, whole


def math(inside: str, display: str = "inline") -> str:
    return f'<math display="{display}"><mrow>{inside}</mrow></math>'


X = math("<mi>x</mi>")
REL = 'rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain *not* _styled_ [x](https://a.example)", "plain *not* _styled_ [x](https://a.example)"),
        ("what is `a<b>` & <b>?", "what is <code>a&lt;b&gt;</code> &amp; &lt;b&gt;?"),
        ("why is $x$ odd?", f"why is {X} odd?"),
        ("why is \\(x\\) odd?", f"why is {X} odd?"),
        ("from $5 to $10", "from $5 to $10"),
    ],
)  # fmt: skip
def test_line(text: str, html: str) -> None:
    assert line(text) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>\n"),
        ("**a** _b_ ~~c~~", "<p><strong>a</strong> <em>b</em> <s>c</s></p>\n"),
        ("# Heading", "<p>Heading</p>\n"),
        ("1. a\n   - b", '<ol>\n<li value="1">a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ol>\n'),
        # The lines below the first were indented under the number of their point.
        ("parts:\n   - a\n   - b", "<p>parts:</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("- a\n  - b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("![chart](https://a.example/x.png)", "<p>[image: chart]</p>\n"),
        (
            "[a](https://a.example/?q=1&r=2)",
            f'<p><a href="https://a.example/?q=1&amp;r=2" {REL}>a</a></p>\n',
        ),
        ("[a](/here)", f"<p><a {REL}>a</a></p>\n"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"),
        ("```html\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        (
            "| a | b |\n|:-:|--:|\n| 1 | 2 |",
            '<div class="wide"><table>\n<thead>\n<tr>\n<th class="center">a</th>\n'
            '<th class="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td class="center">1</td>\n'
            '<td class="right">2</td>\n</tr>\n</tbody>\n</table></div>\n',
        ),
    ],
)  # fmt: skip
def test_excerpt(text: str, html: str) -> None:
    assert excerpt(text) == html


@pytest.mark.parametrize(
    ("text", "spans", "html"),
    [
        ("pay the toll", [(0, 3)], "<p><mark>pay</mark> the toll</p>\n"),
        ("pay the toll", [(8, 12), (0, 3)], "<p><mark>pay</mark> the <mark>toll</mark></p>\n"),
        # Across the borders of elements: each part is marked on its own.
        (
            "a **b** c",
            [(0, 9)],
            "<p><mark>a </mark><strong><mark>b</mark></strong><mark> c</mark></p>\n",
        ),
        ("`toll`", [(1, 5)], "<p><code><mark>toll</mark></code></p>\n"),
        ("a < b", [(2, 5)], "<p>a <mark>&lt; b</mark></p>\n"),
        ("é 🐟 z", [(2, 3), (4, 5)], "<p>é <mark>🐟</mark> <mark>z</mark></p>\n"),
        # Not within a formula, nor within an address.
        ("$x$", [(1, 2)], f"<p>{X}</p>\n"),
        (
            "[a](https://a.example/b)",
            [(12, 20)],
            f'<p><a href="https://a.example/b" {REL}>a</a></p>\n',
        ),
        # What is out of range, empty or overlapping is no highlight.
        ("toll", [(0, 9)], "<p>toll</p>\n"),
        ("toll", [(2, 2), (-1, 2)], "<p>toll</p>\n"),
        ("toll", [(0, 3), (1, 4)], "<p><mark>tol</mark>l</p>\n"),
    ],
)  # fmt: skip
def test_highlights(text: str, spans: list[tuple[int, int]], html: str) -> None:
    assert excerpt(text, tuple(spans)) == html


def test_signs_in_content_are_no_signs_of_ours() -> None:
    assert excerpt("\ue000a\ue001 \ue0020\ue003") == "<p>\ufffda\ufffd \ufffd0\ufffd</p>\n"


def test_a_whole_answer_has_its_headings_below_the_page_s_own() -> None:
    html = whole("## A\n\n#### B\n\n###### C", {})
    assert html == "<h2>A</h2>\n<h4>B</h4>\n<h6>C</h6>\n"
    assert whole("### A\n\n#### B", {}) == "<h2>A</h2>\n<h3>B</h3>\n"


def test_anchors_stand_where_passages_begin() -> None:
    text = "Intro\n\n3. **A**: a\n   - b\n\n5. c\n\n## D\n\nd\n\n```\ne\n```"
    html = whole(text, {0: "intro", 2: "p1", 5: "p2", 7: "p3", 9: "p4", 11: "p5"})
    for element in (
        '<p id="intro">Intro',
        '<li id="p1" value="3">',
        '<li id="p2" value="5">',
        '<h2 id="p3">D',
        '<p id="p4">d',
        '<code id="p5">e',
    ):
        assert element in html


def test_two_passages_of_one_block_have_an_anchor_each() -> None:
    html = whole("zero\n\none\ntwo\nthree", {0: "a", 2: "b", 3: "c"})
    assert 'id="a"' in html
    assert '<p id="b">one' in html
    # Nothing begins at "two", and the blocks before it have an anchor already.
    assert 'id="c"' not in html


@pytest.mark.parametrize(
    "text",
    [
        *("costs $5 and $6", "from $1 million to $2 million", "US$5 and CA$6", "$5-$10", "$ 5"),
        *("raise $200,000 for the town and $1 for me", "a $b and c", "$$", "$ $", "\\$x\\$"),
        *("pay $10 for this great thing$ now", "`$x$`"),
    ],
)
def test_no_formulas(text: str) -> None:
    assert "<math" not in excerpt(text)
    assert excerpt(text).replace("<code>", "`").replace("</code>", "`") == (
        f"<p>{text.replace(chr(92), '')}</p>\n"
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("$x$", 1),
        ("$ P $ and $ Q $", 2),
        ("if $a < b$, then $2x$ costs \\$5", 2),
        ("\\(x\\) and \\[y\\]", 2),
        ("a $$x$$ b", 1),
        ("$$\nx\n$$", 1),
        ("- a\n\n  $$\n  x = 1\n  - 2\n  $$\n\n  b", 1),
        ("\\[\nx\n= y\n\\]", 1),
        ("$\\text{some plain words here}$", 1),
        ("$x$ for $5 and $y$ for $6", 2),
    ],
)
def test_formulas(text: str, count: int) -> None:
    html = excerpt(text)
    assert html.count("<math") == count
    assert "$$" not in html
    assert "\\[" not in html


def test_a_block_of_a_formula_stays_together() -> None:
    html = excerpt("$$\na\n- b\n+ c\n$$\n\n- item")
    assert html.count("<math") == 1
    assert "<mo>\u2212</mo><mi>b</mi><mo>+</mo><mi>c</mi>" in html
    assert "<li>item</li>" in html


@pytest.mark.parametrize("tex", ["\\begin{cases} x", "\\ce{H2O}", "x_1_2", "}{", "a" * 3_000])
def test_a_formula_that_cannot_be_drawn_is_shown_as_written(tex: str) -> None:
    assert to_mathml(tex, display=False) == f'<code class="formula">{tex}</code>'


def test_the_bars_of_a_determinant_are_as_tall_as_it() -> None:
    drawn = to_mathml("a = \\begin{vmatrix} 3 & 7 \\\\ 2 & 4 \\end{vmatrix} + |x|", display=True)
    assert drawn.count('<mo stretchy="true" form="prefix">|</mo><mtable>') == 1
    assert drawn.count('</mtable><mo stretchy="true" form="postfix">|</mo>') == 1


def test_a_formula_is_text_and_what_draws_it() -> None:
    drawn = to_mathml("\\text{</math><script>} < \\href{javascript:x}{y}", display=True)
    assert "<script" not in drawn
    assert "href=" not in drawn
    assert drawn.count("</math>") == drawn.count("<math")


TEX = st.text(alphabet="\\{}[]()^_&$<>\"'=xyfrac sqrtleghbin0123.,;:-+*/|~#%\n\u00e9\u2028")


@given(TEX, st.booleans())
def test_any_formula(tex: str, display: bool) -> None:
    drawn = to_mathml(tex, display=display)
    assert drawn.startswith(("<math", "<code", "<span"))
    assert "<script" not in drawn


@given(st.text(alphabet="*_`~[]()<>#|-:!$\\\n 1.a&;\ue000\ue003\"'=/"), st.data())
def test_any_markdown(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    html = excerpt(text, ((start, end),))
    assert html.count("<mark>") == html.count("</mark>")
    assert not any(sign in html for sign in "\ue000\ue001\ue002\ue003")
    whole(text, {n: f"point-{n}" for n in range(text.count("\n") + 1)})
