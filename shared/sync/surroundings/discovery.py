"""Find environments, resources of services, their surroundings, and tables with our routes.

A discovery looks through one subscription after the other. There may be many, so each message of
its run does a part of the work. The store keeps what was found, and the next message goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import batched

from ...domain import codes
from ...domain.armid import RouteTableId
from ...domain.errors import ConcurrentUpdate, TransientError
from ...domain.findings import Finding
from ...domain.runs.run import Progress, Run
from ...domain.surroundings.search import SearchedSubscription
from ...domain.surroundings.service_resources import ServiceResource
from ..ports import Azure, Clock, Store
from ..requester import Requester
from .subscription import SubscriptionSearch
from .work import Listed, Work

LONGEST = timedelta(minutes=1)
"""After that, a message begins nothing new. An invocation may take 200 s, so what has begun by then
has time to end.
"""
MOST_NAMED = 10
SUBSCRIPTIONS_A_QUERY = 200
"""A query may name 1,000. Source: "Guidance for throttled requests in Azure Resource Graph", which
recommends groups of fewer than 300.
"""


@dataclass(frozen=True, slots=True)
class Discovery:
    store: Store
    azure: Azure
    clock: Clock
    subscription_search: SubscriptionSearch

    def go_on(self, run: Run) -> Progress:
        """Look through subscriptions for a minute.

        It is safe to repeat. If two workers do it at the same time, one of them gives way. Raise
        RouteSyncError if the visible subscriptions cannot be listed, or TransientError if
        everything that is left has failed and may succeed later.
        """
        if run.fanned_out_at is None and not self._begun(run):
            return Progress.LEFT

        works = self._works(run)
        for work in works:
            self.subscription_search.look_through(work)
            if not self._saved(run, work.result):
                return Progress.TAKEN
            # The clock may have gone back since the search was interrupted.
            if work.is_interrupted or self.subscription_search.is_late(work):
                return Progress.LEFT

        _raise_passing(works)
        return Progress.DONE

    def error_of(self, run: Run) -> Finding | None:
        """Return the error of a discovery that is complete, if anything in it has failed."""
        parts = self.store.searches.list(run.run_id)
        failed = [part.subscription_id for part in parts if part.errors]
        if not failed:
            return None

        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        named = ", ".join(failed[:MOST_NAMED]) + more
        message = f"something failed in {len(failed)} of {len(parts)} subscriptions: {named}"
        return Finding(codes.DISCOVERY_INCOMPLETE, message)

    def due_after(self, _run: Run) -> Sequence[str]:
        """Whoever asked for it reads the report."""
        return ()

    def _begun(self, run: Run) -> bool:
        """Note in which subscriptions to look.

        Return whether no other worker has done that meanwhile.
        """
        known = self._tables_by_subscription()
        asked = run.request.search.subscriptions or self.azure.environments.subscriptions()
        parts = [SearchedSubscription(each, tuple(known.get(each.lower(), ()))) for each in asked]

        try:
            self.store.searches.expect(run.run_id, parts)
            self.store.runs.replace(replace(run, fanned_out_at=self.clock()))
        except ConcurrentUpdate:
            return False
        return True

    def _tables_by_subscription(self) -> Mapping[str, Sequence[RouteTableId]]:
        """Return the tables that are registered now."""
        known: dict[str, list[RouteTableId]] = {}
        for entry in self.store.registrations.list():
            table = entry.route_table_id
            known.setdefault(table.subscription_id.lower(), []).append(table)
        return known

    def _works(self, run: Run) -> Sequence[Work]:
        by = Requester(run.request.trigger, run.request.requested_by)
        registered = {r.route_table_id: r for r in self.store.registrations.list()}
        ends = self.clock() + LONGEST

        # A subscription in which something has failed comes last, so that it delays no other.
        parts = sorted(self.store.searches.open(run.run_id), key=lambda part: part.failures)
        listed = self._listed([part.subscription_id for part in parts])
        make = partial(Work, search=run.request.search, by=by, registered=registered, ends=ends)
        return [make(part=part, listed=listed[part.subscription_id]) for part in parts]

    def _listed(self, subscription_ids: Sequence[str]) -> Mapping[str, Listed]:
        """Ask Azure Resource Graph once for many subscriptions; an error is noted for each."""
        listed: dict[str, Listed] = {}
        for batch in batched(subscription_ids, SUBSCRIPTIONS_A_QUERY, strict=False):
            found: dict[str, list[ServiceResource]] = {each.lower(): [] for each in batch}
            failure: Exception | None = None
            try:
                for resource in self.azure.service_resources.list(batch):
                    found[resource.resource_id.subscription_id.lower()].append(resource)
            except Exception as error:  # whatever it is, the environments are found
                failure = error
            listed |= {each: Listed(tuple(found[each.lower()]), failure) for each in batch}
        return listed

    def _saved(self, run: Run, part: SearchedSubscription) -> bool:
        """Return whether no other worker has saved the subscription meanwhile."""
        try:
            self.store.searches.save(run.run_id, part)
        except ConcurrentUpdate:
            return False
        return True


def _raise_passing(works: Sequence[Work]) -> None:
    for work in works:
        error = work.passing
        if error is not None:
            raise TransientError(error.code, f"{work.subscription_id}: {error.message}")
