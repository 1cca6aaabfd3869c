"""System calls that fail: a small part of the campaign, and builds that must not get through it."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from qasearch.errors import IndexWriteError
from tests.reliability import system_calls
from tests.reliability.bench import Attempt, Bench
from tests.reliability.builds import EDITIONS, Builder
from tests.reliability.campaign import Campaign, workers
from tests.reliability.commits import replay
from tests.reliability.contents import build
from tests.reliability.disk import Recorder
from tests.reliability.traced import Call, tampered_call, why_untraceable, write_calls

UNTRACEABLE = why_untraceable()
traced = pytest.mark.skipif(UNTRACEABLE is not None, reason=str(UNTRACEABLE))


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessPoolExecutor]:
    with workers(2) as executor:
        yield executor


@traced
def test_a_fault_leaves_the_old_or_the_new(executor, tmp_path):
    campaign = Campaign(executor, tmp_path, lambda _: None, seed=2, share=0.015)
    section = system_calls.run(campaign)
    assert section.failures == []
    *rows, total = section.rows
    assert [row[0] for row in rows] == list(EDITIONS)
    assert total[1] > 300
    assert sum(total[2:6]) >= 18


def clears_first(articles: Path, index: Path) -> str:
    shutil.rmtree(index)
    return build(articles, index)


def swallows_errors(articles: Path, index: Path) -> str:
    try:
        return build(articles, index)
    except IndexWriteError:
        return "gen-0000000003-00000000"


def raises_another_error(articles: Path, index: Path) -> str:
    try:
        return build(articles, index)
    except IndexWriteError as error:
        raise error.cause from error


def leaves_something(articles: Path, index: Path) -> str:
    try:
        return build(articles, index)
    except IndexWriteError:
        (index / "CURRENT.tmp").touch()
        raise


def spoils_the_next(articles: Path, index: Path) -> str:
    try:
        return build(articles, index)
    except IndexWriteError:
        (articles / "another.md").write_text(
            "---\nid: x\nquestion: Whence?\n---\nFrom elsewhere.\n"
        )
        raise


WRONG: dict[Builder, tuple[str, str]] = {
    clears_first: ("KILL", "the index is gone"),
    swallows_errors: ("EIO", "an acknowledged commit is lost"),
    raises_another_error: ("EIO", "the wrong error: OSError"),
    leaves_something: ("ENOSPC", "not removed: CURRENT.tmp"),
    spoils_the_next: ("EIO", "the next build does not answer what it was given"),
}
"""Builders that do something wrong, with a fault that brings it to light."""


def attempts_of_wrong_builders(scratch: Path) -> list[Attempt]:
    """What the bench finds; runs in a worker."""
    bench = Bench("incremental", 1, scratch)
    (rename,) = [call for call in bench.calls if call.places[-1:] == ("shelf/index/CURRENT",)]
    found: list[Attempt] = []
    for builder, (fault, _) in WRONG.items():
        bench.builder = builder
        found.append(bench.attempt(rename, fault))
    return found


@traced
def test_wrong_builders_are_found_out(executor, tmp_path):
    found = executor.submit(attempts_of_wrong_builders, tmp_path / "bench").result()
    for (builder, (_, problem)), attempt in zip(WRONG.items(), found, strict=True):
        assert any(each.startswith(problem) for each in attempt.problems), builder.__name__


LOG = """\
openat(AT_FDCWD</home>, "/r/shelf/CURRENT", O_RDONLY|O_CLOEXEC) = 3</r/shelf/CURRENT>
close(3</r/shelf/CURRENT>)              = 0
openat(AT_FDCWD</home>, "/root/log", O_WRONLY|O_CREAT, 0666) = 3</root/log>
write(3</root/log>, ""..., 5)           = 5
close(3</root/log>)                     = 0
openat(AT_FDCWD</home>, "/r/gen-0000000001-0123abcd/x", O_WRONLY|O_CREAT|O_EXCL, 0644) = 3</r/x>
write(3</r/gen-0000000001-0123abcd/x>, ""..., 5) = -1 EIO (Input/output error) (INJECTED)
close(3</r/gen-0000000001-0123abcd/x>)  = 0
rename("/r/a", "/r/b")                  = ?
+++ killed by SIGKILL +++
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text(LOG)
    return path


def test_calls_are_counted_by_name_and_told_by_place(log):
    assert write_calls(log, Path("/r")) == [
        Call("openat", 3, ("gen-0000000001/x",)),
        Call("write", 2, ("gen-0000000001/x",)),
        Call("close", 3, ("gen-0000000001/x",)),
        Call("rename", 1, ("a", "b")),
    ]


def test_the_call_that_was_tampered_with_is_found(log):
    assert tampered_call(log, Path("/r")) == Call("write", 2, ("gen-0000000001/x",))
    killed = [line for line in LOG.splitlines() if "INJECTED" not in line]
    log.write_text("\n".join(killed))
    assert tampered_call(log, Path("/r")) == Call("rename", 1, ("a", "b"))
    log.write_text("\n".join(killed[:4]))
    assert tampered_call(log, Path("/r")) is None


def test_a_log_is_replayed(tmp_path):
    root, log = tmp_path / "root", tmp_path / "log"
    root.mkdir()
    recorder = Recorder(root)
    log.write_text(f"""\
mkdir("{root}/folder", 0777) = 0
mkdir("{root}/folder", 0777) = -1 EEXIST (File exists)
openat(AT_FDCWD</>, "{root}/folder/a", O_RDWR|O_CREAT, 0644) = 3<{root}/folder/a>
write(3<{root}/folder/a>, "one\\"\\0\\3777\\n", 8) = 8
write(3<{root}/folder/a>, "two lost", 8) = 3
pwrite64(3<{root}/folder/a>, "O", 1, 0) = 1
ftruncate(3<{root}/folder/a>, 10) = 0
fsync(3<{root}/folder/a>) = 0
close(3<{root}/folder/a>) = 0
openat(AT_FDCWD</>, "{root}/folder/a", O_WRONLY|O_TRUNC) = -1 EACCES (Permission denied)
openat(AT_FDCWD</>, "{root}/b", O_WRONLY|O_CREAT|O_EXCL, 0644) = 3<{root}/b>
rename("{root}/b", "{root}/c") = 0
openat(AT_FDCWD</>, "{root}/d", O_WRONLY|O_CREAT|O_EXCL, 0644) = 4<{root}/d>
unlink("{root}/d") = 0
""")
    replay(log, root, recorder)
    assert recorder.history().final() == {
        "folder": None,
        "folder/a": b'One"\0\xff7\ntw',
        "c": b"",
    }


def test_a_call_that_the_model_does_not_know_is_not_passed_over(tmp_path):
    log = tmp_path / "log"
    log.write_text(f'link("{tmp_path}/a", "{tmp_path}/b") = 0\n')
    with pytest.raises(NotImplementedError, match="link of a to b"):
        replay(log, tmp_path, Recorder(tmp_path))
