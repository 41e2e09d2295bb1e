"""The typed errors."""

from shared.domain.codes import lookup
from shared.domain.errors import PermanentError


def test_the_typed_errors_say_their_code():
    assert str(PermanentError(lookup("Code"), "what")) == "Code: what"
