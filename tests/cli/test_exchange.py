"""``export`` and ``import``."""

import pytest

from tests.cli.conftest import Command

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_an_index_goes_out_and_comes_in(on_index: Command) -> None:
    done = on_index("export", "out")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("3 articles and 5 passages of gen-0000000001-")
    assert done.out.endswith(" MB: out\n")
    done = on_index("import", "out", "-i", "copy")
    assert done.code == 0
    assert done.out.startswith("3 articles and 5 passages of gen-0000000001-")
    assert on_index("verify", "-i", "copy").code == 0
    searches = [on_index("search", "who pays", *where).out for where in ([], ["-i", "copy"])]
    assert searches[0] == searches[1] != ""


def test_faults_are_told(on_index: Command) -> None:
    done = on_index("import", "nowhere", "-i", "copy")
    assert (done.code, done.out) == (3, "")
    assert "nowhere is not what `qasearch export` writes: there is no articles.parquet." in done.err
    assert on_index("export", "out").code == 0
    again = on_index("export", "out")
    assert (again.code, again.out) == (2, "")
    assert "out is there already" in again.err
    assert on_index("export", "other", "-i", "nowhere").code == 3
    named = on_index("export", "faq.parquet")
    assert (named.code, named.out) == (2, "")
    assert "faq.parquet names a file, but an export is a folder" in named.err
