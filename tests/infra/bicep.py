"""What the Bicep files declare, by tree-sitter's grammar: enough to hold it against a schema."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).parents[2] / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
_PARSER = Parser(Language(tree_sitter_bicep.language()))


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource with the objects that may be its body, and the variables of its file."""

    type: str
    api_version: str
    symbol: str
    bodies: tuple[Node, ...]
    variables: Mapping[str, Node]

    @property
    def body(self) -> dict[str, Any]:
        """As `plain` has it; parts of a union are one."""
        return _merged(self.bodies, self.variables)


def parsed(source: bytes) -> Node:
    return _PARSER.parse(source).root_node


def planted(file: Path, right: str, wrong: str) -> bytes:
    """The file with a fault in it, in the place of what is right."""
    source = file.read_text()
    assert right in source
    return source.replace(right, wrong).encode()


def declarations(root: Node, kind: str) -> dict[str, Node]:
    """Of a kind, by name: `module_declaration` and the like."""
    found = [node for node in root.named_children if node.type == kind]
    return {text(node.named_children[0]): node for node in found}


def declared(source: bytes) -> Iterator[Declared]:
    """Every resource that is made, and not one that only is named as `existing`."""
    root = parsed(source)
    variables = _meanings(root, "variable_declaration")
    for node in root.named_children:
        yield from _declared(node, variables)


def _declared(
    node: Node, variables: Mapping[str, Node], parent: tuple[str, str] | None = None
) -> Iterator[Declared]:
    if node.type != "resource_declaration" or any(text(c) == "existing" for c in node.children):
        return
    symbol, kind, *_, value = node.named_children
    name, _, api_version = text(kind).strip("'").partition("@")
    if parent is not None:
        name, api_version = f"{parent[0]}/{name}", parent[1]
    bodies = tuple(objects(value, variables))
    yield Declared(name, api_version, text(symbol), bodies, variables)
    for body in bodies:
        for held in body.named_children:
            for child in held.named_children:
                yield from _declared(child, variables, (name, api_version))


def objects(node: Node, variables: Mapping[str, Node]) -> Iterator[Node]:
    """The objects that an expression may come to, as far as the text says."""
    for value in values(node, variables):
        if value.type == "object":
            yield value


def values(node: Node, variables: Mapping[str, Node]) -> Iterator[Node]:
    """What an expression may come to: either way of a condition, each part of a union."""
    match node.type:
        case "identifier" if text(node) in variables:
            yield from values(variables[text(node)], variables)
        case "ternary_expression":
            for way in node.named_children[1:]:
                yield from values(way, variables)
        case "if_statement" | "for_statement" | "parenthesized_expression":
            yield from values(node.named_children[-1], variables)
        case "call_expression" if called(node) in {"union", "concat"}:
            for part in node.named_children[1].named_children:
                yield from values(part, variables)
        case _:
            yield node


def called(node: Node) -> str:
    """The function of a call."""
    return text(node.named_children[0])


def properties(node: Node) -> dict[str, Node]:
    """Of an object."""
    pairs = [child.named_children for child in node.named_children if _is_pair(child)]
    return {text(key).strip("'"): value for key, value in pairs}


def literal(node: Node) -> str | None:
    """The text of a string in which nothing is filled in."""
    if node.type != "string" or any(c.type != "string_content" for c in node.named_children):
        return None
    return text(node)[1:-1]


def text(node: Node) -> str:
    return (node.text or b"").decode()


def _is_pair(node: Node) -> bool:
    return node.type == "object_property" and len(node.named_children) == 2


def root_of(name: str) -> Node:
    """Of a file in `infra/`."""
    return parsed((INFRA / name).read_bytes())


def variables_of(name: str) -> dict[str, Any]:
    """The variables of a file, each as `plain` has it."""
    found = _meanings(root_of(name), "variable_declaration")
    return {symbol: plain(node, found) for symbol, node in found.items()}


def body_of(name: str, symbol: str) -> dict[str, Any]:
    """The body of a resource that a file makes."""
    [resource] = [r for r in declared((INFRA / name).read_bytes()) if r.symbol == symbol]
    return resource.body


def module_of(name: str, symbol: str) -> dict[str, Any]:
    """What a file gives to a module."""
    modules = _meanings(root_of(name), "module_declaration")
    return _merged([*objects(modules[symbol], {})], {})


def plain(node: Node, variables: Mapping[str, Node]) -> Any:
    """As JSON would have it; whatever is only known when it is deployed is its text."""
    found = [*values(node, variables)]
    if all(value.type == "object" for value in found):
        return _merged(found, variables)
    if len(found) > 1:
        return [plain(value, variables) for value in found]
    match found[0].type:
        case "array":
            return [plain(item, variables) for item in found[0].named_children]
        case "boolean":
            return text(found[0]) == "true"
        case "number":
            return int(text(found[0]))
        case _:
            given = literal(found[0])
            return text(found[0]) if given is None else given


def _merged(nodes: Iterable[Node], variables: Mapping[str, Node]) -> dict[str, Any]:
    return {
        name: plain(value, variables) for node in nodes for name, value in properties(node).items()
    }


def _meanings(root: Node, kind: str) -> dict[str, Node]:
    """What each name of a kind stands for."""
    return {name: node.named_children[-1] for name, node in declarations(root, kind).items()}
