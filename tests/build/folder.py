"""A folder of articles that tests edit, and builds of it."""

import json
from pathlib import Path

from qasearch import BuildReport, Index
from qasearch.index.manifest import DATA_FILES, MANIFEST_FILE
from tests.tiny import TinyEmbedder

EMBEDDER = TinyEmbedder(dim=64)


class Folder:
    """Articles in files, ``NAME.md``, and the index built of them."""

    def __init__(self, path: Path) -> None:
        self.path = path / "articles"
        self.path.mkdir()
        self.index = path / "index"

    def write(self, name: str, *, id: str, text: str, subject: str = "Ports") -> None:
        content = f"---\nid: {id}\nquestion: What about {id}?\nsubject: {subject}\n---\n{text}\n"
        (self.path / f"{name}.md").write_text(content)

    def spoil(self, name: str) -> None:
        (self.path / f"{name}.md").write_text("---\nid: unclosed\n")

    def remove(self, name: str) -> None:
        (self.path / f"{name}.md").unlink()

    def rename(self, name: str, new: str) -> None:
        (self.path / f"{name}.md").rename(self.path / f"{new}.md")

    def build(self, index: Path | None = None, **options: bool) -> BuildReport:
        options = {"allow_shrink": True, **options}
        return Index.build(self.path, index or self.index, embedder=EMBEDDER, **options)

    def opened(self) -> Index:
        return Index.open(self.index, embedder=EMBEDDER)


def damage(index: Path, file: str) -> None:
    """Change the last byte of a file of the generation that answers."""
    path = index / (index / "CURRENT").read_text().split()[0] / file
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def stored(index: Path) -> dict[str, bytes]:
    """The content of the files of the generation that answers."""
    generation = index / (index / "CURRENT").read_text().split()[0]
    return {name: (generation / name).read_bytes() for name in DATA_FILES}


def manifest(index: Path) -> dict[str, object]:
    """The manifest of the generation that answers, but for its name, its parent and its time."""
    path = index / (index / "CURRENT").read_text().split()[0] / MANIFEST_FILE
    told = json.loads(path.read_text())
    return {
        field: told[field] for field in told if field not in ("generation", "parent", "created")
    }


def counts(report: BuildReport) -> dict[str, int]:
    """What became of the articles, as far as anything did."""
    names = ("added", "changed", "removed", "renamed", "unchanged", "stale")
    return {name: getattr(report, name) for name in names if getattr(report, name)}
