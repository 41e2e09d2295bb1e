"""`make reading`: how the code and the pages read, as figures.

A figure says where to look, not what is good. tests/docs/test_reading.py holds each figure within
its bound, so that a change that makes the code denser is seen.
"""

import ast
import builtins
import re
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from radon.complexity import cc_visit

LONG = 12
"""Code lines from which a function needs paragraphs."""
ROOT = Path(__file__).parents[1]
_BUILTINS = frozenset(dir(builtins)) | {"self", "cls"}
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
_HEADLESS = re.compile(
    r"(What(ever)?|Who(ever|m)?|Those|That of|Of (an?|the|its|each|all)|So (many|much|long)"
    r"|How|Whether|Where(?! to)|As (it|the|an?))\b"
)
"""How a sentence begins that has no subject, or a clause in the place of one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, and the bound that it must not pass."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    def __str__(self) -> str:
        bound = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{self.name:<58}{self.value:8.2f}  {bound}"


@dataclass(frozen=True, slots=True)
class LongFunction:
    """The figures of one function of `LONG` or more code lines."""

    code: int
    names: int
    blank: int
    comments: int


def figures(root: Path = ROOT) -> Sequence[Figure]:
    """Measure the package `shared` and the pages below this folder."""
    sources = {path: path.read_text() for path in sorted((root / "shared").rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in sources.items()}
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]

    functions = [f for path in sources for f in _long_functions(trees[path], sources[path])]
    rows = sum(f.code + f.blank + f.comments for f in functions)
    prose = [text for tree in trees.values() for text in _docstrings(tree)]
    prose += [_without_blocks(page.read_text()) for page in pages]
    words = [word for text in prose for word in re.findall(r"[A-Za-z']+", text.lower())]
    sentences = [sentence for text in prose for sentence in _sentences(text)]
    headless = [sentence for sentence in sentences if _is_headless(sentence)]
    code_lines = sum(len(text.splitlines()) for text in sources.values())

    return (
        Figure(
            "names for a code line, median of long functions",
            statistics.median(f.names / f.code for f in functions),
            most=0.70,
        ),
        Figure(
            "blank lines for 100 lines of long functions",
            100 * sum(f.blank for f in functions) / rows,
            least=8,
        ),
        Figure(
            "comment lines for 100 lines of long functions",
            100 * sum(f.comments for f in functions) / rows,
            least=3,
        ),
        Figure("'where' for 1,000 words", 1000 * words.count("where") / len(words), most=2),
        Figure("'if' for 1,000 words", 1000 * words.count("if") / len(words), least=4),
        Figure(
            "sentences without a subject, percent",
            100 * len(headless) / len(sentences),
            most=1,
        ),
        Figure(
            "complexity of the most complex function",
            max(most for text in sources.values() for most in _complexities(text)),
            most=12,
        ),
        Figure(
            "'Any' for 1,000 lines",
            1000 * sum(_any_uses(tree) for tree in trees.values()) / code_lines,
            most=6,
        ),
        Figure(
            "arguments of the longest constructor",
            max(_longest_constructor(path, tree) for path, tree in trees.items()),
            most=7,
        ),
    )


def headless_sentences(root: Path = ROOT) -> Iterator[str]:
    """Yield each sentence without a subject, after the file that has it."""
    for path in sorted((root / "shared").rglob("*.py")):
        for text in _docstrings(ast.parse(path.read_text())):
            found = (sentence for sentence in _sentences(text) if _is_headless(sentence))
            yield from (f"{path.relative_to(root)}: {sentence}" for sentence in found)
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        sentences = _sentences(_without_blocks(page.read_text()))
        found = (sentence for sentence in sentences if _is_headless(sentence))
        yield from (f"{page.relative_to(root)}: {sentence}" for sentence in found)


def _long_functions(tree: ast.Module, text: str) -> Iterator[LongFunction]:
    lines = text.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if not body:
            continue

        rows = [line.strip() for line in lines[body[0].lineno - 1 : body[-1].end_lineno]]
        blank = sum(not row for row in rows)
        comments = sum(row.startswith("#") for row in rows)
        code = len(rows) - blank - comments
        if code >= LONG:
            yield LongFunction(code, len(_names(node)), blank, comments)


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    given = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return (used | given) - _BUILTINS


def _docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of modules, classes and functions, and the notes below constants."""
    for node in ast.walk(tree):
        statements = getattr(node, "body", None)
        for statement in statements if isinstance(statements, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield text


def _without_blocks(page: str) -> str:
    page = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    return re.sub(r"^(\||#|<!--).*$", "", page, flags=re.MULTILINE)


def _sentences(text: str) -> Iterator[str]:
    for part in _SENTENCE_END.split(text):
        sentence = " ".join(part.split()).lstrip("-*> 0123456789.")
        if " " in sentence:
            yield sentence


def _is_headless(sentence: str) -> bool:
    return bool(_HEADLESS.match(sentence)) and not sentence.endswith("?")


def _complexities(text: str) -> Iterator[int]:
    for block in cc_visit(text):
        yield block.complexity
        yield from (method.complexity for method in getattr(block, "methods", ()))


def _any_uses(tree: ast.Module) -> int:
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


def _longest_constructor(path: Path, tree: ast.Module) -> int:
    """Count the arguments of `__init__`, and the fields of a use case.

    A record of plain data, such as the policy, has as many fields as it has.
    """
    is_use_case = "sync" in path.parts
    counted = [
        len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1
        for given in _initializers(tree)
    ]
    if is_use_case and path.name != "policy.py":
        counted += [_fields(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return max(counted, default=0)


def _initializers(tree: ast.Module) -> Iterator[ast.arguments]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield node.args


def _fields(node: ast.ClassDef) -> int:
    if not any(isinstance(child, ast.FunctionDef) for child in node.body):
        return 0
    return sum(isinstance(child, ast.AnnAssign) and child.value is None for child in node.body)


def main() -> int:
    found = figures()
    for figure in found:
        print(figure)
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
