"""Read the plainest YAML without a parser: several times as fast, and for most front matter enough.

    key: one line of text
    key: >-
        one line of text
    key:
      key: as above, once

What is not of this form is left to the parser, and a test holds both to the same values. Loading
yaml takes 0.06 s: import this module where a file is read.
"""

import re
from typing import Final

from yaml.resolver import Resolver

from qasearch.ingest.fields import Scalar, Value

MAX_LINES: Final = 1_000
"""Beyond it the parser counts."""

# No sign is in doubt here: a plain text begins with what begins nothing else in YAML, and has no
# colon, no comment and no white space but single lines' inner blanks; a folded one is all content.
_ENTRY: Final = re.compile(
    r"""
    (?P<indent>\ *) (?P<key>[A-Za-z_][A-Za-z0-9_]{0,63}) :
    (?:
        \ >-\n (?P<deeper>\ +) (?P<folded>[^\ \t\n\ufeff][^\n]*)
      | \  (?P<plain>(?:[A-Za-z/]|-?[0-9])(?:[^:\#\t\n\ufeff]*[^:\#\s\ufeff])?)
    )?
    \n+
    """,
    re.VERBOSE,
)
_TYPES: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = Resolver.yaml_implicit_resolvers


def simple_mapping(text: str, first_line: int) -> dict[str, Value] | None:
    """Read a mapping if it is of the plainest form; else None.

    Args:
        text: printable, without NEL, LS and PS, with an end to its last line.
        first_line: line of the file that ``text`` starts on.
    """
    if text.count("\n") > MAX_LINES:
        return None
    top: dict[str, Value] = {}
    opened: dict[str, Value] | None = None  # an inner mapping that has no entry yet
    mapping, indent = top, 0
    line, at = first_line, 0
    while entry := _ENTRY.match(text, at):
        blanks, key, deeper, folded, plain = entry.groups()
        if opened is not None and blanks:
            mapping, indent, opened = opened, len(blanks), None
        elif not blanks:
            mapping, indent = top, 0
        if opened is not None or len(blanks) != indent or key in mapping:
            return None
        if folded is not None and len(deeper) > indent:
            mapping[key] = Scalar(folded, line)
        elif plain is not None:
            mapping[key] = Scalar(plain, line, type_of(plain))
        elif folded is None and mapping is top:
            mapping[key] = opened = {}
        else:
            return None
        line += text.count("\n", at, entry.end())
        at = entry.end()
    return top if top and opened is None and at == len(text) else None


def type_of(text: str) -> str:
    """Find the type that YAML gives a plain scalar: ``str``, ``int``, ``timestamp``, ..."""
    for tag, pattern in _TYPES.get(text[:1], ()):
        if pattern.match(text):
            return tag.removeprefix("tag:yaml.org,2002:")
    return "str"
