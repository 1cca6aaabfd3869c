"""What may be asked: the parameters of each address, checked as strictly as they are described."""

import datetime
import re
from collections import Counter
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request

from qasearch import Where
from qasearch.records import Mode

MOST_HITS = 100

NOT_BLANK = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""What is neither white space nor a control character, as a query needs one. The library sees to
that; this tells it to those who read the description.
"""

_WHOLE = re.compile(r"-?[0-9]{1,9}")
_SHARE = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?(e-?[0-9]{1,3})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _whole(text: Any) -> Any:
    if isinstance(text, str) and not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return text


def _share(text: Any) -> Any:
    if isinstance(text, str) and not _SHARE.fullmatch(text):
        raise ValueError(f"{text!r} is not a number from 0 to 1")
    return text


def _flag(text: Any) -> Any:
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text


def _day(text: Any) -> Any:
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a date; write it as 2024-12-31")
    return text


WHOLE = BeforeValidator(_whole)
SHARE = BeforeValidator(_share)
Flag: TypeAlias = Annotated[bool, BeforeValidator(_flag)]
Day: TypeAlias = Annotated[datetime.date, BeforeValidator(_day)]


LISTS = ("subject", "facets")
"""Parameters that may be repeated."""


def once(request: Request) -> None:
    """Refuse a parameter that is given twice, of which only one could count.

    Raises:
        ValueError: one is.
    """
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, times in given.items():
        if times > 1 and name not in LISTS:
            raise ValueError(f"The parameter {name!r} is given more than once.")


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Filters(_Parameters):
    """Which articles may answer."""

    subject: Annotated[
        list[str], Field(description="Only articles of this subject; several are alternatives.")
    ] = []
    date_from: Annotated[Day | None, Field(description="Only articles of this day or later.")] = (
        None
    )
    date_to: Annotated[Day | None, Field(description="Only articles of this day or earlier.")] = (
        None
    )

    def where(self) -> Where | None:
        """The filter as the library takes it."""
        days = [
            (op, day.isoformat())
            for op, day in ((">=", self.date_from), ("<=", self.date_to))
            if day is not None
        ]
        where: dict[str, Any] = {}
        if self.subject:
            where["subject"] = self.subject
        if days:
            where["date"] = days
        return where or None


class SearchParameters(Filters):
    """Of ``/api/search``."""

    q: Annotated[
        str,
        Field(
            min_length=1,
            description="A plain question, or some words.",
            json_schema_extra={"pattern": NOT_BLANK},
        ),
    ]
    k: Annotated[int, Field(ge=1, le=MOST_HITS, description="Hits wanted at most."), WHOLE] = 5
    offset: Annotated[
        int,
        Field(
            ge=0,
            lt=MOST_HITS,
            description="Hits to leave out, from the first on. None beyond the hundredth is given.",
        ),
        WHOLE,
    ] = 0
    points: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="Passages of each article at most."), WHOLE
    ] = 3
    mode: Annotated[Mode | None, Field(description="Which signals rank.")] = None
    min_confidence: Annotated[
        float, Field(ge=0, le=1, description="Least confidence of what is given."), SHARE
    ] = 0.0
    facets: Annotated[
        list[Literal["subject"]],
        Field(
            description="Count the subjects of the articles found, up to those given; "
            "a flat search counts none."
        ),
    ] = []
    flat: Annotated[Flag, Field(description="Rank passages instead of articles.")] = False


class RelatedParameters(_Parameters):
    """Of ``/api/related/{id}``."""

    k: Annotated[int, Field(ge=1, le=MOST_HITS, description="Articles wanted at most."), WHOLE] = 5


class CompleteParameters(_Parameters):
    """Of ``/api/complete``."""

    q: Annotated[str, Field(description="What has been typed so far.")]
    k: Annotated[int, Field(ge=1, le=50, description="Questions wanted at most."), WHOLE] = 8


class NoParameters(_Parameters):
    """Of an address that takes none."""
