"""A disk that may lose what was not synced, and the states that a power cut leaves on it.

The model is in the manner of ALICE (Pillai et al., "All File Systems Are Not Created Equal", OSDI
2014), and relies on no more than POSIX promises. Names live in folders and bytes in files; a sync
of a file makes its bytes last, a sync of a folder its names. What came after the last sync of its
file or folder may have reached the medium or not, each for itself and in any order: of names, any
subset; of the writes into a file, all, none, the first half of each, zeros in their place, the
first few, or all but one. A rename is one change: both names or neither.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from random import Random
from typing import TypeAlias

Node: TypeAlias = int
Content: TypeAlias = bytes | dict[str, Node]
"""Of a file, its bytes; of a folder, what its names stand for."""

Tree: TypeAlias = dict[str, bytes | None]
"""What can be reached from the root: content by path; None is a folder."""

ROOT: Node = 0


@dataclass(frozen=True, slots=True)
class Names:
    """An atomic change in a folder: each name now stands for a node, or for nothing."""

    text: str
    folder: Node
    changes: tuple[tuple[str, Node | None], ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written into a file; with ``data`` None, the file is cut off at ``offset`` instead."""

    text: str
    file: Node
    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Sync:
    """Whatever was done to this file or folder until now lasts."""

    text: str
    node: Node


Change: TypeAlias = Names | Write
Step: TypeAlias = Change | Sync


