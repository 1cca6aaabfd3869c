"""What must not stand in the package: what runs code that it reads, and checks that -O removes."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import imports, modules

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
"""Reading their files runs code."""

CALLS = {
    "eval", "exec", "os.system", "os.popen",
    "torch.load", "np.fromfile", "numpy.fromfile",
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load",
}  # fmt: skip
"""By the name they are usually called by; ``yaml.load`` is safe or not by one argument."""

KEYWORDS = {"trust_remote_code": True, "allow_pickle": True, "shell": True, "weights_only": False}
"""Arguments that may not have this value, nor one that is only known at run time."""


def offences(tree: ast.AST) -> Iterator[str]:
    """What is forbidden in ``tree``, each as ``line: what``."""
    for name in imports(tree):
        if name.split(".")[0] in MODULES:
            yield f"import of {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield f"{node.lineno}: assert"
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) in CALLS:
                yield f"{node.lineno}: {ast.unparse(node.func)}"
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS and not _is(keyword.value, not KEYWORDS[keyword.arg]):
                    yield f"{node.lineno}: {keyword.arg}={ast.unparse(keyword.value)}"


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def test_nothing_forbidden_in_the_package() -> None:
    found = [f"{name}:{what}" for name, tree in modules().items() for what in offences(tree)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "assert k > 0",
        "eval(text)",
        "torch.load(path)",
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "np.load(path, allow_pickle=True)",
        "SentenceTransformer(name, trust_remote_code=trust)",
        "subprocess.run(line, shell=True)",
    ],
)
def test_an_offence_is_noticed(line: str) -> None:
    assert len(list(offences(ast.parse(line)))) == 1


def test_saying_no_is_allowed() -> None:
    line = "np.load(path, allow_pickle=False); SentenceTransformer(name, trust_remote_code=False)"
    assert list(offences(ast.parse(line))) == []
