"""``qasearch watch``, as a real process on a folder that is edited."""

import re
import signal
from pathlib import Path

import pytest

from qasearch.index import Files
from qasearch.index.lock import WriterLock
from tests.cli.conftest import Command, Start

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are POSIX")

BAD = "---\nid: 1\n"


def article(n: int, text: str = "boil fresh water in a kettle") -> str:
    return f"---\nid: a{n}\nquestion: How is tea made?\n---\nNumber {n}: {text}.\n"


class Watching:
    """A process that watches ``articles`` and builds ``index`` beside it."""

    def __init__(self, start: Start, folder: Path) -> None:
        self.articles, self.index = folder / "articles", folder / "index"
        self.articles.mkdir()
        for n in range(6):
            (self.articles / f"{n}.md").write_text(article(n))
        self.process = start("watch", "articles", "-i", "index")

    def line(self) -> str:
        """The next line of figures, awaited."""
        assert self.process.stdout
        return self.process.stdout.readline().decode()

    def said(self, pattern: str) -> str:
        """What is said up to a line that matches, awaited."""
        assert self.process.stderr
        lines: list[str] = []
        while not re.search(pattern, lines[-1] if lines else ""):
            line = self.process.stderr.readline().decode()
            assert line, f"ended after {lines}"
            lines.append(line)
        return "".join(lines)

    def ends_with(self, sign: signal.Signals) -> None:
        """Be interrupted, and leave the index as it is."""
        before = self.current()
        self.process.send_signal(sign)
        out, err = self.process.communicate(timeout=60)
        assert (self.process.returncode, out) == (130, b"")
        assert err.endswith(b"error: Interrupted.\n")
        assert self.current() == before

    def current(self) -> str:
        return (self.index / "CURRENT").read_text().split()[0]


@pytest.fixture
def watching(start: Start, tmp_path: Path) -> Watching:
    watching = Watching(start, tmp_path)
    assert re.fullmatch(
        r"6 articles \(6 added, .* 0 refused\), 6 passages .*: gen-0000000001-.*\n", watching.line()
    )
    assert "Watching articles; Ctrl-C ends it." in watching.said("Watching")
    return watching


def test_what_changes_is_built(watching: Watching) -> None:
    (watching.articles / "2.md").write_text(article(2, "steep the leaves"))
    line = watching.line()
    assert "(0 added, 1 changed, 0 removed, 0 renamed, 5 unchanged," in line
    assert line.rstrip().endswith(watching.current())

    (watching.articles / "2.md").unlink()
    (watching.articles / "new").mkdir()
    (watching.articles / "new" / "7.md").write_text(article(7))
    assert "6 articles (1 added, 0 changed, 1 removed, 0 renamed, 5 unchanged" in watching.line()

    away = watching.articles.with_name("away")
    watching.articles.rename(away)
    watching.said("articles does not exist")
    away.rename(watching.articles)
    assert "(0 added, 0 changed, 0 removed, 0 renamed, 6 unchanged" in watching.line()
    (watching.articles / "3.md").write_text(article(3, "steep the leaves"))
    assert "1 changed" in watching.line()

    watching.ends_with(signal.SIGINT)


def test_what_fails_is_told_and_outlived(watching: Watching) -> None:
    before = watching.current()
    for n in range(3):
        (watching.articles / f"{n}.md").unlink()
    assert "3 of 6 articles are gone" in watching.said("--allow-shrink")
    assert watching.current() == before

    for n in range(3):
        (watching.articles / f"{n}.md").write_text(article(n))
    assert "6 unchanged" in watching.line()
    (watching.articles / "0.md").write_text(BAD)
    assert "5 unchanged, 1 stale, 0 skipped, 1 refused" in watching.line()
    assert "articles/0.md:1: the front matter that opens here" in watching.said("front matter")

    lock = WriterLock(watching.index, wait=0, files=Files())
    lock.acquire()
    (watching.articles / "0.md").write_text(article(0, "steep the leaves"))
    watching.said("is being built by process")
    lock.release()
    assert "1 changed, 0 removed, 0 renamed, 5 unchanged, 0 stale" in watching.line()

    watching.ends_with(signal.SIGTERM)


def test_nothing_to_watch_is_wrong_usage(qasearch: Command) -> None:
    assert qasearch("watch").code == 2
    done = qasearch("watch", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert "nowhere does not exist" in done.err
    assert not Path("index").exists()


def test_an_index_that_cannot_be_written_ends_it(qasearch: Command, articles: Path) -> None:
    Path("index").write_text("a file")
    done = qasearch("watch", articles)
    assert (done.code, done.out) == (5, "")
