"""Histories of builds: what each did to the disk, step by step."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qasearch.index import EmbedderIdentity, Generation, GenerationWriter, KeptRows
from qasearch.ingest import joined_text
from qasearch.records import SPLITTER_VERSION
from tests.reliability.builds import Start, prepare, rest
from tests.reliability.contents import EMBEDDER, build, layout, served
from tests.reliability.disk import History, Node, Recorder
from tests.reliability.logged import LoggedFiles
from tests.reliability.traced import calls, paths_in, run_traced

_AT_ONCE = 2
"""Articles, or rows, in one write."""

_LONGEST_WRITE = 1 << 24
_DATA = re.compile(r'\d+<[^>]*>, "(.*)", \d+(?:, (\d+))?')


@dataclass(frozen=True, slots=True)
class Commit:
    """A build that went well, and what it did to the disk.

    Attributes:
        start: what it began with.
        history: what it did.
        content: what the index must answer in the end, as ``Served.content``.
        layout: what may lie in the index folder in the end.
    """

    start: Start
    history: History
    content: str
    layout: set[str]


def logged_commit(
    name: str, seed: int, scratch: Path, make_files: Callable[[Path], LoggedFiles] = LoggedFiles
) -> Commit:
    """Write and commit the generation of a build through operations that are taken down.

    Args:
        name: of the build, a key of ``EDITIONS``.
        seed: chooses the articles.
        scratch: a new folder.
        make_files: the file operations below a folder.
    """
    start = prepare(name, seed, scratch)
    reference = scratch / "reference"
    start.build_anew(reference)
    root = scratch / "root"
    index = start.copy(root)
    files = make_files(root)
    with (
        Generation.open(reference) as generation,
        GenerationWriter(
            index,
            embedder=EmbedderIdentity(EMBEDDER.name, EMBEDDER.fingerprint, EMBEDDER.dim),
            splitter_version=SPLITTER_VERSION,
            tool_version="0",
            files=files,
        ) as writer,
    ):
        _write(writer, generation)
    return _commit(start, files.recorder, index, reference)


def traced_commit(name: str, seed: int, scratch: Path) -> Commit:
    """Build as usual, and take down the system calls, SQLite's among them.

    Args:
        name: of the build, a key of ``EDITIONS``.
        seed: chooses the articles.
        scratch: a new folder.
    """
    start = prepare(name, seed, scratch)
    reference = scratch / "reference"
    start.build_anew(reference)
    rest()
    root, log = scratch / "root", scratch / "log"
    index = start.copy(root)
    recorder = Recorder(root)
    ending = run_traced(
        lambda: build(start.articles, index), log, f"--string-limit={_LONGEST_WRITE}"
    )
    if not ending.generation:
        raise RuntimeError(f"The {name} build fails even when nothing else does: {ending}")
    replay(log, root, recorder)
    return _commit(start, recorder, index, reference)


def _write(writer: GenerationWriter, generation: Generation) -> None:
    """Write what another generation holds."""
    kept = KeptRows(generation, 0, generation.store.article_count)
    writer.write_passages([kept])
    writer.write_vectors(kept.passage_vectors(_AT_ONCE))
    writer.write_questions(kept.question_vectors(_AT_ONCE))
    codec = generation.tokens.codec if generation.tokens else None
    writer.write_tokens(codec, lambda: kept.tokens(_AT_ONCE))
    writer.write_lexical(joined_text)
    writer.write_sources(generation.sources())
    writer.write_confidence(generation.confidence)
    writer.commit()


def _commit(start: Start, recorder: Recorder, index: Path, reference: Path) -> Commit:
    """Take over what was taken down; an index built from nothing says what must come of it."""
    expected = served(reference)
    if expected is None:
        raise RuntimeError("A build from nothing leaves no index.")
    return Commit(start, recorder.history(), expected.content, layout(index) | layout(reference))


def replay(log: Path, root: Path, recorder: Recorder) -> None:
    """Take down what the system calls in a log did below ``root``."""
    nodes: dict[str, Node] = {}
    ends: dict[str, int] = {}
    for call, arguments, result in calls(log, root):
        if not call.places or result.startswith("-1"):
            continue
        paths = [root / path for path in paths_in(arguments, root)]
        descriptor = arguments.partition("<")[0]
        match call.name:
            case "openat":
                descriptor = result.partition("<")[0]
                nodes[descriptor] = _opened(paths[0], arguments, recorder)
                ends[descriptor] = 0
            case "write" | "pwrite64":
                data, place = _data(arguments, int(result))
                offset = ends[descriptor] if place is None else place
                recorder.write(nodes[descriptor], offset, data)
                if place is None:
                    ends[descriptor] += len(data)
            case "ftruncate":
                recorder.cut(nodes[descriptor], int(arguments.rpartition(",")[2]))
            case "fsync" | "fdatasync":
                recorder.sync(nodes[descriptor])
            case "rename" | "renameat" | "renameat2":
                recorder.replace(*paths)
            case "mkdir" | "mkdirat":
                recorder.make_folder(paths[0])
            case "unlink" | "unlinkat" | "rmdir":
                recorder.remove(paths[0])
            case "close" | "fchmod" | "fchown":
                pass
            case _:
                raise NotImplementedError(f"What {call} does to a disk is not modelled.")


def _opened(path: Path, arguments: str, recorder: Recorder) -> Node:
    node = recorder.find(path)
    if node is None:
        return recorder.create(path)
    if "O_TRUNC" in arguments:
        recorder.cut(node, 0)
    return node


def _data(arguments: str, count: int) -> tuple[bytes, int | None]:
    """The bytes that were written, and where, if the call says it."""
    match = _DATA.fullmatch(arguments)
    if match is None:
        raise ValueError(f"not the arguments of a write: {arguments[:80]}")
    data: bytes = ast.literal_eval(f'b"{match[1]}"')
    return data[:count], None if match[2] is None else int(match[2])
