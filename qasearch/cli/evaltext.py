"""What an evaluation looks like, on a screen and as JSON."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from qasearch.cli.console import Screen, visible
from qasearch.cli.listing import Listing, entries

if TYPE_CHECKING:
    from qasearch.evaluate.itself import Sample
    from qasearch.evaluate.measures import Scored
    from qasearch.evaluate.report import Evaluation, Group

JUDGED_COLUMNS = ("nDCG@10", "RR@10", "P@1", "R@10", "R@100", "Judged@10")
SELF_COLUMNS = ("RR@10", "R@1", "R@10", "R@100")
"""The measures shown, as far as there is room; JSON has them all."""

LONGEST_NAME = 30


def as_dict(evaluation: "Evaluation", wanted: "Sample | None") -> dict[str, object]:
    """The evaluation as JSON types, with what was looked for if no judgments were."""
    told = evaluation.to_dict()
    if wanted:
        told["self"] = {
            "articles": wanted.articles,
            "passed_over": wanted.passed_over,
            "repeated": wanted.repeated,
        }
    return told


def as_listing(evaluation: "Evaluation", wanted: "Sample | None", short: Sequence[str]) -> Listing:
    """The evaluation, and what of it falls short, for programs; runs and their groups are rows."""
    whole = {**as_dict(evaluation, wanted), "short": list(short)}
    groups = [(run, group) for run in evaluation.scored for group in evaluation.groups(run)]
    measures = list(groups[0][1].means) if groups else []
    return Listing(
        whole,
        entries=entries(whole, "runs"),
        columns=("run", "level", "field", "value", "queries", *measures),
        rows=[
            (
                *(run.run, run.level, group.field, group.value, group.queries),
                *(group.means.get(measure) for measure in measures),
            )
            for run, group in groups
        ],
    )


def as_text(evaluation: "Evaluation", wanted: "Sample | None", screen: Screen) -> str:
    """What was judged, a table of each level, and the differences between runs."""
    columns = SELF_COLUMNS if wanted else JUDGED_COLUMNS
    lines = _wrap(_sample_line(wanted), screen) if wanted else []
    levels = dict.fromkeys(scored.level for scored in evaluation.scored)
    for level in levels:
        of_level = [scored for scored in evaluation.scored if scored.level == level]
        if not wanted:
            lines += ["", *_wrap(_judged_line(of_level[0], evaluation.relevant), screen)]
        lines += ["", *_table(evaluation, of_level, f"{level}s", columns, screen)]
    lines += _trusts(evaluation, screen)
    differences = list(_differences(evaluation, screen))
    return "\n".join([*lines, *(["", *differences] if differences else [])]).strip("\n")


def _sample_line(wanted: "Sample") -> str:
    articles = "1 article" if wanted.articles == 1 else f"{wanted.articles:,} articles"
    line = f"{articles} asked for by {_queries(len(wanted.queries))}"
    if wanted.passed_over:
        line += f"; {wanted.passed_over:,} passed over that say nothing to ask by"
    if wanted.repeated:
        line += f"; {wanted.repeated:,} left out that another repeats"
    return f"{line}."


def _judged_line(scored: "Scored", relevant: int) -> str:
    line = f"{_queries(len(scored.values))} with a judged answer (grade {relevant} or better)"
    left_out = {
        "judged without one": len(scored.without_answer),
        "without judgments": len(scored.unjudged),
    }
    told = " and ".join(f"{count:,} {what}" for what, count in left_out.items() if count)
    return f"{line}; {told} left out." if told else f"{line}."


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count:,} queries"


def _table(
    evaluation: "Evaluation",
    runs: Sequence["Scored"],
    title: str,
    columns: Sequence[str],
    screen: Screen,
) -> Iterator[str]:
    groups = [(scored, list(evaluation.groups(scored))) for scored in runs]
    names = [_name(scored.run) for scored in runs]
    names += [f"  {_value(group)}" for _, several in groups for group in several[1:]]
    width = max(len(title), *map(len, names)) + 1
    columns = _fitting(columns, screen, width + len(_cell("queries", "")))
    head = title.ljust(width) + "".join(_cell(column, column) for column in ("queries", *columns))
    yield screen.paint(head, "bold")
    for scored, (overall, *others) in groups:
        yield _row(_name(scored.run), overall, width, columns)
        field = ""
        for group in others:
            if group.field != field:
                field = group.field
                yield screen.paint(visible(f" by {field}"), "dim")
            yield _row(f"  {_value(group)}", group, width, columns)


def _fitting(columns: Sequence[str], screen: Screen, taken: int) -> Sequence[str]:
    """The first columns that a terminal has room for, one at least; all where there is none."""
    if not screen.terminal:
        return columns
    ends = accumulate((len(_cell(column, "")) for column in columns), initial=taken)
    return columns[: max(1, sum(end <= screen.width for end in ends) - 1)]


def _wrap(text: str, screen: Screen) -> list[str]:
    if not screen.terminal:
        return [text]
    return textwrap.wrap(text, screen.width, break_on_hyphens=False)


def _row(name: str, group: "Group", width: int, columns: Sequence[str]) -> str:
    cells = [_cell("queries", f"{group.queries:,}")]
    for column in columns:
        cells.append(_cell(column, f"{group.means[column]:.4f}" if group.means else "-"))
    return name.ljust(width) + "".join(cells)


def _cell(column: str, value: str) -> str:
    return f"  {value:>{max(len(column), 6)}}"


def _value(group: "Group") -> str:
    return _name(group.value)


def _name(text: str) -> str:
    """A name on one line, its end kept if it is too long: that is where paths differ."""
    text = visible(" ".join(text.split()))
    return text if len(text) <= LONGEST_NAME else f"…{text[1 - LONGEST_NAME :]}"


def _trusts(evaluation: "Evaluation", screen: Screen) -> Iterator[str]:
    """What confidence is worth, a line for each run."""
    if not evaluation.trusts:
        return
    width = max(len("confidence"), *(len(_name(trust.run)) for trust in evaluation.trusts)) + 1
    first = evaluation.trusts[0]
    yield ""
    said = (
        f"Confidence of the first article: {_queries(first.answerable)} with an answer, "
        f"{first.unanswerable:,} without; verdict answer if right, wrong, without answer."
    )
    yield from _wrap(said, screen)
    names = ("AUROC", "right", "ECE", "of chance", "if right", "wrong", "without")
    columns = _fitting(names, screen, width)
    head = "confidence".ljust(width) + "".join(_cell(column, column) for column in columns)
    yield screen.paint(head, "bold")
    for trust in evaluation.trusts:
        values = [trust.auroc_answerable, trust.auroc_right, trust.ece, trust.ece_if_calibrated]
        values = [*values, *trust.answered.values()][: len(columns)]
        cells = [
            _cell(column, "-" if value is None else f"{value:.4f}")
            for column, value in zip(columns, values, strict=True)
        ]
        yield _name(trust.run).ljust(width) + "".join(cells)


def _differences(evaluation: "Evaluation", screen: Screen) -> Iterator[str]:
    found = evaluation.differences()
    if not found:
        return
    width = max(len(_name(difference.after)) for difference in found) + 2
    head = f"{'':{width}}{'':9}{'':9}{'difference':>11}  {'95 % interval':20}"
    yield f"Compared with {_name(found[0].before)}:"
    yield screen.paint(f"{head}{'better':>7}{'worse':>7}{'equal':>7}".rstrip(), "bold")
    for one in found:
        interval = f"{one.low:+.4f} to {one.high:+.4f}"
        yield (
            f"{_name(one.after):{width}}{one.level:9}{one.measure:9}{one.mean:>+11.4f}"
            f"  {interval:20}{one.better:>7,}{one.worse:>7,}{one.equal:>7,}"
        )
