"""Completion of stored questions while somebody types: by prefix, typos forgiven, no model.

Every word typed is the beginning of a word. The words of all questions lie sorted, and the rows of
the questions that have them in the same order, so a beginning is one slice of rows. A beginning
that no word has is compared with all beginnings of about its length.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

LONGEST_TEXT = 200
"""Characters of what was typed that are read, and of a question that can be found by its words."""

_PHRASES = 200
"""Candidates among which those with the words in the order typed come first."""

_LAST = "\U0010ffff"

_Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Question:
    """A stored question, and the article that answers it."""

    id: str
    question: str


class Completer:
    """The questions of an index, ready to be completed. Immutable.

    Args:
        questions: ids and questions; of those that differ in nothing but case, accents and
            punctuation the first is kept.
    """

    def __init__(self, questions: Iterable[tuple[str, str]]) -> None:
        by_text: dict[str, Question] = {}
        for id, question in questions:
            by_text.setdefault(_normal(question), Question(id, question))
        # Short ones first: of two questions that fit, the shorter says more with what was typed.
        self._texts = sorted(by_text, key=lambda text: (len(text), text))
        self._questions = [by_text[text] for text in self._texts]
        alphabetical = sorted(range(len(self._texts)), key=self._texts.__getitem__)
        self._alphabetical = np.array(alphabetical, np.int32)
        self._sorted_texts = [self._texts[row] for row in alphabetical]
        postings: defaultdict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(self._texts):
            for word in set(text[:LONGEST_TEXT].split()):
                postings[word].append(row)
        self._words = sorted(postings)
        self._rows = np.array([row for word in self._words for row in postings[word]], np.int32)
        self._offsets = np.cumsum([0, *(len(postings[word]) for word in self._words)])
        self._beginnings: dict[tuple[str, int], list[str]] = {}
        # Somebody who types asks for the same words again with every letter.
        self._near = lru_cache(maxsize=4_096)(self._compare)

    def complete(self, text: str, k: int = 8) -> list[Question]:
        """The stored questions that what was typed may become, best first; k at most.

        First those that begin with it, then those that have it, then those with all its words in
        any order. A word that nothing begins with stands for those that are a typo or two away.
        """
        typed = _normal(text[:LONGEST_TEXT])
        words = list(dict.fromkeys(typed.split()))
        if not words or not self._questions:
            return []
        low = bisect_left(self._sorted_texts, typed)
        high = bisect_left(self._sorted_texts, typed + _LAST)
        rows = np.sort(self._alphabetical[low:high])[:k]
        if len(rows) < k:
            others = self._with_all(words, always_forgive=False)
            if not len(others) and not len(rows):
                others = self._with_all(words, always_forgive=True)
            phrase = f" {typed}"
            first = sorted(
                others[:_PHRASES].tolist(), key=lambda row: phrase not in self._texts[row]
            )
            rows = np.array([*dict.fromkeys([*rows.tolist(), *first])], np.int32)[:k]
        return [self._questions[row] for row in rows]

    def examples(self, k: int) -> list[Question]:
        """Some questions to show, k at most: always the same, from all over, none very long."""
        short = self._questions[: max(k, len(self._questions) // 2)]
        return short[:: max(1, len(short) // k)][:k]

    def _with_all(self, words: list[str], *, always_forgive: bool) -> _Rows:
        """Rows of the questions that have words beginning with all of these, ascending."""
        found = np.ones(len(self._questions), dtype=bool)
        for word in words:
            ranges = [self._range(word)]
            if always_forgive or ranges[0][0] == ranges[0][1]:
                ranges += [self._range(beginning) for beginning in self._near(word)]
            here = np.zeros(len(self._questions), dtype=bool)
            for low, high in ranges:
                here[self._rows[self._offsets[low] : self._offsets[high]]] = True
            found &= here
        return np.flatnonzero(found).astype(np.int32)

    def _range(self, beginning: str) -> tuple[int, int]:
        """The words that begin so: the first, and the one after the last."""
        return bisect_left(self._words, beginning), bisect_left(self._words, beginning + _LAST)

    def _compare(self, word: str) -> tuple[str, ...]:
        """Beginnings of words that are as near as a slip of the fingers, or two in a long word.

        Two neighbouring letters exchanged count as one slip: optimal string alignment. The first
        letter of a word has to be among the first two typed: it seldom is not, and a tenth of the
        words is compared.
        """
        slips = 0 if len(word) < 5 else 1 if len(word) < 8 else 2
        near: list[str] = []
        for length in range(len(word) - slips, len(word) + slips + 1) if slips else ():
            beginnings = [b for initial in set(word[:2]) for b in self._of_length(initial, length)]
            if beginnings:
                distances = cdist(
                    [word], beginnings, scorer=OSA.distance, score_cutoff=slips, dtype=np.uint8
                )
                near += (beginnings[i] for i in np.flatnonzero(distances[0] <= slips))
        return tuple(near)

    def _of_length(self, initial: str, length: int) -> list[str]:
        """All beginnings of words that start with this letter and are this long."""
        key = initial, length
        if key not in self._beginnings:
            low, high = self._range(initial)
            cut = (word[:length] for word in self._words[low:high] if len(word) >= length)
            self._beginnings[key] = list(dict.fromkeys(cut))
        return self._beginnings[key]


def _normal(text: str) -> str:
    """Words alone, whatever the case and the accents, with single blanks between."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", bare))
