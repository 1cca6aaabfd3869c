"""Pins: what a reader uses, no builder collects."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qasearch.index import Files, Generation
from qasearch.index.pins import READERS_FOLDER, Pin, pinned_generations, take_pin
from tests.index.stores import ARTICLES, build, names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pins")


def test_a_generation_in_use_is_kept_until_it_is_closed(tmp_path: Path) -> None:
    used = build(tmp_path)
    with Generation.open(tmp_path) as generation:
        for _ in range(3):
            build(tmp_path)
        assert used in names(tmp_path)
        assert generation.store.articles([0])[0].question == ARTICLES[0].question
    build(tmp_path)
    assert used not in names(tmp_path)
    assert READERS_FOLDER not in names(tmp_path)


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    build(tmp_path)
    generation = Generation.open(tmp_path)
    assert pinned_generations(tmp_path, Files()) == {generation.name}
    generation.close()
    generation.close()
    assert pinned_generations(tmp_path, Files()) == set()


def test_where_the_pins_are_a_link_to_nowhere_readers_do_without(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / READERS_FOLDER).symlink_to(tmp_path / "nowhere")
    with Generation.open(tmp_path) as generation:
        assert generation.store.article_count == len(ARTICLES)


def test_the_pin_of_a_reader_that_died_is_removed(tmp_path: Path) -> None:
    name = build(tmp_path)
    reader = (
        "import os, sys; from pathlib import Path; from qasearch.index import Generation;"
        "g = Generation.open(Path(sys.argv[1])); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", reader, tmp_path]).returncode == 9
    assert len(list((tmp_path / READERS_FOLDER).iterdir())) == 1
    for _ in range(2):
        build(tmp_path)
    assert name not in names(tmp_path)
    assert READERS_FOLDER not in names(tmp_path)


def test_several_readers_pin_what_each_uses(tmp_path: Path) -> None:
    files = Files()
    pins = [Pin(tmp_path, name, files) for name in ("gen-a", "gen-a", "gen-b")]
    assert pinned_generations(tmp_path, files) == {"gen-a", "gen-b"}
    pins[0].release()
    pins[2].release()
    assert pinned_generations(tmp_path, files) == {"gen-a"}
    pins[1].release()
    assert pinned_generations(tmp_path, files) == set()


def test_a_fork_holds_the_pin_too(tmp_path: Path) -> None:
    files = Files()
    pin = Pin(tmp_path, "gen-a", files)
    child = os.fork()
    if not child:
        pin.release()
        os._exit(0 if pinned_generations(tmp_path, files) == {"gen-a"} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pinned_generations(tmp_path, files) == {"gen-a"}
    pin.release()


class ReadOnlyFiles(Files):
    """Files of a medium that nothing can be written to."""

    def make_folder(self, path: Path) -> None:
        raise OSError(30, "Read-only file system")

    create = make_folder  # type: ignore[assignment]


def test_a_read_only_medium_is_read_without_a_pin(tmp_path: Path) -> None:
    build(tmp_path)
    before = names(tmp_path)
    assert take_pin(tmp_path, "gen-a", ReadOnlyFiles()) is None
    with Generation.open(tmp_path, files=ReadOnlyFiles()) as generation:
        assert generation.store.article_count == len(ARTICLES)
        assert names(tmp_path) == before
