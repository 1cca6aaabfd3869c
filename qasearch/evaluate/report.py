"""What an evaluation found, whole: for tables, for programs, and for a gate in CI."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from qasearch.evaluate.compare import CONFIDENCE, DRAWS, Difference, compare
from qasearch.evaluate.confidence import Trust
from qasearch.evaluate.measures import GAIN, MEASURES, Scored, Values
from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import Level

COMPARED = ("nDCG@10", "RR@10", "R@100")


@dataclass(frozen=True, slots=True)
class Group:
    """The queries that share a value of a field.

    Attributes:
        field, value: by which they were grouped; both empty for all queries.
        queries: how many have measures.
        means: of each measure; empty if none has.
    """

    field: str
    value: str
    queries: int
    means: Values


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Runs, judged and compared.

    Attributes:
        queries: what was asked.
        relevant: the lowest grade that is an answer.
        scored: each run at each of its levels.
        by: fields to group queries by.
        trusts: what the confidence of runs is worth, where some queries have no answer.
    """

    queries: Sequence[Query]
    relevant: int
    scored: Sequence[Scored]
    by: Sequence[str] = ()
    trusts: Sequence[Trust] = ()

    def groups(self, scored: Scored) -> Iterator[Group]:
        """The means over all queries, then those over each value of each field."""
        yield Group("", "", len(scored.values), scored.means())
        for field in self.by:
            values = {value for query in self.queries for value in query.fields.get(field, ())}
            for value in sorted(values):
                qids = [
                    query.qid
                    for query in self.queries
                    if value in query.fields.get(field, ()) and query.qid in scored.values
                ]
                yield Group(field, value, len(qids), scored.means(qids))

    def differences(self) -> list[Difference]:
        """Each later run beside the first, level by level."""
        first_of: dict[Level, Scored] = {}
        found: list[Difference] = []
        for scored in self.scored:
            first = first_of.setdefault(scored.level, scored)
            if first is not scored and first.values.keys() & scored.values.keys():
                found += [compare(first, scored, measure) for measure in COMPARED]
        return found

    def rows(self) -> Iterator[dict[str, object]]:
        """One for each query, run and level: its id, its text and its measures."""
        text_of = {query.qid: query.text for query in self.queries}
        for scored in self.scored:
            for qid, values in scored.values.items():
                start = {"run": scored.run, "level": scored.level, "qid": qid}
                yield {**start, "query": text_of.get(qid), **values}

    def to_dict(self) -> dict[str, object]:
        """The evaluation in the schema ``qasearch.eval/1``: JSON types only, finite numbers."""
        return {
            "schema": "qasearch.eval/1",
            "queries": len(self.queries),
            "relevant": self.relevant,
            "gain": GAIN,
            "runs": [self._run_dict(scored) for scored in self.scored],
            "confidence": [asdict(trust) for trust in self.trusts],
            "interval": {"confidence": CONFIDENCE, "draws": DRAWS},
            "differences": [asdict(difference) for difference in self.differences()],
        }

    def _run_dict(self, scored: Scored) -> dict[str, object]:
        overall, *groups = self.groups(scored)
        return {
            "run": scored.run,
            "level": scored.level,
            "queries": overall.queries,
            "without_answer": list(scored.without_answer),
            "unjudged": list(scored.unjudged),
            "not_in_run": scored.not_in_run,
            "measures": dict(overall.means),
            "by": [
                {
                    "field": group.field,
                    "value": group.value,
                    "queries": group.queries,
                    "measures": dict(group.means),
                }
                for group in groups
            ],
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """The least that a measure must reach; at every level, or at one."""

    measure: str
    least: float
    level: Level | None = None


_GATE = re.compile(r"(?:(article|passage)\.)?([^=.\s]+)\s*=\s*(\S+)")


def parse_gate(text: str) -> Gate:
    """Read ``nDCG@10=0.8``, or ``passage.nDCG@10=0.6`` for one level.

    Raises:
        ValueError: it is none.
    """
    match = _GATE.fullmatch(text.strip())
    if match:
        level, measure, least = match.groups()
        names = {name.casefold(): name for name in MEASURES}
        if measure.casefold() in names:
            try:
                value = float(least)
            except ValueError:
                value = -1.0
            if 0 <= value <= 1:
                return Gate(names[measure.casefold()], value, cast(Level | None, level))
    raise ValueError(
        f"{text!r} is no gate; write nDCG@10=0.8 or passage.nDCG@10=0.6, a value from 0 to 1. "
        f"There are {', '.join(MEASURES)}."
    )


def failures(evaluation: Evaluation, gates: Sequence[Gate]) -> list[str]:
    """What falls short of a gate, a line each; nothing is what passes all.

    Raises:
        ValueError: a gate has nothing to measure.
    """
    found: list[str] = []
    for gate in gates:
        met = [scored for scored in evaluation.scored if gate.level in (None, scored.level)]
        if not any(scored.values for scored in met):
            raise ValueError(f"Nothing was judged that {gate.measure} could fall short of.")
        for scored in met:
            value = scored.means().get(gate.measure, 0.0)
            if value < gate.least:
                found.append(
                    f"{scored.run}: {gate.measure} of {scored.level}s is {value:.4f}, "
                    f"below {gate.least:g}"
                )
    return found
