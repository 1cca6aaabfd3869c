"""What is noted of a generation of a store: how far its writer got, and what it is made of."""

import base64
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from qasearch.storage import Origin

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class About:
    """What is noted of a generation.

    Attributes:
        origin: what made its vectors and codes.
        parent: number of the generation that it began from; None for none.
        next_row: rows of articles from here on are free, or were left by a killed writer.
        name: of the generation, once it is complete; empty before.
        created: ISO time of that, UTC.
        articles, passages, digest: of what it holds then.
        subjects: with the number of their articles.
        confidence: the calibration.
    """

    origin: Origin
    parent: int | None = None
    next_row: int = 0
    name: str = ""
    created: str = ""
    articles: int = 0
    passages: int = 0
    digest: str = ""
    subjects: tuple[tuple[str, int], ...] = ()
    confidence: bytes = b""

    def to_text(self) -> str:
        """JSON."""
        fields: dict[str, Any] = asdict(self)
        fields["confidence"] = base64.b64encode(self.confidence).decode()
        fields["origin"]["codec"] = base64.b64encode(self.origin.codec).decode()
        return json.dumps({"format": _FORMAT, **fields})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what ``to_text`` wrote.

        Raises:
            ValueError: it is something else, or of another version.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields.pop("format") != _FORMAT:
                raise ValueError("it was written by another version of qasearch")
            origin = fields.pop("origin")
            about = cls(origin=Origin(**origin), **fields)
            return replace(
                about,
                origin=replace(about.origin, codec=base64.b64decode(origin["codec"])),
                subjects=tuple((name, count) for name, count in fields["subjects"]),
                confidence=base64.b64decode(fields["confidence"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no note of qasearch: {error!r}") from error
