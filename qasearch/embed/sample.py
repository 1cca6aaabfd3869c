"""Texts by which an exported model is compared with the one that it was exported from.

Of many lengths, from nothing to more than a model reads at once, so that batches of several shapes
come to be computed; and with what tokenizers treat in ways of their own.
"""

_QUESTION = "How does a lock raise a barge from the lower reach to the upper one?"

_POINTS = (
    "Closing the Gates: The keeper shuts the lower gates behind the barge, and the pressure of the "
    "water presses their mitred leaves together.",
    "Filling the Chamber: Sluices in the upper gates or in the walls let water in. The barge rises "
    "with it, held by lines so that it does not strike the sides.",
    "Leaving: When both levels are equal, nothing holds the upper gates any more. They are opened "
    "by hand or by a motor, and the barge goes on.",
    "Water Spent: Each passage sends one chamber of water down the canal, some 200 to 3,000 cubic "
    "metres. Where that is dear, side ponds keep about a half of it for the next barge.",
)

SAMPLE: tuple[str, ...] = (
    _QUESTION,
    "",
    "a",
    "salt",
    "Who?",
    "budget mandate police river lion",
    "3.14159 = \u03c0, roughly; 22/7 > \u03c0!",
    "Na\u00efve caf\u00e9s in \u00c5rhus \u2014 \u201cclosed\u201d",
    "\u0427\u0442\u043e \u0442\u0430\u043a\u043e\u0435 \u0448\u043b\u044e\u0437?",
    "\u95d8\u9580\u3068\u306f",
    "def rise(level: float) -> float: return level + 2.5  # metres",
    "- one\n- two\n\n| gate | leaf |\n|---|---|\n| upper | 2 |",
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    *(f"{_QUESTION}\n{point}" for point in _POINTS),
    *(point.partition(": ")[2] for point in _POINTS),
    f"{_QUESTION}\n{' '.join(_POINTS)}",
    " ".join([*_POINTS] * 16),
)
