"""Under load from wrk: everything is answered, or told to come back; the server lives on."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from qasearch.server import Settings
from tests.server.conftest import Serve, Served

WRK = shutil.which("wrk")

pytestmark = pytest.mark.skipif(WRK is None, reason="wrk is not installed")


@dataclass(frozen=True)
class Load:
    """What wrk counted."""

    requests: int
    refused: int
    failed: int


def load(url: str, connections: int) -> Load:
    done = subprocess.run(
        [
            *(str(WRK), "--threads", "1", "--connections", str(connections)),
            *("--duration", "2s", "--timeout", "30", url),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (requests,) = re.findall(r"(\d+) requests in", done.stdout)
    refused = re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout) or ["0"]
    errors = re.findall(r"(?:connect|read|write|timeout) (\d+)", done.stdout)
    return Load(int(requests), int(refused[0]), sum(map(int, errors)))


@pytest.mark.parametrize("path", ["/api/search?q=tolls", "/?q=tolls", "/article/money"])
def test_what_is_within_the_limits_is_answered(served: Served, path: str) -> None:
    found = load(served.url + path, 64)
    assert found.requests > 0
    assert (found.refused, found.failed) == (0, 0)


def test_what_is_beyond_is_told_to_come_back(serve: Serve, harbour: Path) -> None:
    server = serve(harbour, Settings(port=0, searches=1, waiting=4, connections=300))
    found = load(f"{server.url}/api/search?q=tolls", 200)
    assert found.failed == 0
    assert 0 < found.refused < found.requests
    crowd = load(f"{server.url}/api/search?q=tolls", 400)
    assert crowd.refused > 0
    assert httpx2.get(f"{server.url}/health").status_code == 200
