"""The result of one check, and the remedy."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`remedy` says what to do; if a firewall is in the way, it says which rule to ask for."""

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
