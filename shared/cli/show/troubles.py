"""Show why a command failed, and what `doctor` finds."""

from rich.console import RenderableType
from rich.text import Text

from ..checks import Diagnosis, Grade
from ..errors import Refused

_GRADES = {Grade.OK: ("✓", "green"), Grade.WARNING: ("!", "yellow"), Grade.FAULT: ("✗", "red")}


def error(refused: Refused) -> Text:
    said = Text.assemble(
        ("Error ", "bold red"), (refused.code.name, "bold"), f": {refused.message}"
    )
    for detail in refused.details:
        said.append(f"\n  {detail['target']}: {detail['message']}")
    if not refused.code.azure:  # what to do about Azure's own is in the message
        said.append(f"\n{refused.code.remedy}", style="dim")
    return said


def diagnosis(found: Diagnosis) -> RenderableType:
    sign, colour = _GRADES[found.grade]
    head = Text.assemble((f"{sign} ", colour), (f"{found.subject}: ", "bold"), found.said)
    if found.remedy is not None:
        head.append(f"\n    → {found.remedy}", style="yellow")
    return head
