"""docs/operations.md has an entry for each code that the product can raise."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RAISE = {
    *("PermanentError", "TransientError", "ConcurrentUpdate", "PreconditionFailed"),
    *("Finding", "Violation", "block", "listed", "Alarm", "HttpError", "NotFound", "Refused"),
}
"""Whatever is called with a code first."""
CODE = re.compile(r"[A-Za-z]+(_[A-Z]+)*")


def trees() -> list[ast.Module]:
    return [ast.parse(file.read_text()) for file in (ROOT / "shared").rglob("*.py")]


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    yield target.id, node.value.value


def codes() -> set[str]:
    found: set[str] = set()
    parsed = trees()
    known = dict(constant for tree in parsed for constant in constants(tree))
    for node in (node for tree in parsed for node in ast.walk(tree)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in RAISE:
            found |= {code for code in (_code(a, known) for a in node.args[:2]) if code}
    return found


def _code(argument: ast.expr, known: dict[str, str]) -> str | None:
    match argument:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            return text
        case ast.Name(id=name):
            return known.get(name)
        case _:
            return None


def documented() -> set[str]:
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`(\w+)`", row.split(" | ")[0])}


def test_the_codes_are_found():
    assert {"MOVED_ON", "MAX_REMOVED_PERCENT", "NsgDenies", "RunNotFound", "TABLE_BUSY"} <= codes()


def test_each_code_has_an_entry():
    assert codes() - documented() == set()
