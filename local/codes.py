"""The tables of codes in docs/operations.md, from the list of codes: `make codes`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from shared.domain.codes import CODES, Code, Grade, Place

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"

# Words that a reader types or searches for get backticks: settings, keys, codes, actions, commands.
_LITERAL = re.compile(
    r"\b[A-Z]+(?:_[A-Z]+)+|\b[a-z]+(?:_[a-z]+)+"
    r"|\b[a-z]+[A-Z]\w*(?:: \w+)?|[A-Z][a-z]+(?:[A-Z][a-z]+)+|nsg: \w+"
    r"|Microsoft\.[A-Za-z]+(?:/\w+)+|(?:GET|POST) /api/[\w-]+|ase-route-sync (?:tables )?\w+"
    r"|az login|--yes"
)
_TABLE = re.compile(r"(<!-- codes:begin (\w+) -->\n).*?(<!-- codes:end -->)", re.DOTALL)

type _Row = Callable[[Code], tuple[str, ...]]


def page(text: str) -> str:
    """Return the page with the tables as the list of codes has them."""
    return _TABLE.sub(lambda found: found[1] + _tables()[found[2]] + found[3], text)


def _tables() -> Mapping[str, str]:
    """Each table by the name in its marker."""
    blocking = _codes(Place.REPORT, Grade.BLOCKS)
    noted = _codes(Place.REPORT, Grade.ATTENTION, Grade.INFO)

    return {
        "alarms": _table("alarm | means | do", _codes(Place.ALARM), _plain),
        "failed": _table("code | means | do", _codes(Place.REPORT, Grade.FAILS), _plain),
        "blocked": _table("code | means | do | may be forced", blocking, _forceable),
        "noted": _table("code | grade | means | do", noted, _graded),
        "refused": _table("code | means | do", _codes(Place.REQUEST), _plain),
    }


def _codes(place: Place, *grades: Grade) -> Iterator[Code]:
    """The codes of this place; if grades are given, only these."""
    for code in CODES.values():
        if place in code.places and (not grades or code.grade in grades):
            yield code


def _table(head: str, codes: Iterable[Code], row: _Row) -> str:
    lines = [f"| {head} |", f"|{'---|' * len(head.split(' | '))}"]
    lines += (f"| {' | '.join(row(code))} |" for code in sorted(codes, key=lambda c: c.name))
    return "".join(f"{line}\n" for line in lines)


def _plain(code: Code) -> tuple[str, ...]:
    see = ", ".join(f"`{name}`" for name in code.related)
    remedy = _marked(code.remedy) + (f" See also {see}." if see else "")
    return f"`{code}`", _marked(code.meaning), remedy


def _forceable(code: Code) -> tuple[str, ...]:
    return (*_plain(code), "yes" if code.forceable else "no")


def _graded(code: Code) -> tuple[str, ...]:
    name, *rest = _plain(code)
    return (name, code.grade.value, *rest)


def _marked(text: str) -> str:
    return _LITERAL.sub(lambda word: f"`{word[0]}`", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
