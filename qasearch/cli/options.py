"""Options that several commands share, so that they are spelled and explained once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from qasearch.cli.completion import article_ids, conditions
from qasearch.records import Mode

DEFAULT_INDEX = Path("index")

_STORE_VARIABLE = "QASEARCH_STORE"


def _folder(given: str | Path) -> Path:
    """A folder as it was typed, or the default one."""
    text = str(given)
    if ":" in text:
        from qasearch.storage import is_address

        if is_address(text):
            # Not told again: it may hold a password.
            raise typer.BadParameter("that is the address of a store, not a folder.")
    return Path(text)


def _asked_instead_of_a_store(context: typer.Context, index: Path) -> Path:
    """Refuse to answer from the index where a store is to be asked, which the command cannot."""
    if os.environ.get(_STORE_VARIABLE) and not _is_typed(context, "index"):
        raise ValueError(
            f"{_STORE_VARIABLE} is set, and `{context.command_path}` cannot ask a store. "
            "Name the index itself with -i DIR."
        )
    return index


def _index_or(context: typer.Context, index: str) -> str:
    _refuse_both(context)
    return index


def _store_or(context: typer.Context, store: str | None) -> str | None:
    """The store, unless it stands in the environment alone and an index on the command line."""
    _refuse_both(context)
    return None if _is_typed(context, "index") else store


def _refuse_both(context: typer.Context) -> None:
    if _is_typed(context, "index") and _is_typed(context, "store"):
        raise ValueError("What is to answer? -i and --store do not go together.")


def _is_typed(context: typer.Context, parameter: str) -> bool:
    """Whether an option stands on the command line; those do that are read before all others."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _index_option(
    help: str,
    *,
    metavar: str = "DIR",
    parser: Callable[[str | Path], Path] | None = None,
    callback: Callable[..., Any] | None = None,
) -> Any:
    return typer.Option(
        "-i",
        "--index",
        metavar=metavar,
        envvar="QASEARCH_INDEX",
        help=help,
        parser=parser,
        callback=callback,
    )


IndexFolderOption: TypeAlias = Annotated[
    Path, _index_option("Folder of the index.", parser=_folder)
]
"""Of commands that make or keep an index, which is a folder whatever stores there are."""

IndexOption: TypeAlias = Annotated[
    Path,
    _index_option("Folder of the index.", parser=_folder, callback=_asked_instead_of_a_store),
]
"""Of commands that tell what no store can be asked."""

IndexOrStoreOption: TypeAlias = Annotated[
    str,
    _index_option("Folder of the index; or a store.", metavar="DIR|URL", callback=_index_or),
]
"""Of commands that have ``StoreOption`` too; goes before the variable of that."""

StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar=_STORE_VARIABLE,
        callback=_store_or,
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
        help="subject=Sociology, 'date>=2024-12-01'; may be repeated: several of one field with "
        "= are alternatives, others combine.",
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
