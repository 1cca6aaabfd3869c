"""What the routes share: the index that answers, and the turns in which it is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from anyio import to_thread
from starlette.requests import Request

from qasearch import Article, Embedder, Index, RelatedResult
from qasearch.server.errors import NotFoundError
from qasearch.server.live import LiveIndex, Snapshot
from qasearch.server.settings import Settings
from qasearch.server.work import Turns

Result = TypeVar("Result")


@dataclass(slots=True)
class Service:
    """One index, served.

    Attributes:
        settings: limits, and who is let in.
        live: the index that answers now.
        turns: of searches.
        ready: whether the first search will not have to wait for the model.
    """

    settings: Settings
    live: LiveIndex
    turns: Turns
    ready: bool = False

    @classmethod
    def over(cls, path: Path, embedder: Embedder, settings: Settings) -> "Service":
        """Open the index at ``path``.

        Raises:
            QASearchError: there is none, or it cannot be used.
        """
        turns = Turns(running=settings.searches, waiting=settings.waiting)
        return cls(settings, LiveIndex(path, embedder), turns)

    async def ask(self, request: Request, work: Callable[[Snapshot], Result]) -> Result:
        """Do what needs the index and takes its time, all on one generation, in turn.

        Raises:
            BusyError: too many are waiting.
            CallerGoneError: whoever sent the request has hung up.
            NotReadyError: no generation is open.
        """
        return await self.turns.run(lambda: self._borrowed(work), request.is_disconnected)

    async def look_up(self, work: Callable[[Snapshot], Result]) -> Result:
        """Do what is quick, without waiting for searches.

        Raises:
            NotReadyError: no generation is open.
        """
        return await to_thread.run_sync(lambda: self._borrowed(work))

    def warm_up(self) -> None:
        """Load the model, which the first search would have to wait for."""
        self._borrowed(lambda snapshot: snapshot.index.search("warm up", k=1, points=0))
        self.ready = True

    def _borrowed(self, work: Callable[[Snapshot], Result]) -> Result:
        with self.live.borrow() as snapshot:
            return work(snapshot)


def find_article(index: Index, id: str) -> Article:
    """The stored article.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return index.article(id)
    except LookupError:
        raise NotFoundError(f"The index has no article {id!r}.") from None


def find_related(index: Index, id: str, k: int) -> RelatedResult:
    """The articles nearest to one, itself and those that ask the same left out.

    Raises:
        NotFoundError: there is no such article.
    """
    try:
        return index.related(id, k=k)
    except LookupError:
        raise NotFoundError(f"The index has no article {id!r}.") from None
