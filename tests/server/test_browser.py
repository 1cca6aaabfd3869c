"""The page in a real browser: typing, filters, links, history, keyboard, sizes, accessibility."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.articles import MONEY, STORMS
from tests.server.browser import NARROW, WIDE, Watched, chromium, expect
from tests.server.conftest import Served

FIRST = ".hit:first-of-type h2"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any, served: Served) -> Iterator[Watched]:
    """A tab in which nothing goes wrong, and that asks nobody but our server."""
    tab = Watched(browser, served.url)
    yield tab
    tab.close()
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith(served.url + "/")] == []


@pytest.fixture
def plain(browser: Any, served: Served) -> Iterator[Watched]:
    """A tab without scripts."""
    tab = Watched(browser, served.url, java_script_enabled=False)
    yield tab
    tab.close()
    assert tab.complaints == []


def shown(page: Any, text: str, selector: str = FIRST) -> None:
    """Wait until an element says so."""
    page.locator(selector, has_text=re.compile(text)).first.wait_for()


def type_in(page: Any, text: str) -> None:
    """Type once the box has the focus, which a page that has loaded gives it a moment later."""
    page.locator("#q:focus").wait_for()
    page.keyboard.type(text)


def test_answers_while_typing(tab: Watched) -> None:
    page = tab.open("/")
    page.evaluate("window.same = true")
    type_in(page, "who pays tolls")
    page.wait_for_url("**/?q=who+pays+tolls")
    expect(page).to_have_title("who pays tolls · qasearch")
    shown(page, "Who pays for the harbour")
    assert page.locator(".hit").first.locator(".number").first.inner_text() == "1"
    assert page.locator(".hit").first.locator("h3").first.inner_text().startswith("Tolls")
    assert page.evaluate("window.same")
    assert page.evaluate("document.activeElement.id") == "q"
    page.locator("#q").fill("a bell rings when the wind rises")
    shown(page, "withstand storms")
    page.locator("#q").fill("")
    page.locator(".examples").wait_for()


def test_a_late_reply_is_dropped(tab: Watched) -> None:
    """The reply to what was typed first comes last, and is not shown."""
    page = tab.open("/")
    held: list[Any] = []
    page.route("**/?q=bell*", lambda route: held.append(route))
    type_in(page, "bell")
    page.locator("body[aria-busy]").wait_for()
    while not held:
        page.wait_for_timeout(10)
    page.locator("#q").fill("tolls ship")
    page.wait_for_url("**/?q=tolls+ship")
    shown(page, "Who pays for the harbour")
    held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator(FIRST).inner_text() == MONEY.question
    assert page.url.endswith("/?q=tolls+ship")


def test_the_status_is_told_to_screen_readers(tab: Watched) -> None:
    page = tab.open("/?q=tolls")
    assert page.get_by_role("status").inner_text().strip().endswith("10 of 35 articles")
    page.locator(".dates summary").click()
    page.locator("#q").fill("tolls of 2030")
    page.wait_for_url("**/?q=tolls+of+2030")
    page.get_by_label("From").fill("2030-01-01")
    shown(page, "No answer in this collection", "[role=status]")


def test_filters(tab: Watched) -> None:
    page = tab.open("/?q=harbour")
    law = page.locator(".subjects a", has_text="Law")
    assert law.locator(".count").inner_text() == "2"
    law.click()
    page.locator(".subjects .chosen", has_text="Law").wait_for()
    assert page.locator(".hit h2").all_inner_texts() == [MONEY.question, "Where is the odd quay?"]
    # The other subjects can still be chosen, with their counts.
    page.locator(".subjects a", has_text="Engineering").click()
    page.locator(".chosen", has_text="Engineering").wait_for()
    expect(page.locator(".hit")).to_have_count(4)
    # A further search stays within them.
    page.locator("#q").fill("walls waves")
    page.wait_for_url("**/?q=walls+waves&subject=Law&subject=Engineering")
    shown(page, "withstand storms")
    page.locator(".chosen", has_text="Law").click()
    page.wait_for_url("**/?q=walls%20waves&subject=Engineering")
    page.get_by_text("Remove all filters").click()
    page.wait_for_url("**/?q=walls%20waves")
    expect(page.locator(".chosen")).to_have_count(0)


def test_dates(tab: Watched) -> None:
    page = tab.open("/?q=harbour")
    page.locator(".dates summary").click()
    page.get_by_label("From").fill("2026-01-01")
    page.wait_for_url("**date_from=2026-01-01")
    expect(page.locator(".hit")).to_have_count(2)
    assert set(page.locator(".hit h2").all_inner_texts()) == {MONEY.question, STORMS.question}
    page.get_by_label("To", exact=True).fill("2026-02-01")
    page.wait_for_url("**date_to=2026-02-01")
    expect(page.locator(".hit h2")).to_have_text([MONEY.question])


def test_nothing_passes_the_filters(tab: Watched) -> None:
    page = tab.open("/?q=harbour&date_from=2030-01-01")
    shown(page, "No answer in this collection", ".verdict")
    page.locator(".verdict a").click()
    shown(page, "harbour")


def test_pages_of_results(tab: Watched) -> None:
    page = tab.open("/?q=berth+ships+moor")
    first = page.locator(".hit h2").all_inner_texts()
    page.get_by_text("More answers").click()
    page.wait_for_url("**offset=10")
    second = page.locator(".hit h2").all_inner_texts()
    assert len(first) == len(second) == 10
    assert not set(first) & set(second)
    page.get_by_text("Better answers").click()
    page.wait_for_url(re.compile("moor$"))
    assert page.locator(".hit h2").all_inner_texts() == first


def test_a_link_opens_the_article_at_the_point(tab: Watched) -> None:
    page = tab.open("/?q=bell+wind+rises")
    page.locator(".hit h3 a", has_text="Warnings").click()
    page.wait_for_url("**/article/storms?q=bell%20wind%20rises#point-2")
    target = page.locator(":target")
    assert target.inner_text() == "Warnings: a bell rings when the wind rises."
    assert target.evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert page.locator("#q").input_value() == "bell wind rises"
    assert page.get_by_text("Related questions").is_visible()
    page.get_by_text("Back to").click()
    shown(page, "withstand storms")


def test_an_article_with_an_odd_id(tab: Watched) -> None:
    page = tab.open("/?q=odd+quay+mole&subject=Law")
    page.get_by_role("link", name="Where is the odd quay?").click()
    page.locator(".whole").wait_for()
    assert page.locator("li#point-1").get_attribute("value") == "3"
    assert page.locator("li#point-2").get_attribute("value") == "5"


def test_history_and_deep_links(tab: Watched) -> None:
    page = tab.open("/?q=fish")
    shown(page, "Which fish")
    page.locator("#q").fill("tolls ship")
    shown(page, "Who pays for the harbour")
    page.locator("#q").fill("tolls ship lands")
    page.wait_for_url("**/?q=tolls+ship+lands")
    page.keyboard.press("Enter")
    page.locator(".subjects a", has_text="Law").click()
    page.locator(".chosen").wait_for()
    page.go_back()
    page.wait_for_url("**/?q=tolls+ship+lands")
    assert page.locator("#q").input_value() == "tolls ship lands"
    expect(page.locator(".chosen")).to_have_count(0)
    while "fish" not in page.url:
        page.go_back()
        page.wait_for_timeout(50)
    shown(page, "Which fish")
    assert page.locator("#q").input_value() == "fish"
    page.go_forward()
    shown(page, "Who pays for the harbour")


def test_typing_makes_one_entry_of_the_history(tab: Watched) -> None:
    page = tab.open("/?q=fish")
    before = page.evaluate("history.length")
    for text in ("tolls", "tolls ship", "tolls ship lands"):
        page.locator("#q").fill(text)
        page.wait_for_url(f"**/?q={text.replace(' ', '+')}")
    assert page.evaluate("history.length") == before + 1


def test_completion(tab: Watched) -> None:
    page = tab.open("/")
    type_in(page, "how doe harbor")
    option = page.get_by_role("option")
    expect(option).to_have_text([STORMS.question])
    box = page.get_by_role("combobox")
    assert box.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert option.get_attribute("aria-selected") == "true"
    assert box.get_attribute("aria-activedescendant") == option.get_attribute("id")
    page.keyboard.press("ArrowUp")
    assert box.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert box.input_value() == STORMS.question
    shown(page, "withstand storms")
    assert page.locator("#completions").is_hidden()


def test_completion_by_mouse(tab: Watched) -> None:
    page = tab.open("/article/fish")
    page.locator("#q").click()
    type_in(page, "who pays")
    page.get_by_role("option", name=MONEY.question).click()
    page.wait_for_url("**/?q=Who+pays+for+the+harbour%3F")
    shown(page, "Who pays for the harbour")


def test_keyboard(tab: Watched) -> None:
    page = tab.open("/?q=bell+wind+rises")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    type_in(page, "how high")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#completions").is_hidden()
    assert page.locator("#q").input_value() == "how high"
    shown(page, "How high is the tide")
    page.wait_for_load_state("networkidle")  # a reply to fewer letters may have shown it
    page.keyboard.press("ArrowDown")
    links = page.locator(".hit h2 a")
    assert links.nth(0).evaluate("e => e === document.activeElement")
    page.keyboard.press("ArrowDown")
    assert links.nth(1).evaluate("e => e === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/article/tides?q=how%20high*")
    page.go_back()
    page.locator(".hit").first.wait_for()
    page.locator(".hit h2 a").first.focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "q"


def test_the_order_of_focus(tab: Watched) -> None:
    page = tab.open("/?q=bell+wind+rises")
    page.locator("body").focus()
    order: list[str] = []
    for _ in range(16):
        page.keyboard.press("Tab")
        focused = page.evaluate_handle("document.activeElement")
        order.append(focused.evaluate("e => (e.innerText || e.id).trim()"))
    assert order[:4] == ["Skip to content", "qasearch", "q", "Search"]
    places = [order.index(each) for each in ("Date", STORMS.question, "Warnings")]
    assert places == sorted(places)
    page.goto("/?q=bell")
    page.keyboard.press("Tab")
    assert page.get_by_text("Skip to content").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page"


def test_without_scripts(plain: Watched) -> None:
    page = plain.open("/")
    page.locator("#q").fill("berth ships moor")
    page.get_by_role("button", name="Search").click()
    shown(page, "Which ships may use berth")
    page.get_by_text("More answers").click()
    page.wait_for_url("**offset=10")
    assert page.locator(".hit").count() == 10
    page.locator("#q").fill("bell wind rises")
    page.keyboard.press("Enter")
    shown(page, "withstand storms")
    page.locator(".subjects a", has_text="Engineering").click()
    page.locator(".chosen", has_text="Engineering").wait_for()
    page.locator(".dates summary").click()
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**date_from=2026-01-01**")
    assert "subject=Engineering" in page.url
    page.locator(".hit h3 a", has_text="Warnings").click()
    assert page.locator(":target").inner_text().startswith("Warnings")


def test_markdown_tables_code_and_formulas(tab: Watched) -> None:
    page = tab.open("/article/tides")
    assert page.locator("main h2").all_inner_texts() == ["Reckoning", "Tables"]
    cells = page.locator("td").all_inner_texts()
    assert cells == ["May", "2.1", "June", "2.4"]
    assert page.locator("td.right").first.evaluate("e => getComputedStyle(e).textAlign") == "right"
    assert page.locator("pre").inner_text().strip() == "print('<tide>')"
    formula = page.locator("math").first
    assert formula.text_content() == "h=acos(ωt)"
    assert formula.bounding_box()["height"] > 10
    assert any("woff2" in url for url in tab.requests)


def test_no_font_without_formulas(tab: Watched) -> None:
    tab.open("/article/money")
    assert not any("woff2" in url for url in tab.requests)


PAGES = {
    "empty": "/",
    "found": "/?q=harbour",
    "filtered": "/?q=harbour&subject=Law&date_from=2025-01-01",
    "no answer": "/?q=harbour&date_from=2030-01-01",
    "article": "/article/tides?q=tide",
    "docs": "/docs",
    "problem": "/?q=harbour&x=1",
}


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=str)
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_accessibility(
    browser: Any, served: Served, path: str, size: dict[str, int], scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = Watched(browser, served.url, color_scheme=scheme)
    page = tab.page
    page.set_viewport_size(size)
    tab.open(path)
    if path == "/":
        type_in(page, "how")
        page.get_by_role("option").first.wait_for()
        shown(page, ".")
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()
    # Nothing is wider than the window.
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", ground)[0])
    assert red > 200 if scheme == "light" else red < 50
    tab.close()
