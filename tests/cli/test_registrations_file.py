"""The file of registrations says what is registered, in whatever letters people write."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import validator_for
from ruamel.yaml import YAML

from local import schema
from shared.cli.difference import Difference, Kind
from shared.cli.registrations_file import SCHEMA, read, written
from shared.domain.armid import EnvironmentId
from shared.domain.errors import InvalidRequest
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from tests.builders.azure import ase_id_of, rid, table_id

ROOT = Path(__file__).parents[2]
TAG = "AppServiceManagement"
ODD = (
    *("no", "Yes", "null", "~", "true", "1e3", "0o14", "012", "1_000", "12:30:45", "2027-01-31"),
    *(
        "&anchor",
        "*alias",
        "!tag",
        "- x",
        "? x",
        "a: b",
        "a #b",
        "#c",
        "%d",
        "@x",
        "`x`",
        "{}",
        "[]",
    ),
    *("a\nb", "a\n\n  b\n", "\n", " a", "a ", "a\tb", "\ta", "a\r\nb", "x\n---\n...", "a\nb\n\n\n"),
    *(
        "Müller",
        "日本",
        "😀",
        "\x85",
        "\u2028",
        "\u202eabc",
        "\ufeff",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "<<",
    ),
    *("'", '"', "\\", "\\n", "='", "|", ">", "https://x?y=secret", "a" * 200),
)
texts = st.sampled_from(ODD) | st.text(min_size=1, max_size=30)
registrations = st.builds(
    Registration,
    st.lists(st.sampled_from([TAG, "Storage.WestEurope", "NO"]), min_size=1, unique=True).map(
        tuple
    ),
    ase_id=st.none() | st.just(EnvironmentId.parse(ase_id_of("one"))),
    address_source=st.sampled_from(AddressSource),
    route_style=st.sampled_from(RouteStyle),
    apply_policy=st.none() | st.sampled_from(ApplyPolicy),
    exceptions=st.lists(
        st.builds(RouteException, st.sampled_from(["20.0.0.0/24", "0.0.0.0/0"]), texts, st.dates()),
        max_size=2,
    ).map(tuple),
    enabled=st.booleans(),
    note=st.none() | st.just("") | texts,
    pin=st.none() | st.builds(Pin, texts, texts, texts, st.just(datetime(2026, 1, 1, tzinfo=UTC))),
)
table_ids = st.lists(st.sampled_from([*map(rid, "abc")]), min_size=1, unique=True)


@st.composite
def registries(draw):
    """Draw the ids first, because a whole table would be thrown away if its id came twice."""
    return [RegisteredTable(table_id, draw(registrations)) for table_id in draw(table_ids)]


def differing(data, registry, *, prune=True, tag="Another"):
    return Difference(read(data), registry, tag, prune)


@given(registries())
def test_to_import_what_was_exported_changes_nothing(registry):
    found = differing(written(registry).encode(), registry)
    assert (found.steps, found.unchanged) == ((), len(registry))


@given(registries())
def test_to_restore_what_was_exported_asks_for_the_same(registry):
    found = differing(written(registry).encode(), [])
    assert {step.table_id: step.request for step in found.steps} == {
        step.table_id: step.request
        for step in differing(written(registry[::-1]).encode(), []).steps
    }
    for table, step in zip(registry, found.steps, strict=True):
        asked, wanted = step.request, table.registration
        assert (step.kind, step.table_id) == (Kind.REGISTER, table.route_table_id)
        assert asked.note == wanted.note
        assert tuple(asked.exceptions) == wanted.exceptions
        assert (asked.enabled, asked.apply_policy) == (wanted.enabled, wanted.apply_policy)
        assert bool(asked.pin) == bool(wanted.pin)
        if asked.pin:
            assert (asked.pin.version_id, asked.pin.reason) == (
                wanted.pin.version_id,
                wanted.pin.reason,
            )


@given(registries())
def test_other_programs_read_the_same_and_the_schema_takes_it(registry):
    """PyYAML reads YAML 1.1, and ruamel.yaml reads YAML 1.2 as editors do."""
    text = written(registry)
    read_by_others = [yaml.safe_load(text), YAML(typ="safe", pure=True).load(text)]
    for document in read_by_others:
        plain = json.loads(json.dumps(document))
        assert faults(plain) == []
        shown = [entry.get("note") for entry in plain["routeTables"]]
        assert shown == [table.registration.note for table in registry]


@given(registries())
def test_no_letter_of_a_file_turns_the_text_or_the_terminal(registry):
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written(registry)
    )


def test_a_file_is_written_as_people_write_it():
    asked = Registration(
        (TAG,),
        EnvironmentId.parse(ase_id_of("one")),
        AddressSource.BOTH,
        exceptions=(RouteException("20.0.0.0/24", "no", date(2027, 1, 31)),),
        note="first: line\nsecond line\n",
        pin=Pin("AzureCloud.X-000001", "the proxy", TAG, datetime(2026, 1, 1, tzinfo=UTC)),
    )
    found = [
        RegisteredTable(rid("one"), asked),
        RegisteredTable.without_row(rid("two"), "KeyError"),
        RegisteredTable(rid("three"), Registration((TAG,), enabled=False)),
    ]
    assert (
        written(found)
        == f"""\
