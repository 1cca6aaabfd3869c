"""The description of the API is true: schemathesis asks what it describes and what it rules out."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.server.conftest import Served

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

CASES = 160
"""For each operation and kind of case: more than a thousand in all."""

PATHS = [
    *("/api/search", "/api/articles/{id}", "/api/related/{id}", "/api/complete"),
    *("/health", "/ready"),
]


@pytest.fixture(scope="module")
def schema(served: Served) -> Any:
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


def test_every_operation_is_tried(schema: Any) -> None:
    assert sorted(result.ok().path for result in schema.get_all_operations()) == sorted(PATHS)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((path, "positive") for path in PATHS),
        # The others take nothing that could be wrong, or any id.
        *((path, "negative") for path in ("/api/search", "/api/related/{id}", "/api/complete")),
    ],
)
def test_operation(schema: Any, path: str, kind: str) -> None:
    mode = schemathesis.GenerationMode(kind)

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path]["GET"].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        reply = case.call()
        # A refusal like any other, though schemathesis does not count it as one.
        if reply.status_code == 414:
            assert len(reply.request.url) > 8_192
            assert reply.json()["error"]["code"] == "url_too_long"
        else:
            case.validate_response(reply)

    ask()
