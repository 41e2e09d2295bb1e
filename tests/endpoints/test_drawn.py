"""Requests drawn from the API's description: good ones are understood, bad ones are refused."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.endpoints.operations import OPERATIONS
from tests import described
from tests.builders.azure import add_environment, add_table, ase_id_of, table_id, tag_document
from tests.builders.endpoints import call, serve
from tests.builders.runs import register

WITH_BODY = {one.operation_id: one for one in OPERATIONS if one.body is not None}
KNOWN = [table_id("one"), ase_id_of("one"), "AppServiceManagement", "20.0.0.0/24", "0"]
"""Texts that mean something to the app, or to a library that reads times."""
MOST = 3
"""The most items of a list that is drawn."""

type Draw = Callable[[st.SearchStrategy[Any]], Any]
type Send = Callable[[str, object], tuple[int, Any]]

READS = {one.operation_id: one for one in OPERATIONS if one.method == "GET"}

each_body = pytest.mark.parametrize("name", WITH_BODY)
# An app serves all bodies of a test.
some = settings(max_examples=30, suppress_health_check=[*HealthCheck])

texts = st.text(max_size=5) | st.sampled_from(KNOWN)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
anything = st.recursive(
    scalars,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(texts, each, max_size=2),
    max_leaves=4,
)


def schema_of(name: str) -> dict[str, Any]:
    return described.at(described.body_pointer(WITH_BODY[name]))


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911
    """Return values that the schema allows. It has all words that the bodies use so far."""
    match schema:
        case {"$ref": reference}:
            return values(described.at(reference.removeprefix("#")))
        case {"anyOf": several}:
            return st.one_of([values(each) for each in several])
        case {"enum": allowed}:
            return st.sampled_from(allowed)
        case {"type": "object", "properties": properties}:
            drawn = {key: values(each) for key, each in properties.items()}
            required = {key: drawn.pop(key) for key in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=drawn)
        case {"type": "object", "propertyNames": names, "additionalProperties": each}:
            return st.dictionaries(values(names), values(each), max_size=MOST)
        case {"type": "array", "items": items}:
            return st.lists(values(items), min_size=schema.get("minItems", 0), max_size=MOST)
        case {"type": "string", "pattern": pattern}:
            return st.from_regex(pattern.replace("$", r"\Z"))
        case {"type": "string", "format": "date"}:
            return st.dates().map(str)
        case {"type": "string"}:
            least, most = schema.get("minLength", 0), schema.get("maxLength", 20)
            return st.text(min_size=least, max_size=min(most, 20)) | st.sampled_from(KNOWN)
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "null"}:
            return st.none()
    raise NotImplementedError(schema)


@st.composite
def spoiled(draw: Draw, schema: dict[str, Any]) -> Any:
    """Return a body in which one place has something else, or nothing, or is new."""
    whole = {"body": draw(values(schema))}
    container, key = draw(st.sampled_from([*places(whole)]))
    match draw(st.integers(0, 2)):
        case 0 if container is not whole:
            del container[key]
        case 1 if isinstance(container, dict) and container is not whole:
            container[draw(texts)] = draw(anything)
        case _:
            container[key] = draw(st.sampled_from(KNOWN) | anything)
    return whole["body"]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in this value, as a container and a key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@pytest.fixture
def send(azure, app, monkeypatch) -> Send:
    """Send a body to a function. Return the status and the error of the answer."""
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_environment(azure.state, "one", table=add_table(azure.state, "one"))
    register(app, "one")
    serve(app, monkeypatch)

    def send(name: str, body: object) -> tuple[int, Any]:
        answer = call(WITH_BODY[name], body=body)
        return answer.status_code, json.loads(answer.get_body()).get("error")

    return send


def faults_of(name: str, body: object) -> list[str]:
    return described.schema_faults(described.body_pointer(WITH_BODY[name]), body)


@each_body
def test_a_body_as_described_is_never_an_unforeseen_error(name, send):
    @some
    @given(values(schema_of(name)))
    def check(body: object) -> None:
        assert faults_of(name, body) == []
        status, error = send(name, body)
        assert status < 500, error

    check()


@each_body
def test_a_body_that_is_not_as_described_is_refused(name, send):
    @some
    @given(spoiled(schema_of(name)))
    def check(body: object) -> None:
        faults = faults_of(name, body)
        assume(faults)
        status, error = send(name, body)
        assert (status, error["code"]) == (400, "InvalidBody"), faults

    check()


@pytest.mark.usefixtures("send")
@pytest.mark.parametrize("name", READS)
def test_whatever_a_query_or_a_path_has_is_no_unforeseen_error(name):
    """A value that is not as described is refused: each answer here is compared with that."""
    operation = READS[name]
    listed = described.operation_json(operation)["parameters"]
    by_place = {
        place: {one["name"]: each_value(one["schema"]) for one in listed if one["in"] == place}
        for place in ("query", "path")
    }

    @some
    @given(
        st.fixed_dictionaries({}, optional=by_place["query"]),
        st.fixed_dictionaries(by_place["path"]),
    )
    def check(params: dict[str, str], ids: dict[str, str]) -> None:
        assert call(operation, params=params, ids=ids).status_code < 500

    check()


def each_value(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Return texts that the schema allows, and others. A host leaves out what is empty."""
    wanted = st.integers(0, 1001) if schema.get("type") == "integer" else values(schema)
    return (wanted.map(str) | texts).filter(bool)
