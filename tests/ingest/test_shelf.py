"""Articles put aside and made again."""

import datetime
import errno
import os
from io import BytesIO
from pathlib import Path

import pytest

from qasearch.errors import IndexWriteError
from qasearch.ingest import Shelf, pack, shelf, split_article
from qasearch.records import Article, Passage

POINTS = split_article(
    Article(
        id="é-7",
        question="What holds the harbour?",
        answer="Two things.\n\n1. **Walls**: of stone \N{BELL}.\n\n2. Bells\n\nIn summary, both.",
        subjects=("Ports", "Law"),
        date=datetime.date(2024, 2, 29),
        urls=("https://example.org/7",),
        paths=("ports/7.md", "law/7.md"),
    )
)
OWN = Article(
    id="own",
    question="Who split this?",
    answer="Somebody else.",
    passages=(
        Passage(
            "own", 1, "section", "text that is not in the answer", 3, 9, section_path=("A", "B")
        ),
        Passage("own", 2, "point", "else.", 0, 14, ordinal="1", title="T", run=1, lead_in="So:"),
        Passage("own", 5, "paragraph", "", 0, 0),
    ),
    flags=("stale",),
)


class Full(BytesIO):
    """A file on a full disk."""

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("in_memory", [0, shelf.IN_MEMORY])
def test_what_is_put_aside_is_what_comes_back(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(shelf, "IN_MEMORY", in_memory)
    with Shelf() as articles:
        for article in (POINTS, OWN):
            articles.add(pack(article))
        assert list(articles.items()) == [("own", OWN), ("é-7", POINTS)]
        assert [articles.passages(id) for id in articles] == [3, len(POINTS.passages)]
        articles.add(pack(Article("after", "Read and put aside by turns?", "Yes.")))
        assert articles["own"] == OWN
        assert list(articles) == ["after", "own", "é-7"]


def test_those_that_repeat_an_id_become_one() -> None:
    with Shelf() as articles:
        told: list[str] = []
        articles.add(pack(POINTS))
        articles.add(pack(OWN))
        articles.add(pack(Article("é-7", POINTS.question, "Nothing.", paths=("z.md",))))
        articles.settle(on_warning=told.append)
        assert dict(articles) == {"own": OWN, "é-7": POINTS}
        assert len(told) == 1
        assert told[0].startswith("z.md: id é-7 has another text in ports/7.md, law/7.md")


def test_one_may_take_the_place_of_another() -> None:
    with Shelf() as articles:
        articles.add(pack(POINTS))
        articles.replace(Article("é-7", "Why?", "So."))
        assert dict(articles) == {"é-7": Article("é-7", "Why?", "So.")}
        assert articles.passages("é-7") == 0


def test_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "IN_MEMORY", 0)
    monkeypatch.setattr(shelf.tempfile, "tempdir", str(tmp_path))
    with Shelf() as articles:
        articles.add(pack(POINTS))
        assert list(tmp_path.iterdir()) == []
        assert articles["é-7"] == POINTS


def test_no_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> BytesIO:
        return Full()

    monkeypatch.setattr(shelf.tempfile, "SpooledTemporaryFile", full)
    with Shelf() as articles, pytest.raises(IndexWriteError, match="No space left") as caught:
        articles.add(pack(POINTS))
    assert "TMPDIR" in caught.value.hint
