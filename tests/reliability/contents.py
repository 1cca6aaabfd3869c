"""Articles that change from edition to edition, and what an index of them answers."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from qasearch import Index
from qasearch.errors import IndexNotFoundError
from qasearch.index import Generation, verify
from qasearch.index.writer import KEPT_GENERATIONS
from tests.tiny import TinyEmbedder

EMBEDDER = TinyEmbedder(dim=64)

_WORDS = (
    "amber", "anchor", "apple", "basket", "bell", "bridge", "candle", "canal", "cedar", "chalk",
    "cloud", "copper", "dune", "echo", "ember", "fern", "flint", "fog", "garden", "granite",
    "harbour", "hazel", "ivory", "kettle", "lantern", "ledge", "linen", "maple", "meadow",
    "mirror", "moss", "needle", "oak", "orchard", "pebble", "quill", "raft", "reed", "saddle",
    "salt", "shore", "sparrow", "spindle", "thimble", "thorn", "tide", "timber", "valley",
    "velvet", "wheel", "willow",
)  # fmt: skip
NOT_REPEATED = "lexical/"
"""Files that differ from build to build although what they say is the same."""

_CACHE = {
    "cache",
    "cache/embeddings.sqlite",
    "cache/embeddings.sqlite-journal",  # played back when the cache is next opened
    "cache/files.json",
}
_GENERATION = re.compile(r"(gen-[0-9]{10})-[0-9a-f]{8}")


def write_edition(folder: Path, edition: int, seed: int) -> None:
    """Make a folder hold one edition of the articles; files that stay equal are left alone.

    From one edition to the next, half of the articles change their texts, one goes, one comes, and
    one moves to another file. Each text says in which edition it was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict(_article(number, edition, seed) for number in _present(edition, seed))
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def build(articles: Path, index: Path) -> str:
    """Build, or update, the index of a folder of articles; return the generation that answers."""
    return Index.build(articles, index, embedder=EMBEDDER).generation or ""


@dataclass(frozen=True, slots=True)
class Served:
    """What an index answers.

    Attributes:
        generation: its name.
        content: sha256 over all files, all texts, all vectors, and what is found for each of them;
            equal for two indexes that answer the same, whatever their generations are called.
    """

    generation: str
    content: str


def served(index: Path) -> Served | None:
    """Read all that an index answers, as a reader would; None when there is none.

    Raises:
        Exception: of any kind, when it cannot be read.
    """
    try:
        opened = Index.open(index, embedder=EMBEDDER)
    except IndexNotFoundError:
        return None
    digest = sha256()
    with opened, Generation.open(index) as generation:
        generation.check_matrices()
        for file, content in generation.manifest.files.items():
            if not file.startswith(NOT_REPEATED):
                digest.update(f"{file} {content}".encode())
        store = generation.store
        articles = store.articles(range(store.article_count))
        digest.update(repr(articles).encode())
        digest.update(repr(store.passages(range(store.passage_count))).encode())
        for vectors, search in (
            (generation.vectors, generation.passages.search),
            (generation.questions, generation.question_index.search),
        ):
            digest.update(vectors.tobytes())
            for found in search(vectors, 1):
                digest.update(found.tobytes())
        for result in opened.search_many([article.question for article in articles], k=2):
            digest.update(repr([(hit.article, hit.points) for hit in result.articles]).encode())
        return Served(generation.name, digest.hexdigest())


def plain(text: str, root: Path) -> str:
    """A text without the folder that all lies in, and without the random parts of names."""
    return _GENERATION.sub(r"\1", text.replace(f"{root}/", ""))


def layout(index: Path) -> set[str]:
    """The paths of all that lies in an index folder, the names of generations left out."""
    return {_GENERATION.sub("gen", path.relative_to(index).as_posix()) for path in index.rglob("*")}


def generations(index: Path) -> set[str]:
    """The names of the generations, whole or not, that lie in an index folder."""
    paths = index.iterdir() if index.exists() else ()
    return {path.name for path in paths if _GENERATION.fullmatch(path.name)}


def problems_of_the_next_build(
    articles: Path, index: Path, *, content: str, allowed: set[str]
) -> list[str]:
    """Build once more after a fault, and tell what is not as it must be.

    Args:
        articles: what to build from.
        index: the index folder, as the fault left it.
        content: what must be answered then, as ``Served.content``.
        allowed: all that may lie in the folder then, as ``layout`` says it.
    """
    try:
        generation = build(articles, index)
        now = served(index)
        faults = verify(index)
    except Exception as error:
        return [f"the next build fails: {plain(repr(error), index)}"]
    problems = [f"verify after the next build: {plain(str(fault), index)}" for fault in faults]
    if now != Served(generation, content):
        problems.append("the next build does not answer what it was given")
    if left := layout(index) - allowed - _CACHE:
        problems.append(f"leftovers after the next build: {', '.join(sorted(left))}")
    if len(kept := generations(index)) > KEPT_GENERATIONS:
        problems.append(f"{len(kept)} generations are left after the next build")
    return problems


def _present(edition: int, seed: int) -> list[int]:
    count = 5 + seed % 4
    return list(range(edition, edition + count))


def _article(number: int, edition: int, seed: int) -> tuple[str, str]:
    """The name and the content of a file."""
    written = edition - (number + edition) % 2
    random = Random(f"{seed} {number} {written}")

    def words(count: int) -> str:
        return " ".join(random.sample(_WORDS, count))

    points = "\n".join(
        f"{ordinal}. **{words(2)}**: edition {written}, {words(6)}."
        for ordinal in range(1, 2 + random.randrange(4))
    )
    moved = f"-{edition}" if number == edition + 1 else ""
    head = f"---\nid: a{number:03}\nquestion: Where in edition {written} is {words(3)}?\n---\n"
    return f"article-{number:03}{moved}.md", f"{head}Of edition {written}.\n\n{points}\n"
