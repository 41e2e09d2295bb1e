"""ARM resource ids, which ignore case when they are compared.

Name rules: "Naming rules and restrictions for Azure resources" (Microsoft.Network/routeTables,
virtualNetworks, networkSecurityGroups; resourceGroups; Microsoft.Web/hostingEnvironments).
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Self

SUBSCRIPTION_ID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})
"""The categories of Unicode that Azure calls alphanumerics."""
_WITHOUT_CAPITAL = frozenset("\N{LATIN SMALL LETTER DOTLESS I}\N{LATIN SMALL LETTER LONG S}")
"""Azure leaves them alone, because their capitals are letters of ASCII."""
_FIRST_PLANE = 0x10000
"""A letter below this is one UTF-16 unit."""
_LETTERS_KEPT = 4096
"""More than the names of a customer have, and far fewer than a stranger could send."""
_LONGEST_GROUP = 90
_LONGEST_NAME = 80

_IN_GROUP = "/subscriptions/*/resourceGroups/*/providers"
_IN_NETWORK = f"{_IN_GROUP}/Microsoft.Network/virtualNetworks/*/subnets/*"


def ignoring_case(text: str) -> str:
    """Return the text as ARM compares it, in lower case as far as that loses nothing.

    ARM compares by the capital of each UTF-16 unit, one for one ("ordinal ignore case"). Python's
    `lower` and `casefold` make two letters of one, or one of two that Azure tells apart.
    """
    return text.lower() if text.isascii() else "".join(map(_small, text))


def subscription_in(text: str) -> str | None:
    """Return the subscription of an id, of whatever kind; None if the id names none."""
    found = _names(text, "/subscriptions/*", whole=False)
    return found[0] if found else None


@dataclass(frozen=True, slots=True, eq=False)
class _Id:
    """Ids that differ only in case are equal."""

    @property
    def key(self) -> str:
        """The id ignoring case, equal for every spelling of the same id. It is an id itself."""
        return ignoring_case(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Id) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, slots=True, eq=False)
class ResourceId(_Id):
    """The ARM id of a resource in a resource group."""

    subscription_id: str
    resource_group: str
    name: str

    provider_type: ClassVar[str]
    noun: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if the text is not the id of a resource of this type."""
        found = cls._found(_names(text, f"{_IN_GROUP}/{cls.provider_type}/*"))
        if found is None:
            raise ValueError(f"not the ARM id of {cls.noun}: {text[:300]!r}")
        return found

    @classmethod
    def around(cls, text: str) -> Self | None:
        """Return the resource of this type that the id names, or in which its resource is."""
        return cls._found(_names(text, f"{_IN_GROUP}/{cls.provider_type}/*", whole=False))

    @classmethod
    def matches(cls, text: str) -> bool:
        return cls._found(_names(text, f"{_IN_GROUP}/{cls.provider_type}/*")) is not None

    @classmethod
    def _found(cls, names: tuple[str, ...]) -> Self | None:
        if not names:
            return None
        subscription, group, name = names
        legal = SUBSCRIPTION_ID.fullmatch(subscription) and _is_group(group) and _is_name(name)
        return cls(subscription, group, name) if legal else None

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{self.provider_type}/{self.name}"
        )


class RouteTableId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/routeTables"
    noun = "a route table"


class EnvironmentId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Web/hostingEnvironments"
    noun = "an App Service Environment"


class SecurityGroupId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/networkSecurityGroups"
    noun = "a network security group"


class VirtualNetworkId(ResourceId):
    __slots__ = ()
    provider_type = "Microsoft.Network/virtualNetworks"
    noun = "a virtual network"


@dataclass(frozen=True, slots=True, eq=False)
class ServiceResourceId(_Id):
    """The ARM id of a resource of whatever type, for example `Microsoft.Databricks/workspaces`."""

    subscription_id: str
    resource_group: str
    provider_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if the text is not the id of a resource in a resource group."""
        names = _names(text, f"{_IN_GROUP}/*/*/*")
        if not names or not SUBSCRIPTION_ID.fullmatch(names[0]) or not all(names):
            raise ValueError(f"not the ARM id of a resource: {text[:300]!r}")
        subscription, group, namespace, kind, name = names
        return cls(subscription, group, f"{namespace}/{kind}", name)

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{self.provider_type}/{self.name}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class SubnetId(_Id):
    virtual_network: VirtualNetworkId
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if the text is not the id of a subnet."""
        names = _names(text, _IN_NETWORK)
        network = VirtualNetworkId.around(text)
        if not names or network is None or not _is_name(names[-1]):
            raise ValueError(f"not the ARM id of a subnet: {text[:300]!r}")
        return cls(network, names[-1])

    def __str__(self) -> str:
        return f"{self.virtual_network}/subnets/{self.name}"


def _names(text: str, form: str, *, whole: bool = True) -> tuple[str, ...]:
    """Return the segments of an id that stand in the place of a `*`; none if it has another form.

    Without `whole`, further segments may follow. Every other segment is compared without case.
    """
    found, wanted = text.split("/"), _segments(form)
    if len(found) < len(wanted) or (whole and len(found) > len(wanted)):
        return ()
    pairs = list(zip(found, wanted, strict=False))
    same = all(ignoring_case(f) == w for f, w in pairs if w != "*")
    return tuple(f for f, w in pairs if w == "*") if same else ()


@functools.cache
def _segments(form: str) -> list[str]:
    return ignoring_case(form).split("/")


def _is_group(text: str) -> bool:
    legal = all(map(_is_word, {*text}.difference("-.()")))
    return legal and 1 <= len(text) <= _LONGEST_GROUP and not text.endswith(".")


def _is_name(text: str) -> bool:
    legal = all(map(_is_word, {*text}.difference("-.")))
    return legal and 1 <= len(text) <= _LONGEST_NAME and _is_word(text[0]) and _is_word(text[-1])


@functools.lru_cache(_LETTERS_KEPT)
def _is_word(letter: str) -> bool:
    # Azure looks at UTF-16 units, of which none beyond the first plane is a letter.
    one_unit = ord(letter) < _FIRST_PLANE
    return letter == "_" or (one_unit and unicodedata.category(letter) in _LETTERS)


@functools.lru_cache(_LETTERS_KEPT)
def _small(letter: str) -> str:
    """Return the small letter that has the same capital, or the capital if there is none."""
    capital = _capital(letter)
    small = capital.lower()
    return small if len(small) == 1 and _capital(small) == capital else capital


def _capital(letter: str) -> str:
    """Return the letter's own capital, which is one letter; the letter itself if it has none.

    Source: `InitOrdinalCasingPage` of dotnet/runtime.
    """
    if letter in _WITHOUT_CAPITAL:
        return letter
    # Some Greek letters have a capital of one letter beside the one of two that `upper` gives.
    capital = next((c for c in (letter.upper(), letter.title()) if len(c) == 1), letter)
    return capital if ord(letter) < _FIRST_PLANE else letter
