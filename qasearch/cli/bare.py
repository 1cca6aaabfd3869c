"""A bare question searches: ``qasearch "who pays"`` is ``qasearch search "who pays"``."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

_ASKING = frozenset(
    (
        *("am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "how", "is"),
        *("may", "might", "must", "should", "was", "were", "what", "when", "where", "which"),
        *("who", "whom", "whose", "will", "would"),
    )
)
"""Words that questions begin with; some differ from a command by a letter, as how and show."""


def as_search(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """Put ``search`` before a question that stands where a command should.

    Several words before the first option are one question, whether quoted or not. A single word is
    none, and a first word that nearly is a command's name is taken for a slip of the pen: the
    parser knows neither, and suggests.
    """
    given = list(arguments)
    # Only this option of qasearch itself may stand before a question.
    start = next((i for i, each in enumerate(given) if each != "--no-pager"), len(given))
    end = next((i for i in range(start, len(given)) if given[i].startswith("-")), len(given))
    words = " ".join(given[start:end]).split()
    if len(words) < 2 or given[start] in commands:
        return given
    if words[0].lower() not in _ASKING and get_close_matches(given[start], commands):
        return given
    return [*given[:start], "search", " ".join(given[start:end]), *given[end:]]
