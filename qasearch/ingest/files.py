"""Find the files to read, and open them without being misled or kept waiting."""

import errno
import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from io import BufferedReader
from pathlib import Path
from typing import Final

from qasearch.errors import ArticleError, NoArticlesError

EXTENSIONS: Final = (".md", ".markdown", ".jsonl", ".json")
"""What is read, in any case of the letters."""

RACY_NS: Final = 2_000_000_000
"""Grain of the coarsest clock of a file system, FAT's."""

# Where the system has them: a FIFO in place of the file does not block, a link is not followed.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_OTHER_FILES: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may hold articles.

    Attributes:
        path: what to open; no link.
        name: what to call it: posix, from the folder it was looked for in, ``SUBJECT/NAME.md``.
        size: in bytes.
        mtime_ns: time of its last change, which programs may set.
        ctime_ns: time when the system last changed anything of it.
        inode: of the file system, to notice a file that was replaced.
    """

    path: Path
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def signature(self) -> str:
        """What is never the same for two contents, but for changes within the clock's grain."""
        return f"{self.size} {self.mtime_ns} {self.ctime_ns} {self.inode}"

    def is_at_rest(self, now_ns: int) -> bool:
        """Whether it changed so long before ``now_ns`` that another change would show.

        Source: the "racily clean" entries of git, Documentation/technical/racy-git.txt.
        """
        return max(self.mtime_ns, self.ctime_ns) < now_ns - RACY_NS


def find_files(
    roots: Sequence[Path],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    without: Path | None = None,
    on_error: Callable[[ArticleError], None],
    on_warning: Callable[[str], None] | None = None,
) -> list[SourceFile]:
    """Find the files that may hold articles, sorted by name, each once.

    A root that is itself a link is followed, links below it are not; what is hidden (``.name``) is
    left out. Files of different roots that would share a name are named by more of their path.

    Args:
        roots: files and folders.
        include: globs; if there are any, a file must match one. A glob matches the whole name or
            any run of whole parts of it (``drafts``, ``*.md``, ``sociology/why-*``); ``*`` may
            cross a ``/``.
        exclude: globs, of files and of folders not to enter; they win over ``include``.
        without: a folder not to enter, that of the index: its files are JSON too.
        on_error: told of each FIFO, socket, device and unreadable folder, all of which are skipped.
        on_warning: told of each link that is not followed, and of a root without any article.

    Raises:
        NoArticlesError: a root does not exist.
    """
    left_out = without.resolve() if without else None
    search = _Search(include, exclude, left_out, on_error, on_warning or _ignore)
    found: dict[Path, SourceFile] = {}
    given = {absolute(root): root for root in roots}
    for root in sorted(given):  # so a folder comes before what lies in it
        for file in search.below(root, given[root]):
            found.setdefault(file.path, file)
    return sorted(_told_apart(found.values()), key=lambda file: file.name)


def open_file(source: SourceFile) -> BufferedReader:
    """Open a file for reading; never a link, never anything that could block.

    Raises:
        ArticleError: it is no regular file, or no longer.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(source.path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_a_file(source.name, stat.S_IFLNK) from error
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _not_a_file(source.name, mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def as_opened(source: SourceFile, stream: BufferedReader) -> SourceFile:
    """Take size, time and inode of ``source`` from the open file: what is really being read."""
    status = os.fstat(stream.fileno())
    return _source(source.path, source.name, status)


def to_text(data: bytes, name: str, *, line: int = 1) -> str:
    """Decode UTF-8 strictly; the byte order mark goes, CRLF and CR become LF.

    Args:
        data: the bytes of a file, or of one line of it.
        name: of the file, for errors.
        line: number of the first line of ``data`` in the file.

    Raises:
        ArticleError: it is not UTF-8, or it holds a NUL.
    """
    try:
        text = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        at = error.start + (len(_BOM) if data.startswith(_BOM) else 0)
        utf16 = " (it looks like UTF-16)" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
        raise ArticleError(
            name,
            line + _lines_before(data, at),
            f"not UTF-8: byte 0x{data[at]:02x} at offset {at}{utf16}",
            kind="not-utf8",
            hint="Save the file as UTF-8.",
        ) from error
    if "\0" in text:
        at = data.index(b"\0")
        raise ArticleError(
            name, line + _lines_before(data, at), f"a NUL byte at offset {at}", kind="nul"
        )
    return to_lf(text)


def to_lf(text: str) -> str:
    """Turn CRLF and CR into LF, the only character that ends a line here."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def absolute(root: Path) -> Path:
    """The path as given, so that a link keeps its name; ``.`` and ``..`` get a real one."""
    path = root.absolute()
    return path.resolve() if ".." in path.parts else path


