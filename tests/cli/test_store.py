"""Commands that ask a store, or copy to one, and how their failures look."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


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
