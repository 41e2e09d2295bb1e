"""The file of registrations: YAML with what `GET /api/route-tables` shows under `registration`.

YAML itself reads `no` as false and `2027-01-31` as a date, and people forget the quotes. Here only
`true`, `false` and `null` are no texts. Anchors and tags are refused: a note such as `&x` would be
read as one and get lost, and `!!bool yes` would be read as false.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import Field, ValidationError

from ..bodies import Body, RegistrationBody
from ..domain import codes
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.errors import Fault, InvalidRequest
from ..domain.registry.registered_table import RegisteredTable
from ..json_shapes import registration_json
from ..redaction import visible

SCHEMA = "docs/tables.schema.json"
"""The place of the schema in the repository. Editors look for it from the file's own folder."""

_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA}
# The route tables that ASE Route Sync keeps right, as ase-route-sync tables import reads them.
"""
_WRONG = "the file of registrations is wrong"
_REFUSED = {
    "anchor": "an anchor or an alias; put a text that begins with & or * in quotes",
    "tag": "a tag; put a text that begins with ! in quotes",
}
"""The properties that no value may have."""
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9./_()-]+|[0-9.]+/[0-9]+")
"""A word, an id or a prefix. PyYAML quotes a word that stands for something else, such as `no`."""
_BOOLEAN, _NULL, _STRING = (f"tag:yaml.org,2002:{name}" for name in ("bool", "null", "str"))

type _Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class TableEntry(RegistrationBody):
    """The registration of one route table. A key that is not there stands for its default."""

    route_table_id: str = Field(description="The ARM id of the route table.")


class TablesFile(Body):
    """The registered route tables of ASE Route Sync."""

    route_tables: list[TableEntry] = Field(min_length=1)


def written(tables: Iterable[RegisteredTable]) -> str:
    """Return the file of these tables. A table whose row cannot be read is only a comment in it."""
    entries, comments = [], []
    for table in tables:
        if table.unreadable is None:
            entries.append(_shown(table))
        else:
            comments.append(f"# not exported: {table.unreadable.message}\n")

    text = yaml.dump(
        {"routeTables": entries},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return "".join([_HEAD, *comments, text])


def _shown(table: RegisteredTable) -> dict[str, object]:
    """Leave out what is not set."""
    asked = registration_json(table.registration)
    known = {key: _marked(value) for key, value in asked.items() if value not in (None, [])}
    return {"routeTableId": str(table.route_table_id), **known}


class _FreeText(str):
    """A text that another reader of YAML could take for something else."""

    __slots__ = ()


def _marked(value: object) -> object:
    match value:
        case dict():
            return {name: _marked(part) for name, part in value.items()}
        case list():
            return [_marked(part) for part in value]
        case str():
            return str(value) if _PLAIN.fullmatch(value) else _FreeText(value)
        case _:
            return value


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        # Some characters turn the direction of a text, so that people read something else.
        self.allow_unicode = visible(text) == text
        super().write_double_quoted(text, split)
        self.allow_unicode = True


def _represented(dumper: _Dumper, text: _FreeText) -> yaml.ScalarNode:
    """Several lines of plain text stand as they are, and all else is quoted."""
    lines = text.split("\n")
    plain = lines[0] and all(line.isprintable() and line == line.strip() for line in lines)
    return dumper.represent_scalar(_STRING, text, style="|" if plain and lines[1:] else '"')


_Dumper.add_representer(_FreeText, _represented)


def read(data: bytes) -> Mapping[RouteTableId, TableEntry]:
    """Return the entry of each route table. Raise InvalidRequest with every fault and its line."""
    try:
        document = _Document.read(data)
    except yaml.YAMLError as error:
        raise _refusal([_fault_of(error)]) from None
    except RecursionError:
        raise _refusal([Fault("file", "nested too deeply")]) from None
    return document.entries()


def _fault_of(error: yaml.YAMLError) -> Fault:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault("file", f"not YAML: {error}")
    mark = error.problem_mark or error.context_mark
    said = ": ".join(text for text in (error.context, error.problem) if text)
    return Fault(f"line {mark.line + 1}" if mark else "file", said)


def _refusal(faults: Iterable[Fault]) -> InvalidRequest:
    return InvalidRequest(faults, code=codes.INVALID_FILE, message=_WRONG)


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        for name, what in _REFUSED.items():
            if getattr(event, name, None) is not None:
                raise yaml.composer.ComposerError(problem=what, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    (_BOOLEAN, "true|True|TRUE|false|False|FALSE", "tTfF"),
    (_NULL, "~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), list(_first))


@dataclass(slots=True)
class _Document:
    """The values of a file, the line in which each of them begins, and the faults of its YAML."""

    value: object = None
    lines: dict[_Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def read(cls, data: bytes) -> "_Document":
        """Raise YAMLError, or InvalidRequest if there is nothing in the file."""
        document = cls()
        node = yaml.compose(data, Loader=_Loader)
        if node is None:
            raise InvalidRequest(code=codes.INVALID_FILE, message="the file is empty")
        document.value = document._plain(node, ())
        return document

    def _plain(self, node: yaml.Node, place: _Place) -> object:
        """Return the value of a node as JSON has it."""
        self.lines[place] = node.start_mark.line + 1
        match node:
            case yaml.MappingNode():
                return dict(self._pairs(node, place))
            case yaml.SequenceNode():
                parts = enumerate(node.value)
                return [self._plain(part, (*place, index)) for index, part in parts]
            case _:
                return self._scalar(node, place)

    def _pairs(self, node: yaml.MappingNode, place: _Place) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            inside = (*place, name)
            if name in seen:
                self.lines[inside] = key.start_mark.line + 1
                self._fault(inside, "it stands here twice")
            seen.add(name)
            yield name, self._plain(value, inside)

    def _scalar(self, node: yaml.Node, place: _Place) -> object:
        text: str = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOLEAN:
            return text.lower() == "true"
        if text.encode(errors="replace").decode() != text:
            self._fault(place, "half a letter, which no text in Unicode has")
        return text

    def _fault(self, place: _Place, message: str) -> None:
        self.faults.append(Fault(self._target(place), message))

    def _target(self, place: _Place) -> str:
        """Return the line and the place. A key that is missing is one of the line around it."""
        around = place
        while around not in self.lines:
            around = around[:-1]
        return f"line {self.lines[around]}: {'.'.join(map(str, place)) or 'the file'}"

    def entries(self) -> Mapping[RouteTableId, TableEntry]:
        """Raise InvalidRequest with every fault."""
        found = self._parsed()
        entries: dict[RouteTableId, TableEntry] = {}
        for index, entry in enumerate(found):
            self._add(entries, index, entry)
        self._check()
        return entries

    def _parsed(self) -> Sequence[TableEntry]:
        self._check()
        try:
            return TablesFile.model_validate_json(json.dumps(self.value)).route_tables
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                self._fault(fault["loc"], fault["msg"])
            raise _refusal(self.faults) from None

    def _check(self) -> None:
        if self.faults:
            raise _refusal(self.faults)

    def _add(self, entries: dict[RouteTableId, TableEntry], index: int, entry: TableEntry) -> None:
        """Add the entry, or note the faults of its ids."""
        place = ("routeTables", index)
        if entry.ase_id is not None and not EnvironmentId.matches(entry.ase_id):
            self._fault((*place, "aseId"), "not the ARM id of an App Service Environment")
        try:
            table_id = RouteTableId.parse(entry.route_table_id)
        except ValueError as error:
            self._fault((*place, "routeTableId"), str(error))
            return
        if table_id in entries:
            self._fault((*place, "routeTableId"), "this route table stands here twice")
        entries[table_id] = entry
