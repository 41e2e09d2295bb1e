"""The compiler, as the tests of the infrastructure have it."""

from tests.infra.conftest import bicep

__all__ = ["bicep"]
