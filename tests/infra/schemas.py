"""The types of Azure's resources: Bicep's own, from the package that answers for them offline.

It lacks three of Azure Monitor's; for those the models of its SDK say the same.
"""

import functools
import importlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tree_sitter import Node

from . import azmcp
from .bicep import Declared, called, literal, properties, text, values

_MONITOR = {
    "Microsoft.Insights/actionGroups": "ActionGroupResource",
    "Microsoft.Insights/activityLogAlerts": "ActivityLogAlertResource",
    "Microsoft.Insights/scheduledQueryRules": "ScheduledQueryRuleResource",
}
_OF_BICEP = {"parent", "scope", "dependsOn"}
"""Said of a resource in Bicep, and no property of it."""
_PLAIN = {"string": "string", "bool": "boolean", "int": "number"}


@dataclass(frozen=True, slots=True)
class Property:
    type: str
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Type:
    """An object: what it may have. `others` is the type of whatever else it holds."""

    properties: Mapping[str, Property]
    others: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A resource's body, which may depend on its name, and the types that it uses."""

    bodies: tuple[Type, ...]
    types: Mapping[str, Type]

    def faults(self, resource: Declared) -> Iterator[str]:
        """What of this resource the schema does not know."""
        body = self._body(resource)
        check = _Check(self.types, resource.variables)
        yield from check.objects(resource.bodies, body, resource.symbol, _OF_BICEP)

    def _body(self, resource: Declared) -> Type:
        name = literal(properties(resource.bodies[0])["name"])
        named = [body for body in self.bodies if body.properties["name"].type == name]
        return named[0] if named else self.bodies[0]


def schemas_of(kinds: Collection[str], cache: pytest.Cache) -> Callable[[str], Schema]:
    """`cache` keeps from one run to the next what the schemas of these types are made of."""
    answers = azmcp.answers({*kinds} - _MONITOR.keys(), cache)

    @functools.cache
    def schema_of(kind: str) -> Schema:
        return _of_monitor(_MONITOR[kind]) if kind in _MONITOR else _of_bicep(answers[kind])

    return schema_of


@dataclass(frozen=True, slots=True)
class _Check:
    types: Mapping[str, Type]
    variables: Mapping[str, Node]

    def objects(
        self, nodes: Iterable[Node], known: Type, at: str, besides: Collection[str] = ()
    ) -> Iterator[str]:
        """Of objects that are one together, as parts of a union."""
        given: set[str] = set()
        for node in nodes:
            for name, value in properties(node).items():
                given.add(name)
                found = known.properties.get(name)
                if found is not None and found.read_only:
                    yield f"{at}.{name} is read-only"
                elif found is not None:
                    yield from self.value(value, found.type, f"{at}.{name}")
                elif known.others is not None:
                    yield from self.value(value, known.others, f"{at}.{name}")
                elif name not in besides:
                    yield f"{at}.{name} is not known"
        for name, found in known.properties.items():
            if found.required and name not in given:
                yield f"{at}.{name} is missing"

    def value(self, node: Node, type_: str, at: str) -> Iterator[str]:
        if type_.endswith("[]"):
            for item in self._items(node):
                yield from self.value(item, type_.removesuffix("[]").strip("()"), f"{at}[]")
            return
        found = [*values(node, self.variables)]
        if type_ in self.types:
            objects = [value for value in found if value.type == "object"]
            if objects:
                yield from self.objects(objects, self.types[type_], at)
            yield from (
                f"{at} is no {type_}" for v in found if v.type in {"string", "boolean", "number"}
            )
            return
        for value in found:
            yield from _plain(value, type_, at)

    def _items(self, node: Node) -> Iterator[Node]:
        for value in values(node, self.variables):
            if value.type == "array":
                yield from value.named_children
            elif value.type == "object":  # the body of a loop
                yield value
            elif value.type == "call_expression" and called(value) == "map":
                yield value.named_children[1].named_children[1].named_children[-1]


def _plain(node: Node, type_: str, at: str) -> Iterator[str]:
    allowed = {part.strip() for part in type_.split("|")}
    # A list that is open for what comes is not open for what is mistyped.
    allowed = allowed - {"string"} if len(allowed) > 1 else allowed
    given = literal(node)
    if given is not None and not ({given, "string", "any"} & allowed):
        yield f"{at} is '{given}', and not {type_}"
    if node.type in {"boolean", "number"} and _PLAIN.get(type_, node.type) != node.type:
        yield f"{at} is {text(node)}, and not {type_}"


def _of_bicep(answer: Any) -> Schema:
    assert answer["status"] == 200, answer["message"]
    found = answer["results"]["BicepSchemaResult"]
    [resource] = [entry for entry in found if entry["$type"] == "Resource"]
    body = resource["bodyType"]
    types = {e["name"]: e for e in found if e["$type"] in {"Object", "DiscriminatedObject"}}
    return Schema(
        tuple(_type(one) for one in _alternatives(body)),
        {name: _merged(entry) for name, entry in types.items()},
    )


def _alternatives(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    elements: list[Mapping[str, Any]] = entry.get("elements", [entry])
    return elements


def _merged(entry: Mapping[str, Any]) -> Type:
    """Any alternative's properties; required is what all require."""
    found = [_type(one) for one in _alternatives(entry)]
    if len(found) == 1:
        return found[0]
    return Type({n: Property("any") for one in [*found, _type(entry)] for n in one.properties})


def _type(entry: Mapping[str, Any]) -> Type:
    listed = entry.get("properties") or entry.get("baseProperties") or []
    return Type(
        {
            p["name"]: Property(
                p["type"], "Required" in p.get("flags", ""), "ReadOnly" in p.get("flags", "")
            )
            for p in listed
        },
        entry.get("additionalPropertiesType"),
    )


def _of_monitor(model: str) -> Schema:
    models = importlib.import_module("azure.mgmt.monitor.models")
    types: dict[str, Type] = {}
    body = _of_model(models, model, types)
    name = Property("string", required=True)
    return Schema((Type({**body.properties, "name": name}),), types)


def _of_model(models: Any, name: str, types: dict[str, Type]) -> Type:
    """The model as a type, and those that it uses beside it. A key with a dot is nested."""
    model = getattr(models, name)
    nested: dict[str, Property] = {}
    known: dict[str, Property] = {}
    for attribute, described in model._attribute_map.items():
        rules = model._validation.get(attribute, {})
        type_ = _model_type(models, described["type"], types)
        found = Property(type_, rules.get("required", False), rules.get("readonly", False))
        outer, _, inner = described["key"].partition(".")
        if inner:
            nested[inner] = found
            known[outer] = Property(f"{name}.{outer}", required=True)
            types[f"{name}.{outer}"] = Type(nested)
        else:
            known[outer] = found
    return Type(known)


def _model_type(models: Any, described: str, types: dict[str, Type]) -> str:
    if listed := re.fullmatch(r"\[(.+)\]", described):
        return _model_type(models, listed[1], types) + "[]"
    if mapped := re.fullmatch(r"\{(.+)\}", described):
        types[described] = Type({}, _model_type(models, mapped[1], types))
        return described
    model = getattr(models, described, None)
    if hasattr(model, "_attribute_map"):
        if described not in types:
            types[described] = Type({})  # a type may hold itself
            types[described] = _of_model(models, described, types)
        return described
    return {"str": "string"}.get(described, described if described in _PLAIN else "any")
