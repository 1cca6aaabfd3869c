"""Judged sets: folders with queries, judgments, and perhaps the documents themselves.

    EVAL/
      one/    queries.jsonl, qrels.articles.tsv, qrels.passages.jsonl    over the --corpus
      two/    queries.jsonl, qrels.tsv, corpus.jsonl                     as BEIR has them

Without such a folder, the articles of ``seeds/`` are judged by ``tests/quality``.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
QRELS_ENDINGS = (".tsv", ".jsonl", ".txt", ".trec", ".qrels")


@dataclass(frozen=True)
class JudgedSet:
    """Queries, judgments, and what is searched.

    Attributes:
        name: of its folder.
        sources: files and folders of articles.
        queries, qrels: files.
        documents: whether the sources are one file of documents, each to be searched whole too.
    """

    name: str
    sources: list[Path]
    queries: list[Path]
    qrels: list[Path]
    documents: bool


def seeds() -> JudgedSet:
    judged = ROOT / "tests" / "quality"
    return JudgedSet("seeds", [ROOT / "seeds"], *_judged(judged), documents=False)


def find_sets(folder: Path, corpus: list[Path]) -> tuple[list[JudgedSet], list[str]]:
    """The judged sets below a folder, and for each that is skipped a line that says why."""
    found: list[JudgedSet] = []
    skipped: list[str] = []
    missing = [path.as_posix() for path in corpus if not path.exists()]
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        queries, qrels = _judged(place)
        documents = place / "corpus.jsonl"
        if not (queries and qrels):
            skipped.append(f"{place.name}: no queries*.jsonl with qrels* there")
        elif documents.is_file():
            found.append(JudgedSet(place.name, [documents], queries, qrels, documents=True))
        elif not corpus or missing:
            why = f"{', '.join(missing)} is not there" if missing else "no corpus was named"
            skipped.append(f"{place.name}: {why}")
        else:
            found.append(JudgedSet(place.name, corpus, queries, qrels, documents=False))
    return found, skipped


def _judged(folder: Path) -> tuple[list[Path], list[Path]]:
    queries = sorted([*folder.glob("queries*.jsonl"), *folder.glob("queries*.tsv")])
    qrels = [path for path in sorted(folder.glob("qrels*")) if path.suffix in QRELS_ENDINGS]
    return queries, qrels
