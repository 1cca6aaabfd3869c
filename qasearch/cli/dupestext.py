"""What articles that repeat each other look like on a screen."""

from collections.abc import Iterator

from qasearch.cli.console import Screen, visible
from qasearch.cli.render import article_facts
from qasearch.records import Article, Copies, CopyKind, DupesReport, NearQuestions

_SAID: dict[CopyKind, str] = {
    "conflict": "same question, other answers",
    "duplicate": "same question, same answer",
    "alias": "same answer, other questions",
}


def as_text(report: DupesReport, screen: Screen) -> str:
    """The groups of each kind under its name, then the pairs of near questions."""
    blocks: list[list[str]] = []
    for kind, said in _SAID.items():
        groups = [group for group in report.copies if group.kind == kind]
        if groups:
            blocks.append([screen.paint(f"{said}: {len(groups):,}", "bold", "cyan")])
            blocks += [list(_group(group, screen)) for group in groups]
    if report.near:
        blocks.append(
            [screen.paint(f"nearly the same question: {len(report.near):,}", "bold", "cyan")]
        )
        blocks += [list(_pair(pair, screen)) for pair in report.near]
    if not blocks:
        return f"Nothing in {report.article_count:,} articles repeats itself."
    return "\n\n".join("\n".join(block) for block in blocks)


def _group(group: Copies, screen: Screen) -> Iterator[str]:
    asked = ""
    for article, answer in zip(group.articles, group.answers, strict=True):
        if _one_line(article.question) != asked:
            asked = _one_line(article.question)
            yield screen.paint(asked, "bold")
        mark = f"answer {answer}" if group.kind == "conflict" else ""
        yield from _beside(mark, article, screen)


def _pair(pair: NearQuestions, screen: Screen) -> Iterator[str]:
    score = f"{pair.score:.2f}"
    for article in pair.articles:
        yield screen.paint(_one_line(article.question), "bold")
        yield from _beside(score, article, screen)
        score = " " * len(score)


def _beside(mark: str, article: Article, screen: Screen) -> Iterator[str]:
    """A mark, and beside it what identifies an article."""
    width = max(len(mark), 2)
    for line in article_facts(article, screen, screen.width - width - 4):
        yield f"  {screen.paint(mark.ljust(width), 'cyan')}  {line}"
        mark = ""


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))
