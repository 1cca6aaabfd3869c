"""Notice when files of articles change."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from qasearch.ingest.files import absolute, is_readable_kind, matches

QUIET_MS: Final = 500
"""Changes that follow each other more quickly are one."""

MOST_MS: Final = 10_000
"""Changes that go on and on are told after so long all the same."""

LOOK_MS: Final = 1_000
"""Time between two looks at the paths themselves."""


def watch_files(
    paths: Sequence[str | Path],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    without: Path | None = None,
) -> Iterator[bool]:
    """Wait for changes of the files that ``read_articles`` would read; goes on for ever.

    A path may go and come back, be replaced, or be a link that is turned elsewhere.

    Args:
        paths: files and folders.
        include: globs; if there are any, a file must match one.
        exclude: globs of files and folders to leave out.
        without: a folder whose changes do not matter, that of the index.

    Yields:
        True at first and after each change, once nothing has changed for half a second; False about
        every second while nothing changes. What changes meanwhile is told the next time.

    Raises:
        OSError: the system does not let so many folders be watched.
    """
    from watchfiles import watch

    roots = [absolute(Path(path)) for path in paths]
    while True:
        known = [_identity(root) for root in roots]
        there = [root for root, identity in zip(roots, known, strict=True) if identity]
        names = {root.resolve(): root.name for root in there}
        is_first = True
        for changes in watch(
            *names,
            watch_filter=_filter(names, include, exclude, without),
            debounce=MOST_MS,
            step=QUIET_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
        ):
            # Notices come for what a path stood for, not for what takes its place.
            if _is_replaced(changes, names) or known != [_identity(root) for root in roots]:
                break
            # Told as soon as all is watched, so that nothing falls between two watches.
            yield is_first or bool(changes)
            is_first = False


def _filter(
    names: Mapping[Path, str],
    include: Sequence[str],
    exclude: Sequence[str],
    without: Path | None,
) -> Callable[[object, str], bool]:
    """Tell changes that may be those of an article; ``names`` is what each root is called."""
    left_out = without.resolve() if without else None

    def matters(change: object, path: str) -> bool:
        changed = Path(path)
        if left_out and changed.is_relative_to(left_out):
            return False
        return any(
            _is_wanted(changed, changed.relative_to(root).parts, name, include, exclude)
            for root, name in names.items()
            if changed.is_relative_to(root)
        )

    return matters


def _is_wanted(
    path: Path, parts: Sequence[str], root_name: str, include: Sequence[str], exclude: Sequence[str]
) -> bool:
    name = "/".join((root_name, *parts))
    if not parts:
        return True
    if any(part.startswith(".") for part in parts) or matches(name, exclude):
        return False
    if is_readable_kind(path.name):
        return not include or matches(name, include)
    return path.is_dir() or not path.exists()  # what is gone may have been a folder


def _is_replaced(changes: Iterable[tuple[object, str]], roots: Collection[Path]) -> bool:
    """Whether a root itself came or went."""
    from watchfiles import Change

    return any(change is not Change.modified and Path(path) in roots for change, path in changes)


def _identity(path: Path) -> tuple[int, int] | None:
    """What a path stands for now; None if nothing is there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
