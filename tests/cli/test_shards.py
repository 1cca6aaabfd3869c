"""``build --shard`` and ``merge``: work that many machines share."""

from pathlib import Path

import pytest

from qasearch.cli.errors import ExitCode, Failure
from qasearch.errors import ClusterError
from tests.cli.conftest import Command


def test_shards_are_embedded_merged_and_built(qasearch: Command, articles: Path) -> None:
    one = qasearch("build", articles, "--shard", "1/2", "--cache", "one")
    assert (one.code, one.err) == (0, "")
    assert one.out.startswith("Shard 1/2: 8 texts (8 embedded, 0 known) in ")
    assert one.out.endswith(" s: one\n")
    two = qasearch("build", articles, "--shard", "2/2", "--cache", "two", "--after", "one")
    assert two.out.startswith("Shard 2/2: 0 texts (0 embedded, 0 known)")
    merged = qasearch("merge", "one", "two")
    assert merged.code == 0
    assert merged.out.startswith("2 caches: 8 texts added, 0 known in ")
    assert merged.out.endswith(" s: index\n")
    assert "(0 texts embedded, 8 reused)" in qasearch("build", articles).out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shard", "1/2"], "A shard needs both: --shard I/N, and --cache DIR"),
        (["--cache", "one"], "A shard needs both"),
        (["--after", "one"], "A shard needs both"),
        (["--shard", "2", "--cache", "one"], "--shard is I/N, as in 2/16, not '2'."),
        (["--shard", "3/2", "--cache", "one"], "There is no shard 3/2"),
        (["--shard", "0/2", "--cache", "one"], "There is no shard 0/2"),
        (["--shard", "1/2", "--cache", "one", "--dry-run"], "--dry-run means nothing with"),
        (["--shard", "1/2", "--cache", "one", "--rebuild"], "--rebuild means nothing with"),
    ],
)
def test_wrong_options_are_told(
    qasearch: Command, articles: Path, options: list[str], message: str
) -> None:
    done = qasearch("build", articles, *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not Path("one").exists()


def test_the_first_shard_comes_first(qasearch: Command, articles: Path) -> None:
    done = qasearch("build", articles, "--shard", "2/2", "--cache", "two")
    assert done.code == 1
    assert "Embed shard 1/2 first, and name its cache here: --after CACHE." in done.err


def test_a_cache_that_is_not_there_is_named(qasearch: Command) -> None:
    done = qasearch("merge", "nowhere")
    assert (done.code, done.out) == (3, "")
    assert "There is no cache of embeddings in nowhere." in done.err
    assert qasearch("merge").code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--on", "spark"], "The cluster is ray, or ray://HOST:PORT, not 'spark'."),
        (["--on", "ray", "--shard", "1/2", "--cache", "one"], "--on means nothing with --shard"),
    ],
)
def test_a_wrong_cluster_is_told(
    qasearch: Command, articles: Path, options: list[str], message: str
) -> None:
    done = qasearch("build", articles, *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_lost_cluster_is_an_error_of_the_world() -> None:
    failure = Failure.of(ClusterError("ray://there:10001", "timed out.", hint="See that it runs."))
    assert failure == Failure(
        ExitCode.IO, "cluster", "The cluster at ray://there:10001: timed out.", "See that it runs."
    )
