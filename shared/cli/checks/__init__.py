"""What the doctor looks at, one after the other."""

from .finding import Finding, Grade

__all__ = ["Finding", "Grade"]
