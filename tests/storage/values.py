"""Values of every type that is stored, with odd letters in every text."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from shared.domain import codes
from shared.domain.armid import (
    EnvironmentId,
    RouteTableId,
    SecurityGroupId,
    ServiceResourceId,
    SubnetId,
)
from shared.domain.findings import Finding
from shared.domain.people.check_report import CheckedTable, CheckReport, Figures
from shared.domain.people.health import Alarm, Document
from shared.domain.people.next_steps import About
from shared.domain.people.notices import Item, Ledger, OpenFault, Waiting
from shared.domain.registry.azure_tag import TagChange, TagEffect
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.contest import Contest, Undoing
from shared.domain.registry.history import Entry
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.registry.status import LastOutcome, Reading, Status
from shared.domain.routing.changes import Change, Changes, Update
from shared.domain.routing.judgement import Approval, Violation, Withheld
from shared.domain.routing.plan import Conflict, Retained
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.pending import Pending, Written
from shared.domain.runs.run import Action, Mode, Run, RunRequest, RunStatus, Trigger, VersionSeen
from shared.domain.surroundings.search import (
    FoundEnvironment,
    FoundService,
    FoundSubnet,
    Search,
    SearchedSubscription,
    StampedTable,
)
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    ase_id_of,
    subnet_id_of,
    table_id,
)
from tests.builders.services import DATABRICKS, HDINSIGHT, service_id


def made(example: Any) -> Any:
    """Return the value, or make it if the example is the function that makes it.

    Hypothesis writes out each example before it is tried, which takes seconds for a large one.
    """
    return example() if callable(example) else example


# A lone surrogate is no text, but JSON can hold one, and Azure answers in JSON.
texts = st.text(max_size=20) | st.sampled_from(["", "Résumé", "\x00\n\t", "路由 🛣", "\ud800"])
some_text = st.none() | texts
numbers = st.integers(0, 10**9)
prefixes = st.sampled_from(["20.0.0.0/24", "20.0.1.0/24", "2001:db8::/32", "AzureMonitor"])
prefix_lists = st.lists(prefixes, max_size=3).map(tuple)
days = st.dates()
moments = st.datetimes(timezones=st.just(UTC))
subscriptions = st.sampled_from([SUBSCRIPTION, OTHER_SUBSCRIPTION.upper()])
names = st.sampled_from(["rt-1", "RT-1", "a" * 80, "a.b_c-d", "é"])
tables = st.builds(table_id, names, subscriptions).map(RouteTableId.parse)
environments = st.builds(ase_id_of, names, subscriptions).map(EnvironmentId.parse)
names_of_codes = st.sampled_from([*codes.CODES, "AzuresOwn"])
codes_met = names_of_codes.map(codes.lookup)
subnets = st.builds(subnet_id_of, names, subscriptions).map(SubnetId.parse)
groups = (
    st.builds(table_id, names, subscriptions)
    .map(lambda text: text.replace("routeTables", "networkSecurityGroups"))
    .map(SecurityGroupId.parse)
)
findings = st.builds(Finding, codes_met, texts)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
bare_routes = st.fixed_dictionaries(
    {"name": texts, "properties": st.dictionaries(texts, json_values, max_size=3)}
)
changes = st.builds(
    Changes,
    st.dictionaries(
        prefixes, st.builds(Change, st.none() | bare_routes, st.none() | bare_routes), max_size=3
    ),
)


def several[T](values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, max_size=2).map(tuple)


approvals = st.builds(
    Approval,
    st.fixed_dictionaries(
        {kind: st.frozensets(prefixes, max_size=2) for kind in ("added", "updated", "removed")}
    ),
    st.dictionaries(prefixes, codes_met, max_size=2),
    st.frozensets(texts, max_size=2),
)
outcomes = st.builds(
    Outcome,
    tables,
    st.sampled_from(OutcomeStatus),
    version_ids=several(texts),
    plan_checksum=texts,
    added=prefix_lists,
    removed=prefix_lists,
    updated=prefix_lists,
    updates=several(st.builds(Update, prefixes, texts, texts)),
    covered=prefix_lists,
    retained=several(st.builds(Retained, prefixes, days)),
    withheld=several(st.builds(Withheld, prefixes, texts, codes_met)),
    conflicts=several(
        st.builds(Conflict, prefixes, texts, texts, st.booleans(), some_text, some_text)
    ),
    violations=several(
        st.builds(
            Violation,
            codes_met,
            texts,
            numbers | st.floats(0, 1e6),
            numbers | st.floats(0, 1e6),
        )
    ),
    findings=several(findings),
    error=st.none() | findings,
    correlation_id=some_text,
    duration_ms=numbers,
    changes=changes,
    approval=approvals,
)
pendings = st.builds(
    Pending,
    st.just("run"),
    tables,
    applied=st.builds(Written, changes, several(findings)),
    intended=st.builds(Written, changes, several(findings)),
    etag=texts,
    last_error=st.none() | findings,
    correlation_id=some_text,
)
searches = st.builds(
    Search, several(texts), some_text, register=st.booleans(), acknowledge=st.booleans()
)
searched_subscriptions = st.builds(
    SearchedSubscription,
    subscriptions,
    known=several(tables),
    added=several(tables),
    environments=several(
        st.builds(
            FoundEnvironment,
            environments,
            kind=texts,
            location=texts,
            subnet_id=st.none() | subnets,
            route_table_id=st.none() | tables,
            security_group_id=st.none() | groups,
            registered=st.booleans(),
            findings=several(findings),
            error=st.none() | findings,
        )
    ),
    services=several(
        st.builds(
            FoundService,
            st.builds(service_id, st.sampled_from((DATABRICKS, HDINSIGHT)), names).map(
                ServiceResourceId.parse
            ),
            service=texts,
            location=texts,
            subnets=several(
                st.builds(
                    FoundSubnet, subnets, st.none() | tables, st.none() | groups, st.booleans()
                )
            ),
            findings=several(findings),
            error=st.none() | findings,
        )
    ),
    route_tables=several(
        st.builds(StampedTable, tables, numbers, st.none() | environments, st.booleans())
    ),
    errors=several(findings),
    failures=numbers,
    ended=st.booleans(),
)
requests = st.builds(
    RunRequest,
    st.sampled_from(Trigger),
    st.sampled_from(Mode),
    st.sampled_from(Action),
    several(tables),
    plan_run_id=some_text,
    force=several(texts),
    rolled_back_run_id=some_text,
    from_owner=some_text,
    ase_id=st.none() | environments,
    azure_tags=st.dictionaries(texts, texts, max_size=2),
    ensure_nsg=st.booleans(),
    search=searches,
    reason=some_text,
    change_id=some_text,
    requested_by=some_text,
    writers=st.dictionaries(texts, several(texts), max_size=2),
)
counts = st.dictionaries(st.sampled_from(OutcomeStatus), numbers)
runs = st.builds(
    Run,
    st.just("20261123060000123456-0123abcd"),
    requests,
    moments,
    status=st.sampled_from(RunStatus),
    finished_at=st.none() | moments,
    fanned_out_at=st.none() | moments,
    error=st.none() | findings,
    unusable=st.dictionaries(texts, texts, max_size=2),
    versions=several(
        st.builds(VersionSeen, texts, texts, texts, texts, prefix_lists, prefix_lists)
    ),
    counts=counts,
    notice_due=st.booleans(),
)
checked_tables = st.builds(
    CheckedTable,
    route_table_id=tables,
    right=st.booleans(),
    status=st.none() | st.sampled_from(OutcomeStatus),
    error=st.none() | findings,
    days_since_right=st.floats(0, 1e4),
    routes=st.none() | numbers,
    route_limit=st.none() | numbers,
    held=numbers,
    contested=st.booleans(),
    poisoned=st.booleans(),
)
check_reports = st.builds(
    CheckReport,
    check_id=st.just("check-20261123052000000000"),
    at=moments,
    figures=several(checked_tables).map(Figures.of),
    tables=several(checked_tables),
    service_tags=several(texts),
    differs=several(texts),
    unusable=st.dictionaries(texts, findings, max_size=2),
    versions=several(texts),
    document=st.builds(
        Document,
        st.dictionaries(texts, texts, max_size=2),
        moments,
        *[st.dictionaries(texts, moments, max_size=2)] * 2,
    ),
    alarms=several(st.builds(Alarm, codes_met, texts, st.none() | tables)),
    run_id=some_text,
    tag_changes=several(st.builds(TagChange, tables, st.sampled_from(TagEffect), texts)),
    tags_not_read=st.dictionaries(texts, findings, max_size=2),
)
items = st.builds(
    Item,
    texts,
    texts,
    st.none() | tables,
    since=st.none() | moments,
    about=st.builds(
        About,
        route_table_id=st.none() | tables,
        run_id=some_text,
        action=st.sampled_from(Action),
        undone_run_id=some_text,
        prefixes=prefix_lists,
        version_id=some_text,
    ),
    code=st.none() | codes_met,
)
ledgers = st.builds(
    Ledger,
    st.dictionaries(texts, st.builds(OpenFault, texts, items), max_size=2),
    st.none() | days,
    st.none() | days,
    st.dictionaries(texts, st.builds(Waiting, items, several(texts)), max_size=2),
    st.none() | days,
    st.dictionaries(texts, texts, max_size=2),
    texts,
)
registrations = st.builds(
    Registration,
    st.lists(texts, min_size=1, max_size=2).map(tuple),
    ase_id=st.none() | environments,
    address_source=st.sampled_from(AddressSource),
    route_style=st.sampled_from(RouteStyle),
    apply_policy=st.none() | st.sampled_from(ApplyPolicy),
    exceptions=several(st.builds(RouteException, prefixes, texts, days)),
    enabled=st.booleans(),
    note=some_text,
    pin=st.none() | st.builds(Pin, texts, texts, texts, moments),
)
last_outcomes = st.builds(
    LastOutcome,
    texts,
    moments,
    st.sampled_from(OutcomeStatus),
    texts,
    st.none() | findings,
    st.booleans(),
    st.booleans(),
    several(codes_met),
    several(codes_met),
    numbers,
    numbers,
)
entries = st.builds(
    Entry,
    texts,
    moments,
    st.sampled_from(Action),
    st.sampled_from(Trigger),
    st.sampled_from(OutcomeStatus),
    numbers,
    numbers,
    numbers,
    some_text,
)
statuses = st.builds(
    Status,
    former_sources=st.dictionaries(texts, moments, max_size=2),
    holds=several(st.builds(Hold, prefixes, st.booleans(), texts, texts)),
    contest=st.builds(
        Contest, several(st.builds(Undoing, moments, texts, several(texts))), st.none() | moments
    ),
    applied_version_ids=several(texts),
    verified_at=st.none() | moments,
    sound_foreign=st.frozensets(texts, max_size=2),
    subnet_ids=st.none() | st.frozensets(texts, max_size=2),
    owned_left=st.none() | st.frozensets(prefixes),
    last_outcome=st.none() | last_outcomes,
    watched_since=st.none() | moments,
    reading=st.none() | st.builds(Reading, some_text, numbers, st.none() | numbers),
    suspended=st.booleans(),
    history=several(entries),
)
registered_tables = st.builds(
    RegisteredTable,
    tables,
    registrations,
    statuses,
    changed_at=st.none() | moments,
    changed_by=st.none() | st.sampled_from(["unverified", "é@example.com"]),
    by_tag=st.booleans(),
)
EMPTY_CHECK = CheckReport(
    check_id="check-20261123052000000000",
    at=datetime(2026, 11, 23, 6, tzinfo=UTC),
    figures=Figures.of([]),
    tables=(),
    service_tags=("AppServiceManagement",),
    differs=(),
    unusable={},
    versions=(),
    document=Document({}, datetime(2026, 11, 23, 6, tzinfo=UTC)),
    alarms=(),
)