# yaml-language-server: $schema=docs/tables.schema.json
# The route tables that ASE Route Sync keeps right, as ase-route-sync tables import reads them.
# not exported: the row of {table_id("two")} is unreadable: KeyError
routeTables:
  - routeTableId: {table_id("one")}
    aseId: {ase_id_of("one")}
    serviceTags:
      - AppServiceManagement
    addressSource: both
    routeStyle: prefixes
    exceptions:
      - prefix: 20.0.0.0/24
        reason: 'no'
        until: "2027-01-31"
    enabled: true
    note: |
      first: line
      second line
    pin:
      versionId: AzureCloud.X-000001
      reason: "the proxy"
  - routeTableId: {table_id("three")}
    serviceTags:
      - AppServiceManagement
    addressSource: serviceTag
    routeStyle: prefixes
    enabled: false
"""
    )


ONE = f"routeTables:\n  - routeTableId: {table_id('one')}\n"


def entry_of(text):
    [entry] = read(text.encode()).values()
    return entry


@pytest.mark.parametrize("note", ["no", "1e3", "012", "2027-01-31", "12:30:45", "=", "1.5", ".inf"])
def test_a_text_needs_no_quotes_whatever_yaml_would_make_of_it(note):
    assert entry_of(f"{ONE}    note: {note}\n").note == note
    assert entry_of(f"{ONE}    exceptions: []\n    enabled: false\n").enabled is False
    until = "    exceptions: [{prefix: 20.0.0.0/24, reason: on, until: 2027-01-31}]\n"
    [exception] = entry_of(ONE + until).exceptions
    assert (exception.reason, exception.until) == ("on", date(2027, 1, 31))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_windows_may_have_written_the_file(encoding):
    text = f"{ONE}    note: Müller\n".replace("\n", "\r\n")
    assert [entry.note for entry in read(text.encode(encoding)).values()] == ["Müller"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ONE}    nite: x\n", ["line 3: routeTables.0.nite: Extra inputs are not permitted"]),
        (f"{ONE}tables: []\n", ["line 3: tables: Extra inputs are not permitted"]),
        (f"{ONE}    note: a\n    note: b\n", ["line 4: routeTables.0.note: it stands here twice"]),
        (
            f"{ONE}{ONE[13:].replace('/one', '/ONE')}",
            ["line 3: routeTables.1.routeTableId: this route table stands here twice"],
        ),
        (
            f"{ONE}    enabled: no\n    exceptions:\n      - prefix: 20.0.0.0/24\n",
            [
                "line 5: routeTables.0.exceptions.0.reason: Field required",
                "line 5: routeTables.0.exceptions.0.until: Field required",
                "line 3: routeTables.0.enabled: Input should be a valid boolean",
            ],
        ),
        ("routeTables:\n  - note: x\n", ["line 2: routeTables.0.routeTableId: Field required"]),
        (
            "routeTables:\n  - routeTableId: /x\n",
            ["line 2: routeTables.0.routeTableId: not the ARM"],
        ),
        (f"{ONE}    aseId: /x\n", ["line 3: routeTables.0.aseId: not the ARM id"]),
        (f"{ONE}    note: &x y\n", ["line 3: an anchor or an alias"]),
        (f"{ONE}    note: *x\n", ["line 3: an anchor or an alias"]),
        (f"{ONE}    note: !!int 3\n", ["line 3: a tag"]),
        (f"{ONE}    note: !urgent\n", ["line 3: a tag"]),
        (f"{ONE}    enabled: !!bool yes\n", ["line 3: a tag"]),
        (f"{ONE}    pin: !!null no\n", ["line 3: a tag"]),
        (f"{ONE}    serviceTags: !!set {{A, B}}\n", ["line 3: a tag"]),
        (f'{ONE}    note: "\\ud800"\n', ["line 3: routeTables.0.note: half a letter"]),
        (f"{ONE}    ? [a]\n    : b\n", ["line 4: routeTables.0.: Extra inputs"]),
        (f"{ONE}    note: [\n", ["line 4: while parsing a flow"]),
        (f"{ONE}\tnote: x\n", ["line 3: while scanning for the next token"]),
        (f"{ONE}---\n{ONE}", ["line 3: expected a single document"]),
        (f"{ONE}    note: \x00\n", ["file: not YAML"]),
        ("[" * 2000, ["file: nested too deeply"]),
        ("- a\n", ["line 1: the file: Input should be an object"]),
        ("routeTables: []\n", ["line 1: routeTables: List should have at least 1 item"]),
        ("routeTables:\n", ["line 1: routeTables: Input should be a valid"]),
    ],
)
def test_each_fault_is_told_with_its_line(text, expected):
    with pytest.raises(InvalidRequest, match="InvalidFile") as refused:
        read(text.encode())
    told = [f"{fault.target}: {fault.message}" for fault in refused.value.faults]
    assert len(told) == len(expected), told
    for said, begins in zip(told, expected, strict=True):
        assert said.startswith(begins)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file_is_refused(text):
    with pytest.raises(InvalidRequest, match=r"InvalidFile: the file"):
        read(text.encode())


def test_the_example_on_the_page_is_a_file():
    page = (ROOT / "docs" / "gitops.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [entry] = read(example.encode()).values()
    assert [one.until for one in entry.exceptions or ()] == [date(2027, 1, 31)]
    assert faults(yaml.safe_load(example)) == []


# -- The schema --


def faults(document):
    known = json.loads((ROOT / SCHEMA).read_text())
    return [fault.message for fault in validator_for(known)(known).iter_errors(document)]


def test_the_schema_in_the_repository_is_the_one_of_the_models():
    assert (ROOT / SCHEMA).read_text() == schema.text(), "make schema writes it anew"
    assert schema.FILE == ROOT / SCHEMA


def test_the_schema_is_a_schema_and_helps_with_each_key():
    known = json.loads((ROOT / SCHEMA).read_text())
    validator_for(known).check_schema(known)
    entry = known["$defs"]["TableEntry"]["properties"]
    assert {"routeTableId", "serviceTags", "pin", "exceptions"} <= entry.keys()
    assert [key for key, value in entry.items() if not value.get("description")] == []


def test_the_schema_refuses_what_the_reader_refuses():
    good = {"routeTables": [{"routeTableId": table_id("one"), "note": "x"}]}
    assert faults(good) == []
    for key, value in (("nite", "x"), ("enabled", "no"), ("addressSource", "both "), ("pin", {})):
        assert faults({"routeTables": [{**good["routeTables"][0], key: value}]}), key
    assert faults({"routeTables": []})
    assert faults({})
