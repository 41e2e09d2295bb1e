"""How many cases a test draws: some each time, and many with THOROUGH=1, as each week."""

import os


def cases(*, some: int, many: int) -> int:
    return many if os.environ.get("THOROUGH") else some
