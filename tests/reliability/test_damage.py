"""Damaged files: every kind to every file once, and what the judge makes of wrong readers."""

import os
import signal
from random import Random

import pytest

from qasearch.index.manifest import (
    CODEC_FILE,
    CONFIDENCE_FILE,
    DATA_FILES,
    MANIFEST_FILE,
    MAPPED_FILES,
)
from tests.reliability import damage
from tests.reliability.campaign import Campaign, workers
from tests.reliability.damage import (
    CURRENT,
    KINDS,
    MISSING,
    OF_BEFORE,
    ImpossibleError,
    Seen,
    problem_of,
)

REFUSED = Seen(refused="IndexDamagedError: vectors.faiss", faults=("vectors.faiss",))


def test_damage_is_found_before_it_answers(tmp_path):
    with workers(1) as executor:
        campaign = Campaign(executor, tmp_path, lambda _: None, share=1 / damage.INDEXES)
        section = damage.run(campaign)
    assert section.failures == []
    *files, (name, damaged, refused, warned, found_later, crashes, wrong) = section.rows
    assert [file for file, *_ in files] == [CURRENT, MANIFEST_FILE, *DATA_FILES]
    assert len(KINDS) == 8
    # Each in each way, but that these two are those of the generation before; and that the "{}" of
    # a corpus too small to calibrate has no block to be zeroed, nor two to be swapped.
    fewer = {CODEC_FILE: 7, CONFIDENCE_FILE: 5}
    assert {file: count for file, count, *_ in files if count != 8} == fewer
    assert (name, damaged, crashes, wrong) == ("all", 8 * len(files) - 1 - 3, 0, 0)
    # All but the CURRENT of the generation before is found, in one of three ways.
    assert refused + warned + found_later == damaged - 1
    assert {file for file, _, _, warned, *_ in files if warned} == {CURRENT}
    assert {file for file, *_, later, _, _ in files if later} == {*MAPPED_FILES}


def test_damage_to_codes_is_found(tmp_path):
    with workers(1) as executor:
        found = executor.submit(damage.spoil, damage.LARGE_EVERY - 1, tmp_path).result()
    assert [it for it in found if it.problem] == []
    assert sum(it.file == "vectors.faiss" for it in found) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "file", "seen", "right"),
    [
        ("emptied", "vectors.faiss", REFUSED, True),
        ("emptied", "vectors.faiss", Seen(opened="gen-2", faults=("vectors.faiss",)), False),
        ("emptied", "vectors.faiss", Seen(refused=REFUSED.refused), False),
        ("emptied", "vectors.faiss", Seen(crash="SIGSEGV"), False),
        ("emptied", "manifest.json", REFUSED, False),
        ("a bit flipped", "vectors.npy", Seen(opened="gen-2", faults=("vectors.npy",)), True),
        ("a bit flipped", "vectors.npy", Seen(opened="gen-2"), False),
        ("a bit flipped", "vectors.npy", Seen(opened="gen-1", faults=("vectors.npy",)), False),
        (MISSING, CURRENT, Seen(refused=f"IndexDamagedError: {CURRENT}"), False),
        ("a bit flipped", CURRENT, Seen(opened="gen-2", warned=True, faults=("gen-4",)), True),
        ("a bit flipped", CURRENT, Seen(opened="gen-2", warned=True, faults=(CURRENT,)), True),
        ("a bit flipped", CURRENT, Seen(opened="gen-2", faults=(CURRENT,)), False),
        ("a bit flipped", CURRENT, Seen(opened="gen-2", warned=True), False),
        ("a bit flipped", CURRENT, Seen(opened="gen-1", warned=True, faults=(CURRENT,)), False),
        ("a bit flipped", CURRENT, Seen(refused="IndexDamagedError: gen-4"), False),
        ("a bit flipped", CURRENT, REFUSED, False),
        (OF_BEFORE, CURRENT, Seen(opened="gen-1"), True),
        (OF_BEFORE, CURRENT, Seen(opened="gen-2"), False),
    ],
)
def test_wrong_readers_are_found_out(kind, file, seen, right):
    problem = problem_of(kind, file, seen, before="gen-1", answering="gen-2", noticed=False)
    assert (problem == "") == right


def test_a_mapped_file_of_another_size_must_be_refused():
    seen = Seen(opened="gen-2", faults=("vectors.npy",))
    assert problem_of(
        "truncated", "vectors.npy", seen, before="gen-1", answering="gen-2", noticed=True
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole", [b"", b"x", b"xx", b"seven by", bytes(5_000) + b"x"])
def test_a_damaged_content_is_another_one(kind, whole):
    try:
        damaged = damage.damage(kind, whole, b"before", Random(1))
    except ImpossibleError:
        assert len(whole) < 8
    else:
        assert damaged != whole
    with pytest.raises(ImpossibleError):
        damage.damage(OF_BEFORE, whole, None, Random(1))


def crash(index):
    os.kill(os.getpid(), signal.SIGSEGV)


def look_and_crash():
    damage._look = crash
    return damage.look("nowhere")


def test_a_crash_is_seen():
    with workers(1) as executor:
        assert executor.submit(look_and_crash).result() == Seen(crash="SIGSEGV")
