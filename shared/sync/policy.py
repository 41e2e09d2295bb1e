"""The operator's decisions for all route tables. The wiring makes them from the settings."""

from dataclasses import dataclass

from ..domain.routing.policy import ApplyPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings by which every table is planned and written.

    `owner` begins the names of our routes. `grace_days` is how long a route stays after its prefix
    left its sources. `max_removed_percent` is the largest share of the owned routes that one run
    may remove. `next_hop_types` are the types that the API version in use knows. If `paused`, runs
    plan and write nothing.
    """

    owner: str
    default_service_tag: str
    allowed_service_tags: frozenset[str]
    grace_days: int
    max_removed_percent: int
    apply_policy: ApplyPolicy
    next_hop_types: frozenset[str]
    paused: bool
