"""The description of the API as people read it, taken from the one that programs read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an address.

    Attributes:
        name: of it.
        kind: what its value must be, in words.
        needed: whether it has to be there.
        default: its value otherwise, as it would be written; empty if there is none.
        description: what it does.
    """

    name: str
    kind: str
    needed: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be asked.

    Attributes:
        path: where.
        description: what comes back.
        parameters: those of the query.
        example: an address to try; empty if it takes an id.
    """

    path: str
    description: str
    parameters: list[Parameter]
    example: str


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """All operations of an OpenAPI document, in its order."""
    return [_operation(path, methods["get"]) for path, methods in document["paths"].items()]


def _operation(path: str, operation: Mapping[str, Any]) -> Operation:
    parameters = [
        _parameter(each) for each in operation.get("parameters", ()) if each["in"] == "query"
    ]
    return Operation(
        path=path,
        description=operation["description"],
        parameters=sorted(parameters, key=lambda each: not each.needed),
        example="" if "{" in path else path + _EXAMPLES.get(path, ""),
    )


_EXAMPLES = {
    "/api/search": "?q=how+does+it+work&k=3&facets=subject",
    "/api/complete": "?q=how+is",
}


def _parameter(parameter: Mapping[str, Any]) -> Parameter:
    schema = parameter["schema"]
    default = schema.get("default")
    return Parameter(
        name=parameter["name"],
        kind=_kind(schema),
        needed=parameter.get("required", False),
        default="" if default in (None, []) else str(default).lower(),
        description=parameter.get("description", ""),
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """What a value must be: whole number from 1 to 100, date, one of a, b, ..."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _kind(choice)
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}, may be repeated"
    if "const" in schema or "enum" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "integer":
        most = schema.get("maximum", schema.get("exclusiveMaximum", 1) - 1)
        return f"whole number, {schema.get('minimum', 0)} to {most}"
    if schema.get("type") == "number":
        return f"number, {schema.get('minimum', 0)} to {schema.get('maximum', 1)}"
    return str(schema.get("format", {"boolean": "true or false", "string": "text"}[schema["type"]]))
