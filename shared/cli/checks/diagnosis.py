"""What a check found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`remedy` is what to do, and where a firewall stands in the way, which rule to ask for."""

    subject: str
    grade: Grade
    said: str
    remedy: str | None = None

    def to_json(self) -> dict[str, str | None]:
        return {
            "subject": self.subject,
            "grade": self.grade.value,
            "message": self.said,
            "remedy": self.remedy,
        }