class Recorder:
    """Takes down, step by step, what is done below a folder.

    Attributes:
        steps: in their order.

    Args:
        root: the folder; what lies in it already lasts.
    """

    def __init__(self, root: Path) -> None:
        self.steps: list[Step] = []
        self._root = root
        self._start: list[Content] = []
        self._paths: list[str] = []
        self._load(root)
        self._folders = {
            node: dict(content)
            for node, content in enumerate(self._start)
            if isinstance(content, dict)
        }

    def find(self, path: Path) -> Node | None:
        """What a path stands for now."""
        node: Node | None = ROOT
        for name in path.relative_to(self._root).parts:
            node = None if node is None else self._folders.get(node, {}).get(name)
        return node

    def make_folder(self, path: Path) -> None:
        """A folder was made."""
        node = self._new({}, path)
        self._folders[node] = {}
        self._name(f"mkdir {self._text(path)}", path.parent, (path.name, node))

    def create(self, path: Path) -> Node:
        """An empty file was made."""
        node = self._new(b"", path)
        self._name(f"create {self._text(path)}", path.parent, (path.name, node))
        return node

    def write(self, file: Node, offset: int, data: bytes) -> None:
        """Bytes were written into a file."""
        text = f"write {self._paths[file]} [{offset}:{offset + len(data)}]"
        self.steps.append(Write(text, file, offset, data))

    def cut(self, file: Node, size: int) -> None:
        """A file was cut off."""
        self.steps.append(Write(f"cut {self._paths[file]} [{size}:]", file, size, None))

    def sync(self, node: Node) -> None:
        """A file or a folder was synced."""
        self.steps.append(Sync(f"sync {self._paths[node]}", node))

    def replace(self, source: Path, target: Path) -> None:
        """A file was given the name of another in the same folder."""
        if source.parent != target.parent:
            raise ValueError(f"{source} and {target} do not lie in one folder.")
        node = self.find(source)
        text = f"rename {self._text(source)} to {target.name}"
        self._name(text, source.parent, (source.name, None), (target.name, node))

    def remove(self, path: Path) -> None:
        """A file, or an empty folder, was removed."""
        self._name(f"remove {self._text(path)}", path.parent, (path.name, None))

    def history(self) -> "History":
        """All that was taken down."""
        return History(tuple(self._start), tuple(self.steps))

    def _load(self, path: Path) -> Node:
        node = self._new({}, path)
        if path.is_dir():
            self._start[node] = {each.name: self._load(each) for each in sorted(path.iterdir())}
        else:
            self._start[node] = path.read_bytes()
        return node

    def _new(self, content: Content, path: Path) -> Node:
        self._start.append(content)
        self._paths.append(self._text(path))
        return len(self._start) - 1

    def _name(self, text: str, parent: Path, *changes: tuple[str, Node | None]) -> None:
        folder = self.find(parent)
        if folder is None:
            raise LookupError(f"{text}: nobody was seen to make its folder.")
        for name, node in changes:
            self._folders[folder].pop(name, None)
            if node is not None:
                self._folders[folder][name] = node
                self._paths[node] = self._text(parent / name)
        self.steps.append(Names(text, folder, changes))

    def _text(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


@dataclass(frozen=True, slots=True)
class Crash:
    """What the disk holds after one power cut.

    Attributes:
        after: how many steps had been taken.
        lost: what had been done by then, but did not reach the medium as it was meant.
        tree: what there is.
    """

    after: int
    lost: tuple[str, ...]
    tree: Tree


@dataclass(frozen=True, slots=True)
class History:
    """What was done, and where it began.

    Attributes:
        start: each node's content at first; empty for those that were made later.
        steps: in their order.
    """

    start: tuple[Content, ...]
    steps: tuple[Step, ...]

    def crashes(self, *, tries: int, random: Random, share: float = 1.0) -> Iterator[Crash]:
        """Cut the power after each number of steps, the last ones first.

        Args:
            tries: where more combinations of losses are possible, the simple ones are taken
                (nothing, one thing alone, everything, all but one), and others at random up to
                this number.
            random: chooses those.
            share: of all these, the share to be told, chosen at random.
        """
        for after in range(len(self.steps), -1, -1):
            lasting, pending = _sorted_out(self.steps[:after])
            fates = [_fates(changes) for changes in pending]
            for chosen in _combinations([len(each) for each in fates], tries, random):
                if random.random() >= share:
                    continue
                reached = lasting.copy()
                lost: list[str] = []
                for each, number in zip(fates, chosen, strict=True):
                    reached += each[number].reached
                    if number:
                        lost.append(each[number].text)
                yield Crash(after, tuple(lost), _tree(self.start, reached))

    def final(self) -> Tree:
        """What there is when nothing is lost."""
        return _tree(self.start, [step for step in self.steps if not isinstance(step, Sync)])


@dataclass(frozen=True, slots=True)
class _Fate:
    """What may become of changes that wait for a sync: some of them, or parts, reach the medium."""

    text: str
    reached: Sequence[Change]


def _sorted_out(steps: Sequence[Step]) -> tuple[list[Change], list[list[Change]]]:
    """The changes that last, and those that do not yet: names one by one, writes by file."""
    synced = {step.node: number for number, step in enumerate(steps) if isinstance(step, Sync)}
    lasting: list[Change] = []
    names: list[list[Change]] = []
    writes: dict[Node, list[Change]] = defaultdict(list)
    for number, step in enumerate(steps):
        match step:
            case Names(folder=node) | Write(file=node) if number < synced.get(node, -1):
                lasting.append(step)
            case Names():
                names.append([step])
            case Write():
                writes[step.file].append(step)
            case Sync():
                pass
    return lasting, [*names, *writes.values()]


def _fates(changes: Sequence[Change]) -> list[_Fate]:
    """What may become of changes that wait for one sync; first that they all reach the medium."""
    first = changes[0].text if len(changes) == 1 else f"{changes[0].text} to {changes[-1].text}"
    fates = [_Fate("", changes), _Fate(f"nothing of {first}", ())]
    writes = [change for change in changes if isinstance(change, Write)]
    if writes:
        fates.append(_Fate(f"halves of {first}", [_half(write) for write in writes]))
        fates.append(_Fate(f"zeros for {first}", [_zeros(write) for write in writes]))
    for number in range(1, len(writes)):
        fates.append(_Fate(f"all from {writes[number].text} on", writes[:number]))
        rest = [*writes[: number - 1], *writes[number:]]
        fates.append(_Fate(f"only {writes[number - 1].text}", rest))
    return fates


def _half(write: Write) -> Write:
    return write if write.data is None else replace(write, data=write.data[: len(write.data) // 2])


def _zeros(write: Write) -> Write:
    return write if write.data is None else replace(write, data=bytes(len(write.data)))


def _combinations(sizes: Sequence[int], tries: int, random: Random) -> Iterator[tuple[int, ...]]:
    """Choose a fate for each; 0 is that all is well, 1 that all is lost."""
    if prod(sizes) <= tries:
        yield from product(*map(range, sizes))
        return
    well, lost = (0,) * len(sizes), (1,) * len(sizes)
    simple = [well]
    for place, size in enumerate(sizes):
        simple += [_with(well, place, fate) for fate in range(1, min(size, 4))]
    simple += [lost, *(_with(lost, place, 0) for place in range(len(sizes)))]
    yield from simple
    for _ in range(len(simple), tries):
        yield tuple(random.randrange(size) for size in sizes)


def _with(chosen: tuple[int, ...], place: int, fate: int) -> tuple[int, ...]:
    return *chosen[:place], fate, *chosen[place + 1 :]


def _tree(start: Sequence[Content], changes: Sequence[Change]) -> Tree:
    """Let changes act on what was there, and go through what can be reached."""
    folders = {node: dict(each) for node, each in enumerate(start) if isinstance(each, dict)}
    files = {node: bytearray(each) for node, each in enumerate(start) if isinstance(each, bytes)}
    for change in changes:
        if isinstance(change, Names):
            _rename(folders[change.folder], change)
        else:
            _overwrite(files[change.file], change)
    tree: Tree = {}

    def walk(path: str, folder: Node) -> None:
        for name, node in folders[folder].items():
            if node in folders:
                tree[path + name] = None
                walk(f"{path}{name}/", node)
            else:
                tree[path + name] = bytes(files[node])

    walk("", ROOT)
    return tree


def _rename(folder: dict[str, Node], change: Names) -> None:
    for name, node in change.changes:
        folder.pop(name, None)
        if node is not None:
            folder[name] = node


def _overwrite(content: bytearray, write: Write) -> None:
    content.extend(bytes(max(0, write.offset - len(content))))
    if write.data is None:
        del content[write.offset :]
    else:
        content[write.offset : write.offset + len(write.data)] = write.data
