"""One writer at a time, and nobody waits for the dead."""

import os
import platform
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qasearch.errors import IndexLockedError, IndexWriteError
from qasearch.index import Files, lock_holder
from qasearch.index.lock import NETWORK, WriterLock, file_system
from tests.index.stores import build, writer_for


def lock(index, wait=0.0) -> WriterLock:
    return WriterLock(index, wait=wait, files=Files())


def test_the_second_writer_is_told_who_builds(tmp_path):
    with (
        writer_for(tmp_path),
        pytest.raises(IndexLockedError) as caught,
        writer_for(tmp_path),
    ):
        pytest.fail("two writers at once")
    assert re.fullmatch(rf"process {os.getpid()} on \S+ since 20\S+", caught.value.holder)
    build(tmp_path)  # free again


def test_a_lock_can_be_taken_again(tmp_path):
    for _ in range(2):
        held = lock(tmp_path)
        held.acquire()
        with pytest.raises(IndexLockedError):
            lock(tmp_path).acquire()
        held.release()


def test_a_writer_may_wait(tmp_path):
    held = lock(tmp_path)
    held.acquire()
    threading.Timer(0.2, held.release).start()
    waiting = lock(tmp_path, wait=60)
    waiting.acquire()
    waiting.release()


def test_waiting_ends(tmp_path):
    held = lock(tmp_path)
    held.acquire()
    with pytest.raises(IndexLockedError):
        lock(tmp_path, wait=0.1).acquire()
    held.release()


def test_a_killed_holder_holds_nothing(tmp_path):
    code = f"""
import time
from pathlib import Path
from qasearch.index import Files, lock_holder
from qasearch.index.lock import NETWORK, WriterLock, file_system
lock = WriterLock(Path({str(tmp_path)!r}), wait=0, files=Files())
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(IndexLockedError, match=f"process {holder.pid} on"):
            lock(tmp_path).acquire()
        holder.kill()
        holder.wait()
    freed = lock(tmp_path, wait=30)
    freed.acquire()
    freed.release()


@pytest.mark.parametrize(
    ("said", "holder"),
    [(b"", "another process"), (b"\xff\x1b[2J\x00 x", "\ufffd[2J x"), (b" \n", "another process")],
)
def test_what_the_holder_said_is_made_printable(tmp_path, said, holder):
    held = lock(tmp_path)
    held.acquire()
    (tmp_path / "LOCK").write_bytes(said)
    with pytest.raises(IndexLockedError) as caught:
        lock(tmp_path).acquire()
    held.release()
    assert caught.value.holder == holder


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot ask whether a process lives")
@pytest.mark.parametrize("said", ["", "process {ended} on {host} since 2026-01-01"])
def test_a_holder_that_has_not_yet_said_who_it_is_is_given_a_moment(tmp_path, said):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    held = lock(tmp_path)
    held.acquire()
    name = (tmp_path / "LOCK").read_text()
    (tmp_path / "LOCK").write_text(said.format(ended=ended.pid, host=platform.node()))
    threading.Timer(0.2, (tmp_path / "LOCK").write_text, [name]).start()
    with pytest.raises(IndexLockedError) as caught:
        lock(tmp_path).acquire()
    held.release()
    assert caught.value.holder == name.strip()


def test_a_holder_on_another_machine_is_named(tmp_path):
    held = lock(tmp_path)
    held.acquire()
    (tmp_path / "LOCK").write_text("process 999999999 on elsewhere since 2026-01-01\n")
    assert lock_holder(tmp_path) == "process 999999999 on elsewhere since 2026-01-01"
    held.release()


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/null")],
    ids=["fifo", "dir", "link"],
)
def test_a_lock_that_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / "LOCK")
    with pytest.raises(IndexWriteError, match="LOCK"):
        lock(tmp_path).acquire()


def test_who_holds_it_can_be_asked_without_taking_it(tmp_path):
    assert lock_holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    held = lock(tmp_path)
    held.acquire()
    assert lock_holder(tmp_path) == (tmp_path / "LOCK").read_text().strip()
    held.release()
    assert lock_holder(tmp_path) is None
    build(tmp_path)


MOUNTS = """\
22 21 {device} / /mnt/our\\040shelf rw,relatime shared:2 - nfs4 server:/shelf rw
23 21 0:77 / /sys rw - sysfs sysfs rw
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are listed in /proc on Linux only")
def test_a_lock_on_a_network_file_system_is_warned_of(tmp_path, monkeypatch, caplog):
    assert file_system(tmp_path) not in ("", *NETWORK)
    assert file_system(Path("/proc")) == "proc"
    assert file_system(tmp_path / "nowhere") == ""
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(device=f"{os.major(device)}:{os.minor(device)}"))
    monkeypatch.setattr("qasearch.index.lock.MOUNTS", mounts)
    assert file_system(tmp_path) == "nfs4"
    held = lock(tmp_path)
    held.acquire()
    held.release()
    assert f"{tmp_path} lies on nfs4: build it on one machine at a time" in caplog.text
