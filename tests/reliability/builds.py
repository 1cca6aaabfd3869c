"""The builds that are broken off: each has an index to begin with, and articles to be indexed."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qasearch.ingest.files import RACY_NS
from tests.reliability.contents import Served, build, generations, served, write_edition

EDITIONS = {
    "first": (1,),
    "incremental": (1, 2, 3),
    "after a kill": (1, 2),
    "no change": (1, 2, 2),
}
"""What each build finds: the editions built before it, and its own, the last. Two generations lie
there before an incremental one, so that it has garbage to collect; before the one after a kill,
what that kill had left."""

INDEX = Path("shelf", "index")
"""Where the index lies below the root; the first build makes both folders."""

Builder = Callable[[Path, Path], str]
"""Builds the index of a folder of articles, as ``contents.build``; returns the generation."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a build begins with.

    Attributes:
        name: of the build, a key of ``EDITIONS``.
        articles: the folder of articles, of the edition to be built.
        root: a folder whose content is to be copied, since every attempt spoils it.
        before: what the index answers; None when there is none yet.
    """

    name: str
    articles: Path
    root: Path
    before: Served | None

    def copy(self, root: Path) -> Path:
        """Lay the beginning out in another folder, in place of what is there; return the index."""
        if root.exists():
            shutil.rmtree(root)
        shutil.copytree(self.root, root)
        return root / INDEX

    def build_anew(self, index: Path) -> None:
        """Build elsewhere what a build must end in: from nothing but the cache.

        The cache says how tokens are coded, which is fitted to the texts of the first build.
        """
        cache = self.root / INDEX / "cache"
        if cache.exists():
            shutil.copytree(cache, index / "cache")
        build(self.articles, index)


def prepare(name: str, seed: int, scratch: Path) -> Start:
    """Lay out what a build begins with.

    Args:
        name: of the build, a key of ``EDITIONS``.
        seed: chooses the articles.
        scratch: a new folder.
    """
    articles, root = scratch / "articles", scratch / "start"
    root.mkdir(parents=True)
    *earlier, last = EDITIONS[name]
    for edition in earlier:
        write_edition(articles, edition, seed)
        build(articles, root / INDEX)
    if name == "after a kill":
        _leave_what_a_kill_leaves(root / INDEX)
    write_edition(articles, last, seed)
    return Start(name, articles, root, served(root / INDEX))


def rest() -> None:
    """Wait until what was written just now is old enough to be noted by a build."""
    time.sleep(1.1 * RACY_NS / 1e9)


def _leave_what_a_kill_leaves(index: Path) -> None:
    """A generation without its manifest, and a ``CURRENT`` that was not put in place."""
    (whole,) = generations(index)
    part = index / "gen-0000000002-00000000"
    shutil.copytree(index / whole, part)
    (part / "manifest.json").unlink()
    (index / "CURRENT.tmp").write_text("gen-")
