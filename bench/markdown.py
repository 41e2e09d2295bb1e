"""Tables, and pages whose blocks are made from the results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """Return the page with these blocks. Raise ValueError if the page has no place for one."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, has_begin, rest = page.partition(begin)
        _, has_end, after = rest.partition(end)
        if not (has_begin and has_end):
            raise ValueError(f"the page has no block {name}")
        page = f"{before}{begin}{block}\n{end}{after}"
    return page


def with_multiple(row: Mapping[str, Any], ours: Mapping[str, Any], key: str) -> str:
    """Return a value, with its multiple of ours in brackets."""
    if row is ours:
        return str(row[key])
    times = row[key] / ours[key]
    return f"{row[key]} ({times:.0f})" if times >= 100 else f"{row[key]} ({times:.1f})"
