"""How much runs at once: as many as the process has processors, not as many as there are."""

import os
import subprocess
import sys

import pytest

SHOWN = """
import os
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
from qasearch.batches import processors
from qasearch.server.settings import Settings
print(processors(), Settings().searches)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_is_held_to_one_processor_has_one() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    shown = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["1", "1"]
