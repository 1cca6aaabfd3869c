"""Work spread over a cluster of machines by Ray.

The driver keeps the cache: what a worker makes of a batch is in it before another batch of that
rank is asked for, and a batch whose worker dies goes to another one. So nothing is lost, and what
was kept is embedded by nobody else; a batch is at most what a dying worker takes with it.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from qasearch.errors import ClusterError, QASearchError
from qasearch.protocols import Done, Given, Spread

MOST_DEATHS = 3
"""Workers that one batch may cost, before it looks like what kills them."""

_BATCHES_A_PROCESSOR = 2
"""So that none waits for the driver, and few results wait for their turn."""


@contextmanager
def cluster(address: str) -> Generator[Spread]:
    """Run batches on the workers of a Ray cluster, each on one processor.

    A connection to Ray that is there already is used, and stays.

    Args:
        address: ``ray`` for the cluster that Ray itself finds (RAY_ADDRESS, or one that runs on
            this machine), or else a new one on this machine alone; ``ray://HOST:PORT`` for another.

    Raises:
        ValueError: it is neither, or Ray is not installed.
        ClusterError: it cannot be reached.
    """
    if address != "ray" and not address.startswith("ray://"):
        raise ValueError(f"The cluster is ray, or ray://HOST:PORT, not {address!r}.")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would tell its makers
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    try:
        yield _Workers(ray, address)
    finally:
        if ours:
            ray.shutdown()


class _Workers:
    """The workers of a cluster, as a ``Spread``."""

    def __init__(self, ray: Any, address: str) -> None:
        self._ray = ray
        self._address = address

    def __call__(self, do: Callable[[Given], Done], batches: Iterable[Given], /) -> Iterator[Done]:
        """Yield what ``do`` makes of each batch, in order."""
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        run = self._ray.remote(max_retries=MOST_DEATHS)(_run)
        sent, asked = self._ray.put(do), deque[Any]()
        try:
            for batch in batches:
                asked.append(run.remote(sent, batch))
                if len(asked) >= _BATCHES_A_PROCESSOR * processors:
                    yield self._result(asked.popleft())
            while asked:
                yield self._result(asked.popleft())
        finally:
            for task in asked:
                self._ray.cancel(task)

    def _result(self, task: Any) -> Any:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, QASearchError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            raise ClusterError(
                self._address,
                f"a batch of texts was lost with {MOST_DEATHS + 1} workers, one after the other.",
                hint="What was embedded is kept; look at the memory of the workers, and go on.",
            ) from error


def _run(do: Callable[[Given], Done], batch: Given) -> Done:
    return do(batch)


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ValueError("A cluster needs one more package: pip install 'qasearch[ray]'") from error
    return ray


def _connect(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    try:
        if address == "ray":
            ray.init(include_dashboard=False, **quiet)
        else:
            ray.init(address, **quiet)
    except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ClusterError(
            address,
            reason,
            hint="See that it runs (`ray status` there), with the same version of Python and Ray.",
        ) from error
