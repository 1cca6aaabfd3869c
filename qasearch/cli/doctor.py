"""``qasearch doctor``: what could keep qasearch from working here, and what mends it."""

import dataclasses
import os
import platform
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from qasearch.cli.console import Screen, Style, visible
from qasearch.cli.errors import ExitCode
from qasearch.cli.listing import ListFormatOption, Listing, write_listing
from qasearch.cli.options import DEFAULT_INDEX, IndexOption, JsonOption, QuietOption, VerboseOption
from qasearch.cli.render import size
from qasearch.errors import EmbedderError, IndexStoreError
from qasearch.records import IndexStatus

Outcome = Literal["ok", "warn", "FAIL"]

SPACE_FACTOR = 1.2
"""Free space that a build asks for before it begins, in sizes of the generation that answers."""

_STYLES: dict[Outcome, tuple[Style, ...]] = {
    "ok": ("green",),
    "warn": ("cyan", "bold"),
    "FAIL": ("red", "bold"),
}
_REINSTALL = "Install qasearch anew: pip install --upgrade qasearch"
_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*?[>=]=\s*([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it was.
        outcome: ``FAIL`` for what must be mended, ``warn`` for what should be known.
        found: what was found.
        hint: what mends it; empty when there is nothing to mend.
    """

    name: str
    outcome: Outcome
    found: str
    hint: str = ""


def doctor(
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Check versions, model and index, and say what mends each fault.

    Exits with 1 if a check failed.

    For example:

        qasearch doctor -i index/
    """
    checks = [*_versions(), _bundled_model(), *_index(index)]
    whole = [dataclasses.asdict(check) for check in checks]
    columns = ("name", "outcome", "found", "hint")
    listing = Listing(whole, whole, columns, [list(check.values()) for check in whole])
    write_listing(listing, format, as_json=as_json, text=partial(as_text, checks))
    failed = any(check.outcome == "FAIL" for check in checks)
    return ExitCode.REPORT if failed else ExitCode.DONE


def version_check(name: str, found: str, floor: str, hint: str) -> Check:
    """Compare the numbers that two versions begin with; a local part (``+cpu``) says nothing."""
    if _numbers(found) >= _numbers(floor):
        return Check(name, "ok", found)
    return Check(name, "FAIL", f"{found}, older than {floor}", hint)


def _versions() -> Iterator[Check]:
    from importlib.metadata import metadata, requires  # slow to import, for all other commands too

    about = metadata("qasearch")
    floor = about["Requires-Python"].removeprefix(">=")
    hint = f"Use Python {floor} or newer."
    yield version_check("Python", platform.python_version(), floor, hint)
    for requirement in requires("qasearch") or ():
        match = _REQUIREMENT.match(requirement)
        if match and "extra ==" not in requirement:
            name, floor = match.groups()
            yield _package(name, floor)


def _package(name: str, floor: str) -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, "FAIL", "not installed", _REINSTALL)
    return version_check(name, found, floor, _REINSTALL)


def _numbers(version: str) -> list[int]:
    """``2.10.0+cpu`` as [2, 10]: zeros at the end do not count."""
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _bundled_model() -> Check:
    from qasearch import check_bundled_model

    try:
        folder = check_bundled_model()
    except EmbedderError as error:
        return Check("bundled model", "FAIL", str(error), error.hint)
    return Check("bundled model", "ok", f"all digests are right: {folder}")


def _index(index: Path) -> Iterator[Check]:
    from qasearch import Index

    try:
        faults = Index.verify(index)
        status = None if faults else _status(index)
    except IndexStoreError as error:
        faults, status = [error], None
    yield from (Check("index", "FAIL", str(fault), fault.hint) for fault in faults)
    if status:
        yield from _content(status)
    if index.is_dir():
        yield _lock(index)
        yield _folder(index)


def _status(index: Path) -> IndexStatus:
    from qasearch import Index

    with Index.open(index, searchable=False) as opened:
        return opened.status()


def _content(status: IndexStatus) -> Iterator[Check]:
    """What can be said of an index without a fault."""
    yield Check("index", "ok", f"every file of {status.generation} is as it was built")
    counts = f"{status.articles:,} articles; {status.passages:,} passages, as many vectors"
    yield Check("counts", "ok", f"{counts}, as the manifest says")  # opening has compared them
    stale, refused = len(status.stale), len(status.refused)
    yield (
        Check(
            "articles",
            "warn",
            f"{stale:,} stale, {refused:,} refused",
            "`qasearch status` names them: mend their files, then build again.",
        )
        if stale or refused
        else Check("articles", "ok", "none stale, none refused")
    )
    yield _space(status)


def _space(status: IndexStatus) -> Check:
    free = shutil.disk_usage(status.path).free
    needed = int(SPACE_FACTOR * status.bytes["generation"])
    found = f"{size(free)} free, {size(needed)} needed by a build"
    if free < needed:
        hint = "Free some space before the next build; searching needs none."
        return Check("space", "warn", found, hint)
    return Check("space", "ok", found)


def _lock(index: Path) -> Check:
    from qasearch import Index

    holder = Index.lock_holder(index)
    if holder:
        hint = "Another build must wait for it: --wait SECONDS."
        return Check("lock", "warn", f"being built by {holder}", hint)
    return Check("lock", "ok", "nobody is building")


def _folder(index: Path) -> Check:
    if os.access(index, os.W_OK | os.X_OK):
        return Check("folder", "ok", f"{index} can be written")
    hint = "Mend its permissions if it is to be built here."
    return Check("folder", "warn", f"{index} can be searched, but not written", hint)


def as_text(checks: Sequence[Check], screen: Screen) -> str:
    """A line for each check; on a terminal a table, with what mends it under what was found."""
    if not screen.terminal:
        return "\n".join(map(_line, checks))
    width = max(len(check.name) for check in checks) + 2
    return "\n".join(line for check in checks for line in _lines(check, width, screen))


def _line(check: Check) -> str:
    hint = f"{'' if check.found.endswith('.') else '.'} {check.hint}" if check.hint else ""
    return f"{check.outcome:4}  {visible(f'{check.name}: {check.found}{hint}')}"


def _lines(check: Check, width: int, screen: Screen) -> Iterator[str]:
    below = " " * (len("FAIL") + 2 + width)
    room = screen.width - len(below)
    head = screen.paint(check.outcome.ljust(4), *_STYLES[check.outcome])
    head += f"  {visible(check.name).ljust(width)}"
    for line in _wrap(check.found, room):
        yield head + line
        head = below
    for line in _wrap(check.hint, room):
        yield below + screen.paint(line, *_STYLES[check.outcome])


def _wrap(text: str, width: int) -> list[str]:
    """Paths are not broken: they may be copied."""
    return textwrap.wrap(visible(text), width, break_long_words=False, break_on_hyphens=False)
