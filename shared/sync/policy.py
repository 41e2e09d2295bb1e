"""The decisions of the operator. The wiring makes them from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..domain.routing.policy import ApplyPolicy
from ..domain.runs.run import Mode
from ..domain.services.known import NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that the use cases follow.

    - `cloud` and `service_tag_subscription_id` say where the service tags are read, at each of
      `service_tag_locations`. A tag with an IPv4 prefix shorter than `min_prefix_length` is not
      believed.
    - `default_service_tag` is the tag of a registration that names none, and
      `allowed_service_tags` names the tags that may be registered, and the services.
    - If `discovers_by_tag`, the Azure tags of route tables register them.
    - `owner` begins the names of our routes. `next_hop_types` are the types that the API version
      in use knows.
    - `grace_days` is the time for which a route stays after its prefix left its sources, and
      `max_removed_percent` the largest share of the owned routes that one run may remove.
    - If `paused`, every run only plans.
    - If `notifies`, people are told about runs and checks. `missing_schedules` are the timers that
      never fire, and `wrong_schedules` says what is wrong with the schedules of others.
      `max_age_days` is the age above which a table raises an alarm, and `run_retention_days` the
      time for which runs and checks are kept.
    """

    cloud: str
    service_tag_subscription_id: str
    service_tag_locations: tuple[str, ...]
    min_prefix_length: int
    default_service_tag: str
    allowed_service_tags: frozenset[str]
    discovers_by_tag: bool
    owner: str
    next_hop_types: frozenset[str]
    grace_days: int
    max_removed_percent: int
    apply_policy: ApplyPolicy
    paused: bool
    notifies: bool
    missing_schedules: tuple[str, ...]
    wrong_schedules: Mapping[str, str]
    max_age_days: int
    run_retention_days: int

    def allows(self, service_tag: str) -> bool:
        """Return whether the tag is allowed. An allowed service allows its tags, in any region."""
        services = self.allowed_service_tags & NAMED.keys()
        return service_tag in self.allowed_service_tags - services or any(
            NAMED[name].has(service_tag) for name in services
        )

    @property
    def listed_tags(self) -> frozenset[str]:
        """The allowed tags that are known by name: not those of a service in every region."""
        allowed = self.allowed_service_tags
        of_services = (tag for name in allowed & NAMED.keys() for tag in NAMED[name].global_tags)
        return (allowed - NAMED.keys()).union(of_services)

    def mode(self, asked: Mode) -> Mode:
        """Return the mode of a run for which somebody asked for this mode."""
        return Mode.PLAN if self.paused else asked
