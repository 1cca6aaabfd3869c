"""Articles about a harbour, which the tests of the server share."""

import datetime

from qasearch import Article

MONEY = Article(
    id="money",
    question="Who pays for the harbour?",
    answer="Several purses.\n\n1. **Tolls**: every ship pays a *toll* when it lands.\n\n"
    "2. **Taxes**: the town adds a share of its taxes.\n\nIn summary, everybody pays.",
    subjects=("Economics", "Law"),
    date=datetime.date(2026, 1, 2),
    urls=("https://example.org/money",),
)
STORMS = Article(
    id="storms",
    question="How does the harbour withstand storms?",
    answer="1. **Walls**: two stone walls break the waves.\n\n"
    "2. **Warnings**: a bell rings when the wind rises.",
    subjects=("Engineering",),
    date=datetime.date(2026, 3, 4),
)
TIDES = Article(
    id="tides",
    question="How high is the tide?",
    answer="## Reckoning\n\nThe height is\n\n$$\nh = a \\cos(\\omega t)\n$$\n\nwhere $a$ is half "
    "the range.\n\n## Tables\n\n| month | metres |\n|---|--:|\n| May | 2.1 |\n| June | 2.4 |\n\n"
    "```python\nprint('<tide>')\n```\n",
    subjects=("Engineering", "Physics"),
    date=datetime.date(2025, 12, 31),
)
FISH = Article(
    id="fish", question="Which fish are landed?", answer="Mostly herring and cod, in autumn."
)
ODD = Article(
    id="a/b #1?",
    question="Where is the odd quay?",
    answer="3. Behind the mole.\n\n5. Beside the crane.",
    subjects=("Law",),
)
ARTICLES = [MONEY, STORMS, TIDES, FISH, ODD]

BERTHS = [
    Article(
        id=f"berth-{n:02}",
        question=f"Which ships may use berth {n}?",
        answer=f"1. **Length**: ships of up to {n + 20} metres moor at the berth.\n\n"
        "2. **Draught**: the water is deep enough at every tide.",
        subjects=("Shipping",),
    )
    for n in range(1, 31)
]
"""Enough of them for more than one page of results."""
