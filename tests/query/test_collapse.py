from qasearch.query.collapse import each_text_once, same_question_once
from qasearch.records import Article, ArticleHit, Passage, PassageHit


def article_hit(rank: int, id: str, question: str) -> ArticleHit:
    article = Article(id=id, question=question, answer="Because.")
    return ArticleHit(rank=rank, article=article, score=1 / rank, scores={}, points=())


def passage_hit(rank: int, article_id: str, text: str, title: str | None = None) -> PassageHit:
    passage = Passage(article_id, 1, "point", text, 0, len(text), title=title)
    return PassageHit(rank=rank, passage=passage, score=1 / rank)


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
    hits = [
        passage_hit(1, "a", "By the member states."),
        passage_hit(2, "b", "By the member states."),
        passage_hit(3, "c", "By the member states.", title="Money"),
        passage_hit(4, "d", "By nobody."),
    ]
    kept = each_text_once(hits, 2)
    assert [(hit.rank, hit.passage.article_id) for hit in kept] == [(1, "a"), (2, "c")]
