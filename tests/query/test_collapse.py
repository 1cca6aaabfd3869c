from qasearch.query.collapse import each_text_once, same_question_once
from qasearch.records import Article, ArticleHit, Passage


def article_hit(rank: int, id: str, question: str) -> ArticleHit:
    article = Article(id=id, question=question, answer="Because.")
    return ArticleHit(rank=rank, article=article, score=1 / rank, scores={}, points=())


def passage(article_id: str, text: str, title: str | None = None) -> Passage:
    return Passage(article_id, 1, "point", text, 0, len(text), title=title)


def test_articles_that_ask_the_same_are_one_hit_naming_the_others() -> None:
    hits = [
        article_hit(1, "a", "Who pays?"),
        article_hit(2, "b", "Who votes?"),
        article_hit(3, "c", "who  PAYS"),
        article_hit(4, "d", "Who drives?"),
    ]
    kept = same_question_once(hits, 3)
    assert [(hit.rank, hit.article.id, hit.same_question) for hit in kept] == [
        (1, "a", ("c",)),
        (2, "b", ()),
        (3, "d", ()),
    ]
    assert [hit.article.id for hit in same_question_once(hits, 1)] == ["a"]


def test_questions_without_a_word_are_not_the_same() -> None:
    assert len(same_question_once([article_hit(1, "a", "?"), article_hit(2, "b", "!")], 5)) == 2


def test_a_copied_passage_is_shown_once() -> None:
    passages = [
        passage("a", "By the member states."),
        passage("b", "By the member states."),
        passage("c", "By the member states.", title="Money"),
        passage("d", "By nobody."),
    ]
    assert each_text_once(passages, 2) == [0, 2]
    assert each_text_once(passages, 9) == [0, 2, 3]


def spanning(seq: int, start: int, end: int, article_id: str = "a") -> Passage:
    return Passage(article_id, seq, "section", f"text {seq}", start, end)


def test_a_section_and_its_own_bullets_are_shown_once_the_better_one() -> None:
    whole, bullet, next_one = spanning(1, 0, 90), spanning(2, 10, 40), spanning(3, 90, 120)
    elsewhere = spanning(4, 10, 40, article_id="b")
    assert each_text_once([whole, bullet, next_one, elsewhere], 5) == [0, 2, 3]
    assert each_text_once([bullet, whole, next_one], 5) == [0, 2]


def test_no_more_passages_than_wanted() -> None:
    passages = [spanning(n, 10 * n, 10 * n + 10) for n in range(1, 5)]
    assert each_text_once(passages, 0) == []
    assert each_text_once(passages, 2) == [0, 1]
