"""Commands that ask a store, or copy to one, and how their failures look."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

NOBODY = "postgresql://me:secret@localhost:1/db"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "qasearch", *arguments], capture_output=True, text=True, timeout=120
    )


def test_no_store_is_usage(tmp_path: Path) -> None:
    done = run("status", "--store", "mysql://host/db", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_a_file_that_does_not_exist_holds_no_index(tmp_path: Path) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed")
    done = run("search", "--store", f"milvus:{tmp_path / 'none.db'}", "who pays")
    assert done.returncode == 3
    assert "There is no index in milvus:" in done.stderr
    assert "qasearch copy -i index --to milvus:" in done.stderr


def test_a_file_in_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed")
    done = run("status", "--store", f"milvus:{tmp_path}/none/data.db")
    assert done.returncode == 5
    assert f"there is no folder {tmp_path}/none." in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_answer_is_an_error_of_io() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    done = run("status", "--store", "postgresql://me:secret@localhost:1/db")
    assert done.returncode == 5
    assert "Cannot open postgresql://me@localhost:1/db" in done.stderr
    assert "secret" not in done.stderr


def test_packages_that_are_missing_are_named() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from qasearch.cli import main\n"
        "sys.exit(main(['status', '--store', 'postgresql://localhost/db']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "psycopg, which is not installed" in done.stderr
    assert "pip install 'qasearch[postgres]'" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        *("why 401 who", "dupes", "diff queries.tsv", "export folder"),
        *("verify", "doctor", "serve", "mcp", "rollback"),
    ],
)
def test_what_cannot_ask_a_store_refuses_where_the_variable_names_one(
    command: str, on_index: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("queries.tsv").write_text("1\twho pays\n")
    monkeypatch.setenv("QASEARCH_STORE", NOBODY)
    refused = on_index(*command.split())
    assert (refused.code, refused.out) == (2, "")
    name = command.split()[0]
    assert f"QASEARCH_STORE is set, and `qasearch {name}` cannot ask a store" in refused.err
    assert "secret" not in refused.err


def test_an_index_that_is_typed_goes_before_a_store_of_the_environment(
    qasearch: Command, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QASEARCH_STORE", NOBODY)
    assert qasearch("verify", "-i", built).code == 0
    assert qasearch("status", "-i", built).code == 0
    assert qasearch("search", "who pays for missions", "-i", built).code == 0
    both = qasearch("status", "--store", NOBODY, "-i", built)
    assert (both.code, both.out) == (2, "")
    assert "-i and --store do not go together" in both.err


def test_what_makes_an_index_takes_no_notice_of_the_store(
    qasearch: Command, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QASEARCH_STORE", NOBODY)
    assert qasearch("build", articles).code == 0
    assert Path("index/CURRENT").is_file()


@pytest.mark.parametrize("command", ["status", "search who", "show 401"])
def test_an_address_for_an_index_is_the_store(command: str, qasearch: Command) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    asked = qasearch(*command.split(), "-i", NOBODY)
    assert asked.code == 5
    assert "Cannot open postgresql://me@localhost:1/db" in asked.err


@pytest.mark.parametrize("command", ["verify", "build articles", "rollback"])
def test_an_address_where_a_folder_is_needed_is_refused(command: str, qasearch: Command) -> None:
    refused = qasearch(*command.split(), "-i", NOBODY)
    assert (refused.code, refused.out) == (2, "")
    assert "that is the address of a store, not a folder" in refused.err
    assert "secret" not in refused.err
