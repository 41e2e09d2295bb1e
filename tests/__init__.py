"""No schema here has an internationalised address, so their grammar is not compiled for seconds."""

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema goes on without it
