"""What is registered for a route table, and what it has applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from ..addresses import Source
from ..armid import EnvironmentId, RouteTableId
from ..routing.policy import ApplyPolicy
from ..times import utc_text
from .choices import AddressSource, RouteStyle
from .contest import Contest
from .holds import Hold
from .state import LastOutcome, Reading


@dataclass(frozen=True, slots=True)
class RouteException:
    """A foreign route on a wanted prefix that is meant to be there, to the end of a day (UTC)."""

    prefix: str
    reason: str
    until: date

    def to_json(self) -> dict[str, str]:
        return {"prefix": self.prefix, "reason": self.reason, "until": self.until.isoformat()}


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered route table. Its desired set is the union of its sources.

    `former_sources` are those it had, and until when. `sound_foreign` are the hashes of what was
    not ours when the table was last seen sound, and as our last write was to leave it.
    `subnet_ids` (lower case) have the table, as last read; None before that. `owned_left` are the
    prefixes of our routes as we last left it. `verified_at` is when it was last found right, and
    `watched_since` when the daily check first looked at it.
    """

    route_table_id: RouteTableId
    service_tags: tuple[str, ...]
    ase_id: EnvironmentId | None = None
    address_source: AddressSource = AddressSource.SERVICE_TAG
    route_style: RouteStyle = RouteStyle.PREFIXES
    apply_policy: ApplyPolicy | None = None
    exceptions: tuple[RouteException, ...] = ()
    enabled: bool = True
    note: str | None = None
    former_sources: Mapping[Source, datetime] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    applied_version_ids: tuple[str, ...] = ()
    verified_at: datetime | None = None
    sound_foreign: frozenset[str] = frozenset()
    subnet_ids: frozenset[str] | None = None
    owned_left: frozenset[str] | None = None
    contest: Contest = field(default_factory=Contest)
    last_outcome: LastOutcome | None = None
    watched_since: datetime | None = None
    reading: Reading | None = None

    @property
    def known_sources(self) -> tuple[Source, ...]:
        """Every source that has something to say of this table: what it wants is compared, too."""
        return self.service_tags if self.ase_id is None else (*self.service_tags, self.ase_id.key)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Those that say what is wanted."""
        if self.address_source is AddressSource.SERVICE_TAG or self.ase_id is None:
            return self.service_tags
        if self.address_source is AddressSource.ASE:
            return (self.ase_id.key,)
        return self.known_sources

    def replaced_by(self, new: "Registration", at: datetime) -> "Registration":
        """The new one, with what was seen and held of this; a source that it lost is a former."""
        former = {
            **dict.fromkeys(self.sources, at),
            **self.former_sources,
        }
        return replace(
            new,
            former_sources={s: left for s, left in former.items() if s not in new.sources},
            holds=self.holds,
            applied_version_ids=self.applied_version_ids,
            verified_at=self.verified_at,
            sound_foreign=self.sound_foreign,
            subnet_ids=self.subnet_ids,
            owned_left=self.owned_left,
            contest=self.contest,
            last_outcome=self.last_outcome,
            watched_since=self.watched_since,
            reading=self.reading,
        )

    def accepted(self, today: date) -> dict[str, str]:
        """The reason of each exception that has not ended."""
        return {e.prefix: e.reason for e in self.exceptions if today <= e.until}

    def to_json(self) -> dict[str, Any]:
        return {
            "routeTableId": str(self.route_table_id),
            "aseId": str(self.ase_id) if self.ase_id else None,
            "serviceTags": list(self.service_tags),
            "addressSource": self.address_source.value,
            "routeStyle": self.route_style.value,
            "applyPolicy": self.apply_policy.value if self.apply_policy else None,
            "exceptions": [exception.to_json() for exception in self.exceptions],
            "held": [hold.to_json() for hold in self.holds],
            "contested": self.contest.to_json(),
            "enabled": self.enabled,
            "note": self.note,
            "appliedVersionIds": list(self.applied_version_ids),
            "verifiedAt": None if self.verified_at is None else utc_text(self.verified_at),
            "lastOutcome": None if self.last_outcome is None else self.last_outcome.to_json(),
        }
