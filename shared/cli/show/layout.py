"""Texts and rows that fit the width of a terminal, and cut nothing off.

A word is never broken, because addresses, ids and commands are there to be copied. A word that is
too long for its line makes the line longer, and the terminal goes on in the next one. If the output
is no terminal, each text and each row is one line.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

LEAST_ROOM = 24
"""Columns that a text needs beside the other cells of its row. Otherwise it stands below them."""
_GAP, _BELOW = 2, 4


@dataclass(frozen=True, slots=True)
class Lines:
    """A text in lines; `first` comes before the first one, and each other begins below its end."""

    text: str
    style: str = ""
    first: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = len(self.first)
        first, *more = _in_lines(Text(self.text, self.style), _room(console, options, indent))
        yield Text(self.first, self.style) + first
        yield from _indented(more, indent)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows with their headings. The last cell of each row is a text, and may take several lines.

    If a row has no room for its text, the text stands below the row.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths
        room, below = (_room(console, options, n) for n in (_width(widths), _BELOW))

        headings = [Text(each, style="bold") for each in self.headings]
        beside = any(_fits(row[-1], room) for row in self.rows)
        yield _line(headings if beside else headings[:-1], widths)

        for row in self.rows:
            lines = (
                _beside(row, widths, room) if _fits(row[-1], room) else _below(row, widths, below)
            )
            yield from lines

    @property
    def _widths(self) -> Sequence[int]:
        """The width of each column but the last."""
        heads = [Text(each) for each in self.headings]
        columns = zip(*(row[:-1] for row in (heads, *self.rows)), strict=True)
        return [max(cell.cell_len for cell in column) for column in columns]


def _beside(row: Sequence[Text], widths: Sequence[int], room: int) -> Iterator[Text]:
    first, *more = _in_lines(row[-1], room)
    yield _line([*row[:-1], first], widths)
    yield from _indented(more, _width(widths))


def _below(row: Sequence[Text], widths: Sequence[int], room: int) -> Iterator[Text]:
    yield _line(row[:-1], widths)
    if row[-1].plain:
        yield from _indented(_in_lines(row[-1], room), _BELOW)


def _width(widths: Sequence[int]) -> int:
    return sum(width + _GAP for width in widths)


def wrapped(text: str, room: int) -> list[str]:
    """Break the text at its spaces, so that each line has room if each word has."""
    return textwrap.wrap(text, max(1, room), break_long_words=False, break_on_hyphens=False)


def _room(console: Console, options: ConsoleOptions, taken: int) -> int:
    return options.max_width - taken if console.is_terminal else 10**9


def _fits(text: Text, room: int) -> bool:
    """Whether the text can stand beside the other cells of its row."""
    longest_word = max(map(len, text.plain.split()), default=0)
    return room >= max(longest_word, min(LEAST_ROOM, text.cell_len))


def _in_lines(text: Text, room: int) -> list[Text]:
    """Return at least one line. A text that fits into one keeps its colours."""
    if text.cell_len <= room:
        return [text]
    return [Text(line, style=text.style) for line in wrapped(text.plain, room)]


def _indented(lines: Sequence[Text], indent: int) -> list[Text]:
    return [Text(" " * indent) + line for line in lines]


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for place, cell in enumerate(cells):
        if place:
            line += " " * (widths[place - 1] + _GAP - cells[place - 1].cell_len)
        line += cell
    line.rstrip()
    return line
