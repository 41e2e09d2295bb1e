"""What the doctor looks at, one after the other."""

from .diagnosis import Diagnosis, Grade

__all__ = ["Diagnosis", "Grade"]
