"""Role assignments by scope and action, evaluated as Azure RBAC does."""

import fnmatch
from dataclasses import dataclass, field

from .target import key_of


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        return _any_matches(self.actions, action) and not _any_matches(self.not_actions, action)


OWNER = Role("Owner", ("*",))
READER = Role("Reader", ("*/read",))


@dataclass(kw_only=True, eq=False)
class Principal:
    object_id: str
    client_id: str
    """The application: of a person, the one by which the person has signed in."""
    sign_in_name: str = ""
    """Only a person has one."""
    assignments: list[tuple[str, Role]] = field(default_factory=list)
    """Scope and role. A role applies at its scope and everywhere below it."""

    def roles_at(self, scope: str) -> list[Role]:
        return [role for role_scope, role in self.assignments if within(scope, role_scope)]

    def may(self, action: str, scope: str) -> bool:
        return any(role.allows(action) for role in self.roles_at(scope))

    def sees(self, scope: str) -> bool:
        """Return whether the principal has a role at the scope, above it or below it."""
        return any(
            within(scope, role_scope) or within(role_scope, scope)
            for role_scope, _ in self.assignments
        )


NOBODY = Principal(object_id="", client_id="")


def within(scope: str, ancestor: str) -> bool:
    scope, ancestor = key_of(scope), key_of(ancestor).rstrip("/")
    return scope == ancestor or scope.startswith(f"{ancestor}/")


def _any_matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
