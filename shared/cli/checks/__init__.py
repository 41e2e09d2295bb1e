"""The checks of the doctor, one after the other."""

from .diagnosis import Diagnosis, Grade

__all__ = ["Diagnosis", "Grade"]
