"""What of a text answers a query: the words that match, and the sentence that says most of them.

Spans are (start, end) in code points of the text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

from qasearch.protocols import Vectors

Span: TypeAlias = tuple[int, int]

LENGTH_SHARE = 0.25
"""How far a sentence's score falls with its length, 0 to 1, as ``b`` does in BM25: a longer one
has more of the query's words by chance."""

_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f"
_WORD = re.compile(rf"[^\W_]++(?:[{_MARKS}]++[^\W_]*+)*+")
"""Letters and digits, with the accents written after them."""
_WORDS = re.compile(f"({_WORD.pattern})")
"""The same, to split a text by: words and what is between them take turns."""
_BARE = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)).ljust(256)
"""ASCII, with a space for each character that is of no word."""

_FEW_WORDS = 100
"""To find so many takes less time, one by one, than to look at each word of a text."""

# Both patterns below begin with letters that are rare in a text: the scan for these is fast.
_BLOCK = re.compile(
    r"\n(?:(?<=  \n)"  # a hard line break
    r"|[ \t]*\n"  # an empty line
    r"|(?=[ \t]*(?:[-*+•>#|]|\d{1,3}[.)]|```|~~~)(?:\s|[|`~#>])))"  # a line that begins a block
)
_MARKER = re.compile(r"(?:\s|[-*+•>](?=\s)|\d{1,3}[.)](?=\s)|#{1,6}(?=\s))*")
"""What stands before the words of a block: bullets, numbers, signs of a heading or quotation."""

# Possessive, and only where a run begins: a page of full stops takes no longer than a page of text.
_STOP = re.compile(
    r"[.!?…\u3002\uff01\uff1f](?:"
    r"(?<=[.!?…])(?<![.!?…]{2})[.!?…]*+[\"'»\u201d\u2019)\]*_]*+(?=\s)"
    r"|(?<=[\u3002\uff01\uff1f])[\u3002\uff01\uff1f]*+[」』\u201d\u2019]*+)\s*+"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"“])(?:(?:[^\W\d_]\.)+|(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|figs?|vol|pp|ca|cf|al)\.)$",
    re.IGNORECASE,
)
"""Letters with stops (``J.``, ``e.g.``, ``U.S.``), or a word that is cut short."""
_LONGEST_ABBREVIATION = 12
_BEFORE_NUMBER = re.compile(r"\bnos?\.$", re.IGNORECASE)


