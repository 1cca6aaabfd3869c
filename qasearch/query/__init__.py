"""A question in, ranked articles and passages out."""

from qasearch.query.calibrate import calibrate
from qasearch.query.search import Options, search
from qasearch.query.where import Where

__all__ = ["Options", "Where", "calibrate", "search"]