def matches(name: str, globs: Sequence[str]) -> bool:
    """Whether a glob matches the whole of a file's name, or any run of whole parts of it."""
    if not globs:
        return False
    parts = name.split("/")
    ends = range(1, len(parts) + 1)
    runs = ["/".join(parts[start:end]) for end in ends for start in range(end)]
    return any(fnmatchcase(run, glob) for glob in globs for run in runs)


def is_readable_kind(name: str) -> bool:
    """Whether files of this name are read."""
    return name.lower().endswith(EXTENSIONS)


class _Search:
    """Walks folders, and says what it does not enter."""

    def __init__(
        self,
        include: Sequence[str],
        exclude: Sequence[str],
        without: Path | None,
        on_error: Callable[[ArticleError], None],
        on_warning: Callable[[str], None],
    ) -> None:
        self._include = include
        self._exclude = exclude
        self._without = without
        self._on_error = on_error
        self._on_warning = on_warning

    def below(self, root: Path, given: Path) -> Iterator[SourceFile]:
        """Find the files of one root, an absolute path that the caller knows as ``given``."""
        try:
            real = root.resolve(strict=True)
            mode = real.stat().st_mode
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            raise NoArticlesError(
                f"{given} does not exist, or cannot be reached.",
                hint="Name a file of articles, or a folder of such files.",
            ) from error
        if stat.S_ISDIR(mode):
            found = False
            for file in self._walk(real, root.name):
                found = True
                yield file
            if not found:
                self._on_warning(f"{given}: no file ending in {' '.join(EXTENSIONS)}")
        elif not stat.S_ISREG(mode):
            self._on_error(_not_a_file(_printable(root.name), mode))
        elif not is_readable_kind(root.name):
            self._on_error(
                ArticleError(
                    _printable(root.name),
                    None,
                    f"not a file that is read: its name must end in {' '.join(EXTENSIONS)}",
                    kind="extension",
                )
            )
        elif self._is_wanted(_printable(root.name)):
            yield _source(real, _printable(root.name), real.stat())

    def _walk(self, top: Path, top_name: str) -> Iterator[SourceFile]:
        pending = [(top, top_name)]
        while pending:
            folder, folder_name = pending.pop()
            if folder == self._without:
                continue
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self._on_error(unreadable(_printable(folder_name), error))
                continue
            for entry in entries:
                name = _printable(f"{folder_name}/{entry.name}" if folder_name else entry.name)
                if entry.name.startswith(".") or matches(name, self._exclude):
                    continue
                if entry.is_symlink():
                    if is_readable_kind(entry.name) or _may_be_folder(entry):
                        self._on_warning(f"{name}: a link, not followed")
                elif entry.is_dir(follow_symlinks=False):
                    pending.append((folder / entry.name, name))
                elif is_readable_kind(entry.name) and self._is_wanted(name):
                    yield from self._regular(folder / entry.name, name, entry)

    def _regular(self, path: Path, name: str, entry: "os.DirEntry[str]") -> Iterator[SourceFile]:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._on_error(unreadable(name, error))
            return
        if stat.S_ISREG(status.st_mode):
            yield _source(path, name, status)
        else:
            self._on_error(_not_a_file(name, status.st_mode))

    def _is_wanted(self, name: str) -> bool:
        return not matches(name, self._exclude) and (
            not self._include or matches(name, self._include)
        )


def unreadable(name: str, error: OSError) -> ArticleError:
    """Say that the system would not let us read ``name``."""
    return ArticleError(name, None, f"cannot be read: {error.strerror or error}", kind="unreadable")


def _told_apart(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    by_name: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_name[file.name].append(file)
    for name, same in by_name.items():
        depth = name.count("/") + 1
        names = [name]
        while len(set(names)) < len(same):
            depth += 1
            names = [_printable("/".join(file.path.parts[-depth:])) for file in same]
        for file, own in zip(same, names, strict=True):
            yield file if own == name else replace(file, name=own)


def _may_be_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return True


def _printable(name: str) -> str:
    r"""Write bytes that are no UTF-8 as ``\udc..``: the name can then be stored and printed."""
    return name.encode("utf-8", "backslashreplace").decode()


def _source(path: Path, name: str, status: os.stat_result) -> SourceFile:
    return SourceFile(
        path, name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    )


def _not_a_file(name: str, mode: int) -> ArticleError:
    what = _OTHER_FILES.get(stat.S_IFMT(mode), "something else")
    return ArticleError(name, None, f"{what}, not a regular file", kind="not-a-file")


def _lines_before(data: bytes, at: int) -> int:
    return len(_LINE_END.findall(data, 0, at))


def _ignore(warning: str) -> None:
    """Drop a warning that nobody asked for."""
