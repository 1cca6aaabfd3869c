"""The texts of articles that get vectors, each distinct one once."""

from collections.abc import Iterable, Iterator, Mapping

from qasearch.index import text_key
from qasearch.ingest import Place, Spool, passage_text, question_text
from qasearch.records import Article


class DistinctTexts(Spool, Mapping[bytes, str]):
    """Everything of some articles that gets a vector, by its key; put aside, not in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[bytes, Place] = {}

    def take(self, articles: Iterable[Article]) -> None:
        """Put aside what is new of the texts of some articles."""
        for text in all_texts(articles):
            key = text_key(text)
            if key not in self._places:
                self._places[key] = self.put(text.encode("utf-8", "surrogatepass"))

    def __getitem__(self, key: bytes) -> str:
        return self.at(self._places[key]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def all_texts(articles: Iterable[Article]) -> Iterator[str]:
    """Everything of the articles that gets a vector."""
    for article in articles:
        yield question_text(article)
        yield from passage_texts([article])


def passage_texts(articles: Iterable[Article]) -> Iterator[str]:
    """The text embedded for each passage, in order."""
    return (passage_text(article, passage) for article in articles for passage in article.passages)
