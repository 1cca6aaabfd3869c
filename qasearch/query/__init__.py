"""A question in, ranked articles and passages out; and what the same vectors tell of articles."""

from qasearch.query.calibrate import calibrate
from qasearch.query.confidence import read_calibration
from qasearch.query.dupes import NEAR, dupes
from qasearch.query.related import related
from qasearch.query.search import Options, search
from qasearch.query.where import Where

__all__ = [
    "NEAR",
    "Options",
    "Where",
    "calibrate",
    "dupes",
    "read_calibration",
    "related",
    "search",
]