class Lexicon(Protocol):
    """What knows of words: the index of words, ``LexicalIndex``.

    A stem begins as its word does: the terms of an ASCII word with its first letter in lower case.
    """

    def terms_of_each(self, words: Sequence[str]) -> Sequence[Sequence[str]]:
        """The terms of each word: mostly one, none of a stop word."""
        ...

    def inverse_frequencies(self, terms: Sequence[str]) -> Vectors:
        """How rare each term is: float32 (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """What of one text answers.

    Attributes:
        words: that match, ascending; those with nothing but a space between are one.
        sentence: that answers; None if no word matches.
    """

    words: tuple[Span, ...] = ()
    sentence: Span | None = None


class Highlighter:
    """Marks what answers one query, in any number of texts; each word is stemmed once.

    Args:
        lexicon: stems words, and knows how rare they are.
        terms: of the query.
    """

    def __init__(self, lexicon: Lexicon, terms: Sequence[str]) -> None:
        distinct = sorted(set(terms))
        self._lexicon = lexicon
        rarities = lexicon.inverse_frequencies(distinct).tolist()
        self._rarity: dict[str, float] = dict(zip(distinct, rarities, strict=True))
        self._initials = {term[0] for term in distinct} | {term[0].upper() for term in distinct}
        self._matching: dict[str, list[str]] = {}

    def marks(self, texts: Sequence[str]) -> list[Marks]:
        """What of each text answers."""
        if not self._rarity:
            return [Marks() for _ in texts]
        bare = list(map(_bare, texts))
        self._learn(" ".join(bare).split())
        return list(map(self._marks, texts, bare))

    def _marks(self, text: str, bare: str) -> Marks:
        """What of a text answers, whose words are ``bare``."""
        matches = _places(self._matching, bare)
        if not matches:
            return Marks()
        spans = [(start, end) for start, end, _ in matches]
        return Marks(_merged(text, spans), self._best(text, bare, matches))

    def _learn(self, words: Iterable[str]) -> None:
        """Find which words stand for terms of the query."""
        initials, rarity = self._initials, self._rarity
        some = [word for word in set(words) if word[0] in initials or not word.isascii()]
        composed = [word if word.isascii() else unicodedata.normalize("NFC", word) for word in some]
        for word, terms in zip(some, self._lexicon.terms_of_each(composed), strict=True):
            for term in terms:
                if term in rarity:
                    self._matching.setdefault(word, []).append(term)

    def _best(self, text: str, bare: str, matches: Sequence[tuple[int, int, str]]) -> Span:
        """The sentence whose terms are rarest in sum, for its length; of equals the first.

        Args:
            text: the whole.
            bare: the same, with nothing but its words.
            matches: where the words begin and end that match, and the words.
        """
        parts = sentences(text) or [(0, len(text))]  # without a word but the number of a point
        ends = [end for _, end in parts]
        said: dict[Span, set[str]] = {parts[0]: set()}
        for start, _, word in matches:
            part = parts[min(bisect_right(ends, start), len(parts) - 1)]
            if part[0] <= start:
                said.setdefault(part, set()).update(self._matching[word])
        if len(said) == 1:
            return parts[0]
        usual = len(bare.split()) / len(parts)

        def score(part: Span) -> float:
            length = len(bare[part[0] : part[1]].split()) / usual
            return self._rarity_of(said[part]) / (1 - LENGTH_SHARE + LENGTH_SHARE * length)

        return max(said, key=score)

    def _rarity_of(self, terms: Iterable[str]) -> float:
        return sum(self._rarity[term] for term in sorted(terms))


def sentences(text: str) -> list[Span]:
    """The sentences of a Markdown text, bullets and white space around them left out.

    A bullet, a heading, a row of a table or an empty line ends one; a line feed alone does not.
    """
    ends = [match.end() for match in _BLOCK.finditer(text)]
    blocks = pairwise([0, *ends, len(text)])
    return [span for start, end in blocks for span in _of_block(text, start, end)]


def words_of(text: str) -> list[str]:
    """The words of a text, each once, in their order."""
    return list(dict.fromkeys(match[0] for match in _WORD.finditer(text)))


def _bare(text: str) -> str:
    """A text of the same length, with a space for each character that is of no word."""
    if text.isascii():
        return text.encode().translate(_BARE).decode()
    pieces = _WORDS.split(text)
    pieces[::2] = [" " * len(between) for between in pieces[::2]]
    return "".join(pieces)


def _places(words: Collection[str], bare: str) -> list[tuple[int, int, str]]:
    """Where some words begin and end in a text of nothing but words, and the words, in order."""
    if len(words) > _FEW_WORDS:
        every = _WORD.finditer(bare)
        return [(*match.span(), match[0]) for match in every if match[0] in words]
    padded = f" {bare} "
    found: list[tuple[int, int, str]] = []
    for word in words:
        alone, length = f" {word} ", len(word)
        start = padded.find(alone)  # in ``bare`` the word itself begins there
        while start >= 0:
            found.append((start, start + length, word))
            start = padded.find(alone, start + length + 1)
    found.sort()
    return found


def _of_block(text: str, start: int, end: int) -> Iterator[Span]:
    marker = _MARKER.match(text, start, end)
    start = marker.end() if marker else start
    for stop in _STOP.finditer(text, start, end):
        if stop.end() < end and _goes_on(text, start, stop):
            continue
        yield from _stripped(text, start, stop.end())
        start = stop.end()
    yield from _stripped(text, start, end)


def _goes_on(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a sentence goes on after what looks like its end."""
    after = text[stop.end()]
    if after.islower():
        return True
    if stop[0].rstrip() != ".":
        return False
    end = stop.start() + 1
    last = text[max(start, end - _LONGEST_ABBREVIATION) : end]
    return bool(_ABBREVIATION.search(last) or (after.isdigit() and _BEFORE_NUMBER.search(last)))


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without white space around it, if it has a word."""
    if _WORD.search(text, start, end):
        bare = text[start:end]
        yield end - len(bare.lstrip()), start + len(bare.rstrip())


def _merged(text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans, ascending, as one where nothing but a space is between them."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and text[merged[-1][1] : start] in ("", " "):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)
