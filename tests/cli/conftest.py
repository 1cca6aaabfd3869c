import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from qasearch import Index
from qasearch.cli import main

DIM = 128
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]

FUNDING = """---
id: 401
date: 2024-12-13
question: >-
    Who pays for missions?
answer: >-
    The money comes from states.\\n\\n1. **Dues**: Every state pays a share of the budget.\\n\\n2. **Troops**: States send soldiers, and money pays for them.\\n\\nIn summary, states pay.
subject: Politics
url: https://example.org/missions
---

&nbsp;
"""  # noqa: E501
TEA = """---
id: tea
date: 2024-11-30
question: How is black tea made?
subject: Kitchen
---

1. **Water**: Boil fresh water in a kettle.
2. **Leaves**: Steep the leaves for four minutes.
"""
TENTS = """---
id: tents
question: Where do soldiers sleep?
---

In tents, mostly.
"""


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> object:
        return json.loads(self.out)


Command = Callable[..., Outcome]
Start = Callable[..., subprocess.Popen[bytes]]

COMMAND = [sys.executable, "-c", "import sys; from qasearch.cli import main; sys.exit(main())"]
"""``qasearch``, as a process of its own."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model that counts words: mean of fixed vectors, no layers."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models")
    known = sorted(set(re.findall(r"\w+", (FUNDING + TEA + TENTS).lower())))
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *known])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(folder / "bert")
    torch.manual_seed(7)  # equal weights in each run, so that their export is found again
    bert = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=DIM,
            num_hidden_layers=0,
            num_attention_heads=1,
            intermediate_size=8,
            max_position_embeddings=64,
        )
    )
    with torch.no_grad():
        bert.embeddings.position_embeddings.weight.zero_()
        bert.embeddings.token_type_embeddings.weight.zero_()
        words = torch.randn(len(vocabulary), DIM, generator=torch.Generator().manual_seed(7))
        words[[0, 3]] = 0  # what is no word adds nothing to the mean,
        words[2] *= 1e-8  # or a hundredth (1e-6 is the norm's epsilon): no text has length 0
        bert.embeddings.word_embeddings.weight.copy_(words)
    bert.save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(DIM), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "counts-words"))
    return folder / "counts-words"


@pytest.fixture(scope="session")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "articles"
    for name, text in (("politics/pay.md", FUNDING), ("tea.md", TEA), ("tents.md", TENTS)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def built(articles: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("built") / "index"
    Index.build(articles, index, model=str(model))
    return index


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command sets up the log of its process, which here is the process of all tests."""
    loggers = [logging.getLogger(name) for name in (None, "qasearch", "qasearch.server.access")]
    before = [(logger, logger.level, [*logger.handlers]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def qasearch(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Run a command line in an empty folder, with the small model as the default one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QASEARCH_MODEL", str(model))
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Outcome(code, written.out, written.err)

    return run


@pytest.fixture
def on_index(qasearch: Command, built: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """As ``qasearch``, with the index built as the default one."""
    monkeypatch.setenv("QASEARCH_INDEX", str(built))
    return qasearch


@pytest.fixture
def start(built: Path, model: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a command in an empty folder, on the small index; none outlives its test."""
    settings = {"QASEARCH_INDEX": str(built), "QASEARCH_MODEL": str(model)}
    with ExitStack() as processes:

        def run(
            *arguments: str | Path, command: Sequence[str] = COMMAND, **environment: str
        ) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=tmp_path,
                env={**os.environ, **settings, **environment},
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield run
