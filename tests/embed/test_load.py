"""Which model a name means. Nothing here asks the network: HF_HUB_OFFLINE is set for all tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qasearch.embed import load_embedder
from qasearch.errors import EmbedderError
from tests.embed.tiny_model import DIM, MAX_TOKENS, POSITIONS, write_model

ASK = """
import socket
def connect(self, address):
    raise SystemExit("the network was asked")
socket.socket.connect = connect
from qasearch.embed import load_embedder
from qasearch.errors import EmbedderError
try:
    load_embedder("nobody/no-such-model", offline={offline})
except EmbedderError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_bundled_model_has_a_name(name: str) -> None:
    assert load_embedder(name).fingerprint == load_embedder().fingerprint
    assert load_embedder(name).name == "all-MiniLM-L6-v2"


def test_a_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load_embedder(str(model))
    assert (embedder.name, embedder.dim, embedder.max_tokens) == ("tiny-bert", DIM, MAX_TOKENS)
    monkeypatch.chdir(model)
    assert load_embedder(".").name == "tiny-bert"
    monkeypatch.setenv("HOME", str(model.parent))
    assert load_embedder("~/tiny-bert").fingerprint == embedder.fingerprint


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model"])
def test_a_name_that_is_not_in_the_cache(name: str, offline: bool) -> None:
    with pytest.raises(EmbedderError, match=f"^Embedder {name}: there is no such folder") as caught:
        load_embedder(name, offline=offline)
    assert "leave the model out" in caught.value.hint


@pytest.mark.parametrize("offline", [False, True])
def test_offline_means_that_the_network_is_not_asked(offline: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(offline=offline)],
        env={**environment, "HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ("the network was asked" in done.stderr) is not offline
    assert ("is not in the hub's cache" in done.stdout) is offline


@pytest.mark.parametrize("name", ["./no/such", "/no/such", "a/b/c", "", "two words", "nul\0"])
def test_what_can_be_no_name_is_a_missing_folder(name: str) -> None:
    with pytest.raises(EmbedderError, match="there is no such folder"):
        load_embedder(name)


def test_a_model_in_the_cache_of_the_hub(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "models--nobody--tiny-bert"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / commit).symlink_to(model)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    embedder = load_embedder("nobody/tiny-bert", offline=True)
    assert embedder.name == "nobody/tiny-bert"
    assert embedder.fingerprint == load_embedder(str(model)).fingerprint


@pytest.mark.parametrize(
    ("option", "value", "bounds"),
    [
        ("truncate_dim", 0, f"1 to {DIM}"),
        ("truncate_dim", DIM + 1, f"1 to {DIM}"),
        ("max_tokens", 0, f"1 to {POSITIONS}"),
        ("max_tokens", POSITIONS + 1, f"1 to {POSITIONS}"),
        ("threads", 0, "at least 1"),
    ],
)
def test_options_out_of_range(model: Path, option: str, value: int, bounds: str) -> None:
    options: dict[str, int] = {option: value}
    with pytest.raises(ValueError, match=f"{option} must be {bounds}, not {value}"):
        load_embedder(str(model), **options)


def test_options_change_the_fingerprint_but_threads_do_not(model: Path) -> None:
    plain = load_embedder(str(model)).fingerprint
    assert load_embedder(str(model), truncate_dim=4).fingerprint != plain
    assert load_embedder(str(model), max_tokens=9).fingerprint != plain
    assert load_embedder(str(model), max_tokens=MAX_TOKENS, truncate_dim=DIM).fingerprint == plain
    assert load_embedder(str(model), threads=1).fingerprint == plain
