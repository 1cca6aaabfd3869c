"""What the tools may be asked: checked as strictly as it is described."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qasearch import Where
from qasearch.records import Mode

MOST_HITS, MOST_POINTS = 50, 20
"""Fewer than the library gives: an agent has to read what comes back."""

Day = Annotated[str, Field(description="An ISO date, 2024-12-31.")]
Hits = Annotated[int, Field(ge=1, le=MOST_HITS, description="Articles wanted at most.")]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SearchArguments(_Arguments):
    """Of ``search``."""

    query: Annotated[str, Field(description="A plain question, or some words.")]
    k: Hits = 5
    points: Annotated[
        int, Field(ge=0, le=MOST_POINTS, description="Passages of each article at most.")
    ] = 3
    subject: Annotated[
        list[str], Field(description="Only articles of this subject; several are alternatives.")
    ] = []
    date_from: Annotated[Day | None, Field(description="Only articles of this day or later.")] = (
        None
    )
    date_to: Annotated[Day | None, Field(description="Only articles of this day or earlier.")] = (
        None
    )
    mode: Annotated[
        Mode, Field(description="What ranks: vectors and words, vectors alone, or words alone.")
    ] = "hybrid"
    min_confidence: Annotated[
        float, Field(ge=0, le=1, description="Leave out articles less likely to answer.")
    ] = 0.0

    def where(self) -> Where | None:
        """The filter as the library takes it."""
        ends = ((">=", self.date_from), ("<=", self.date_to))
        where: dict[str, Any] = {}
        if self.subject:
            where["subject"] = self.subject
        if days := [(op, day) for op, day in ends if day is not None]:
            where["date"] = days
        return where or None


class ShowArguments(_Arguments):
    """Of ``show``."""

    id: Annotated[
        str, Field(description="Id of an article, or of a passage of it (ID#SEQ), from a search.")
    ]


class RelatedArguments(_Arguments):
    """Of ``related``."""

    id: Annotated[str, Field(description="Id of an article.")]
    k: Hits = 5


Asked = TypeVar("Asked", bound=_Arguments)


def read_arguments(kind: type[Asked], given: Mapping[str, object]) -> Asked:
    """Check what a tool was asked.

    Raises:
        ValueError: an argument is unknown, missing, of another type or out of its range.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        slips = (_slip(each["type"], each["loc"], each["msg"]) for each in error.errors())
        raise ValueError(" ".join(dict.fromkeys(slips))) from None


def _slip(kind: str, place: tuple[int | str, ...], message: str) -> str:
    """One thing that is wrong, as a sentence."""
    name = place[0] if place else "arguments"
    match kind:
        case "extra_forbidden":
            return f"There is no argument {name!r}."
        case "missing":
            return f"The argument {name!r} is missing."
        case _:
            return f"{name}: {message.rstrip('.')}."
