"""Options that several commands share, so that they are spelled and explained once."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from qasearch.cli.completion import article_ids, conditions
from qasearch.records import Mode

DEFAULT_INDEX = Path("index")

IndexOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "-i",
        "--index",
        metavar="DIR",
        envvar="QASEARCH_INDEX",
        help="Folder of the index.",
    ),
]
StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="QASEARCH_STORE",
        help="Ask a store instead: milvus://host:port/collection, milvus:FILE.db, postgresql://...",
    ),
]
ModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        envvar="QASEARCH_MODEL",
        help="Name or folder of a sentence-transformers model; the bundled one by default.",
    ),
]
OfflineOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar=["QASEARCH_OFFLINE", "HF_HUB_OFFLINE"],
        help="Never ask the network for a model.",
    ),
]
QuietOption: TypeAlias = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress and no warnings on stderr.")
]
VerboseOption: TypeAlias = Annotated[
    bool,
    typer.Option("-v", "--verbose", help="All warnings, and the traceback of a failure."),
]
WaitOption: TypeAlias = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", help="Wait that long for another builder.")
]
IncludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Read only files that match; may be repeated."),
]
ExcludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="Leave out files that match; may be repeated."),
]
NoIndexOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--include-no-index", help="Keep articles marked no_index and refusals to answer."
    ),
]
StrictOption: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="Keep the old index if any file is refused.")
]
AllowShrinkOption: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-shrink", help="Go on if over a fifth of the articles are gone."),
]
ModeOption: TypeAlias = Annotated[
    Mode,
    typer.Option("--mode", help="What ranks: vectors and words, vectors alone, or words alone."),
]
LimitOption: TypeAlias = Annotated[
    int, typer.Option("-k", "--limit", metavar="N", help="How many hits at most, 1 to 100.")
]
PointsOption: TypeAlias = Annotated[
    int,
    typer.Option("--points", metavar="N", help="Passages shown of each article, 0 to 100."),
]
WhereOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        autocompletion=conditions,
        help="subject=Sociology, 'date>=2024-12-01'; may be repeated: conditions on one subject "
        "are alternatives, others combine.",
    ),
]
MinConfidenceOption: TypeAlias = Annotated[
    float,
    typer.Option("--min-confidence", metavar="P", help="Leave out hits of less, 0 to 1."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
ArticleIdArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", autocompletion=article_ids, help="Id of an article.")
]
