"""What a Bicep file names: whether it is there, and whether modules are given what they ask for.

The compiler's first questions, for where there is none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tree_sitter import Node

from .bicep import declarations, objects, parsed, properties, text

FUNCTIONS = frozenset(
    {
        *("concat", "contains", "empty", "items", "last", "map", "split", "string", "trim"),
        *("union", "guid", "uniqueString", "loadJsonContent", "loadTextContent"),
        *("environment", "resourceGroup", "subscription", "subscriptionResourceId", "tenant"),
        *("allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"),
    }
)
"""Those of Bicep that are used here: one that is new is looked up, and added."""
_DECLARES = {
    "params": "parameter_declaration",
    "variables": "variable_declaration",
    "resources": "resource_declaration",
    "modules": "module_declaration",
    "outputs": "output_declaration",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file's declarations by name, each by kind."""

    root: Node
    declared: Mapping[str, Mapping[str, Node]]

    @classmethod
    def read(cls, source: bytes) -> Self:
        root = parsed(source)
        return cls(root, {name: declarations(root, kind) for name, kind in _DECLARES.items()})

    @property
    def names(self) -> set[str]:
        """What an expression may name."""
        return {
            name for kind, found in self.declared.items() if kind != "outputs" for name in found
        }

    @property
    def required(self) -> set[str]:
        """Parameters without a default: a name and a type alone."""
        params = self.declared["params"].items()
        return {name for name, node in params if len(node.named_children) == 2}


def faults(file: Path, source: bytes) -> Iterator[str]:
    """What is named and not there, what is there and never named, what a module is not given.

    `file` says where the modules are that it names.
    """
    here = Source.read(source)
    modules = {name: _module(file, node) for name, node in here.declared["modules"].items()}
    used: set[str] = set()
    for node in here.root.named_children:
        for name in _named(node, frozenset()):
            used.add(name)
            if name not in here.names | FUNCTIONS:
                yield f"{name} is not declared"
        yield from _unknown_outputs(node, modules)
    for kind in ("params", "variables"):
        yield from (f"{name} is never used" for name in here.declared[kind] if name not in used)
    for name, node in here.declared["modules"].items():
        given = _given(node)
        yield from (f"{name}: {p} is not given" for p in modules[name].required - given)
        known = modules[name].declared["params"].keys()
        yield from (f"{name}: it has no {p}" for p in given - known)


def _named(node: Node, own: frozenset[str]) -> Iterator[str]:
    """The names in an expression or a declaration; `own` are those of loops and lambdas around."""
    children = node.named_children
    match node.type:
        case "identifier":
            if text(node) not in own:
                yield text(node)
            return
        case "object_property" if len(children) == 2:
            children = children[1:] if children[0].type == "identifier" else children
        case "for_statement":
            *names, iterated, body = [c for c in children if c.type != "comment"]
            yield from _named(iterated, own)
            yield from _named(body, own | {text(name) for name in names})
            return
        case "lambda_expression":
            *names, body = children
            yield from _named(body, own | {text(name) for name in names})
            return
        case kind if kind in _DECLARES.values():
            children = children[1:]
        case "type":
            return
    for child in children:
        yield from _named(child, own)


def _unknown_outputs(node: Node, modules: Mapping[str, Source]) -> Iterator[str]:
    """Of `module.outputs.name`."""
    if node.type == "member_expression":
        whole = text(node).replace("!", "").split(".")
        if len(whole) == 3 and whole[0] in modules and whole[1] == "outputs":
            if whole[2] not in modules[whole[0]].declared["outputs"]:
                yield f"{text(node)} is no output"
            return
    for child in node.named_children:
        yield from _unknown_outputs(child, modules)


def _module(file: Path, node: Node) -> Source:
    return Source.read((file.parent / text(node.named_children[1]).strip("'")).read_bytes())


def _given(node: Node) -> set[str]:
    """The parameters that a module gets."""
    [body] = objects(node.named_children[-1], {})
    params = properties(body).get("params")
    return set() if params is None else set(properties(params))
