"""A question in, ranked articles and passages out; and what the same vectors tell of articles."""

from qasearch.query.calibrate import calibrate
from qasearch.query.dupes import NEAR, dupes
from qasearch.query.related import related
from qasearch.query.search import Options, SearchOptions, search
from qasearch.query.where import Where
from qasearch.query.why import why

__all__ = [
    "NEAR",
    "Options",
    "SearchOptions",
    "Where",
    "calibrate",
    "dupes",
    "related",
    "search",
    "why",
]
