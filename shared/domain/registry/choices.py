"""The choices that a person has for a route table."""

from enum import StrEnum


class AddressSource(StrEnum):
    """Who says which addresses are wanted: the service tags, the environment's own API, or both."""

    SERVICE_TAG = "serviceTag"
    ASE = "ase"
    BOTH = "both"


class RouteStyle(StrEnum):
    """A route for each prefix, or one for each service tag whose prefixes Azure then knows."""

    PREFIXES = "prefixes"
    SERVICE_TAG = "serviceTag"
