"""The power is cut after every step of a build, and what the disk holds then is opened."""

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from tests.reliability.builds import INDEX
from tests.reliability.commits import Commit
from tests.reliability.contents import plain, problems_of_the_next_build, served
from tests.reliability.disk import Crash, Tree

_LOCK = (INDEX / "LOCK").as_posix()


@dataclass(frozen=True, slots=True)
class Bad:
    """A state that breaks a law.

    Attributes:
        after: how many steps had been taken.
        lost: what of them did not reach the medium.
        problem: the law that is broken.
    """

    after: int
    lost: str
    problem: str

    def __str__(self) -> str:
        return f"power cut after step {self.after}, lost {self.lost}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Survey:
    """What became of the states that a build can leave.

    Attributes:
        states: how many there were, all different.
        next_builds: after how many of them the next build was tried.
        bad: the first of those that broke a law.
    """

    states: int
    next_builds: int
    bad: tuple[Bad, ...]


def survey(
    commit: Commit,
    scratch: Path,
    *,
    tries: int,
    seed: int,
    share: float = 1.0,
    build_every: int | None = 20,
    most_bad: int = 5,
) -> Survey:
    """Open the index in each state that power cuts can leave.

    Args:
        commit: the build.
        scratch: a new folder.
        tries: combinations of losses to try after each step.
        seed: of what is chosen at random.
        share: of the states to look at.
        build_every: one of how many states is built upon; None means none is.
        most_bad: how many bad states are enough.
    """
    seen: set[bytes] = set()
    states = next_builds = 0
    bad: list[Bad] = []
    for crash in commit.history.crashes(tries=tries, random=Random(seed), share=share):
        key = _key(crash, commit)
        if key in seen:
            continue
        seen.add(key)
        states += 1
        index = _lay_out(crash.tree, scratch / "root")
        problems = _problems(crash, index, commit)
        if build_every and not problems and states % build_every == 0:
            next_builds += 1
            problems = problems_of_the_next_build(
                commit.start.articles, index, content=commit.content, allowed=commit.layout
            )
        lost = plain("; ".join(crash.lost) or "nothing", index)
        bad += [Bad(crash.after, lost, problem) for problem in problems]
        if len(bad) >= most_bad:
            break
    return Survey(states, next_builds, tuple(bad))


def _key(crash: Crash, commit: Commit) -> bytes:
    """Equal for states that are held to the same laws and differ in the text of the lock only."""
    digest = sha256(b"acknowledged" if _is_acknowledged(crash, commit) else b"")
    for path, content in sorted(crash.tree.items()):
        if path != _LOCK:
            digest.update(repr((path, content and sha256(content).digest())).encode())
    return digest.digest()


def _is_acknowledged(crash: Crash, commit: Commit) -> bool:
    return crash.after == len(commit.history.steps)


def _lay_out(tree: Tree, root: Path) -> Path:
    """Put a state on a real disk; return the index."""
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    for path, content in tree.items():  # folders come before what is in them
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)
    return root / INDEX


def _problems(crash: Crash, index: Path, commit: Commit) -> list[str]:
    """The old or the new, wholly; the new, once that was acknowledged."""
    try:
        now = served(index)
    except Exception as error:
        return [f"unreadable: {plain(repr(error), index)}"]
    content = now and now.content
    old, new = commit.start.before and commit.start.before.content, commit.content
    if content not in (old, new):
        return ["the index is gone" if now is None else "mixed: neither the old nor the new"]
    if content != new and _is_acknowledged(crash, commit):
        return ["an acknowledged commit is lost"]
    return []
