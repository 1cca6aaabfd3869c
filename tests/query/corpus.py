"""Small indexes of articles whose signals can be worked out by hand."""

from collections.abc import Iterable
from pathlib import Path

from qasearch import Article, Index
from qasearch.index import Generation
from qasearch.query.signals import Question, read_questions
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

WORDS_ALONE = TinyEmbedder(4_096)
"""No two words of these tests share a place."""
TOKENS = TinyTokenEmbedder(128)
"""Of so many numbers codes keep all."""

# Four passages, of 4, 4, 5 and 5 words; the question is in front of each.
BELL = Article(id="a-bell", question="Who rings?", answer="A bell of bronze.")
WALL = Article(id="b-wall", question="Who builds?", answer="Walls of stone.")
SHIP = Article(
    id="c-ship",
    question="Who sails?",
    answer="1. **Hull**: planks of oak.\n\n2. **Rig**: canvas and rope.",
)
ARTICLES = [BELL, WALL, SHIP]
BRONZE, STONE, HULL, RIG = range(4)


def opened(
    folder: Path, articles: Iterable[Article], embedder: TinyEmbedder = WORDS_ALONE
) -> Generation:
    """Build an index and open it. Articles come in the order of their ids."""
    Index.build(articles, folder, embedder=embedder, token_bits=4)
    return Generation.open(folder)


def ask(generation: Generation, query: str, embedder: TinyEmbedder = WORDS_ALONE) -> Question:
    (question,) = read_questions(generation, embedder, [query])
    return question
