"""Settings that every test shares. They are set here, before any library reads them."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
THREADS = str(max(1, (os.cpu_count() or 1) // max(1, WORKERS)))

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, THREADS)
for variable in [name for name in os.environ if name.startswith("QASEARCH_")]:
    if variable != "QASEARCH_TEST_CORPUS":
        del os.environ[variable]
# The exported model is kept between runs, until `make clean`: to make it takes twenty seconds.
os.environ["QASEARCH_CACHE_DIR"] = str(Path(__file__).parents[1] / ".pytest_cache" / "qasearch")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """A folder of many real articles, SUBJECT/NAME.md, for the tests marked ``corpus``."""
    folder = Path(os.environ.get("QASEARCH_TEST_CORPUS", ""))
    if not os.environ.get("QASEARCH_TEST_CORPUS") or not folder.is_dir():
        pytest.skip("no corpus: QASEARCH_TEST_CORPUS does not name a folder of articles")
    return folder


@pytest.fixture(scope="session")
def seeds_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of ``seeds/`` by the bundled model, for reading only.

    The first worker that needs it builds it, the others wait and share it.
    """
    from qasearch import Index

    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if WORKERS else folder
    index = shared / "seeds-index"
    with FileLock(shared / "seeds-index.lock"):
        if not (index / "CURRENT").exists():
            Index.build(Path(__file__).parents[1] / "seeds", index)
    return index
