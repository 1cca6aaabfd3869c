"""Articles that repeat an id become one, whatever the order of reading."""

import datetime
import itertools

from hypothesis import given
from hypothesis import strategies as st

from qasearch.errors import ArticleError
from qasearch.ingest.duplicates import merge
from qasearch.records import Article

OLD, NEW = datetime.date(2024, 1, 1), datetime.date(2024, 2, 2)


def article(
    path: str,
    *,
    id: str = "1",
    answer: str = "By the sun.",
    date: datetime.date | None = None,
    subject: str = "Biology",
) -> Article:
    return Article(
        id=id,
        question="How do bees find home?",
        answer=answer,
        subjects=(subject,),
        date=date,
        urls=(f"/{path}",),
        paths=(path,),
    )


def test_the_same_text_is_one_article_with_all_its_places() -> None:
    copies = [
        article("c.md", subject="Insects", date=OLD),
        article("a.md", subject="Biology", date=NEW),
        article("b.md", subject="Insects"),
    ]
    expected = Article(
        id="1",
        question="How do bees find home?",
        answer="By the sun.",
        subjects=("Biology", "Insects"),
        date=NEW,
        urls=("/a.md", "/b.md", "/c.md"),
        paths=("a.md", "b.md", "c.md"),
    )
    for order in itertools.permutations(copies):
        assert merge(order) == [expected]


def test_of_two_texts_the_newer_stays_with_a_warning() -> None:
    old = article("a.md", answer="By the moon.", date=OLD)
    new = article("b.md", answer="By the sun.", date=NEW)
    undated = article("c.md", answer="By the stars.")
    for order in itertools.permutations([old, new, undated]):
        warnings: list[str] = []
        assert merge(order, on_warning=warnings.append) == [new]
        assert warnings == [
            "a.md: id 1 has another text in b.md, which is kept: it is the newer",
            "c.md: id 1 has another text in b.md, which is kept: it is the newer",
        ]


def test_the_date_of_a_text_is_that_of_its_newest_copy() -> None:
    first = [article("a.md", date=OLD), article("d.md", date=NEW)]
    second = [article("b.md", answer="By the moon.", date=OLD)]
    (kept,) = merge([*second, *first])
    assert (kept.answer, kept.paths, kept.date) == ("By the sun.", ("a.md", "d.md"), NEW)


def test_of_two_texts_of_one_date_the_first_path_stays() -> None:
    for date in (OLD, None):
        one = article("a.md", answer="By the sun.", date=date)
        two = article("b.md", answer="By the moon.", date=date)
        for order in ([one, two], [two, one]):
            warnings: list[str] = []
            assert merge(order, on_warning=warnings.append) == [one]
            assert len(warnings) == 1
            assert "as recent, and first by name" in warnings[0]


def test_another_question_is_another_text() -> None:
    one = article("a.md", date=NEW)
    two = Article("1", "Do bees sleep?", one.answer, paths=("b.md",))
    warnings: list[str] = []
    assert merge([one, two], on_warning=warnings.append) == [one]
    assert len(warnings) == 1


def test_a_strict_reader_is_told_of_an_error_instead() -> None:
    errors: list[ArticleError] = []
    warnings: list[str] = []
    old, new = article("a.md", answer="x", date=OLD), article("b.md", answer="y", date=NEW)
    kept = merge([old, new], on_warning=warnings.append, on_error=errors.append)
    assert (kept, warnings) == ([new], [])
    assert [(error.path, error.kind) for error in errors] == [("a.md", "duplicate-id")]
    assert "b.md" in errors[0].reason


def test_ids_are_sorted_by_code_points_and_told_apart_by_case() -> None:
    articles = [article(f"{i}.md", id=id) for i, id in enumerate(["b", "10", "é", "9", "B", "a"])]
    assert [merged.id for merged in merge(articles)] == ["10", "9", "B", "a", "b", "é"]


articles = st.builds(
    article,
    st.sampled_from(["a.md", "b.md", "c.jsonl"]),
    id=st.sampled_from("12"),
    answer=st.sampled_from("xyz"),
    date=st.sampled_from([None, OLD, NEW]),
    subject=st.sampled_from("ST"),
)


@given(st.lists(articles, max_size=8).flatmap(lambda a: st.tuples(st.just(a), st.permutations(a))))
def test_the_order_of_reading_does_not_matter(orders: tuple[list[Article], list[Article]]) -> None:
    warnings: tuple[list[str], list[str]] = ([], [])
    one, other = (
        merge(order, on_warning=told.append) for order, told in zip(orders, warnings, strict=True)
    )
    assert one == other
    assert warnings[0] == warnings[1]
    assert [merged.id for merged in one] == sorted({article.id for article in orders[0]})
    assert merge(one) == one
