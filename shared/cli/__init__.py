"""The command line: the functions' own code, run in place.

Exit status: 0 done or nothing to do, 1 failed, 2 changes are planned or wait, 3 blocked, 130
interrupted.
"""

from .main import main

__all__ = ["main"]
