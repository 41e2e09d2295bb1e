"""The next step of a person: what a code or a state means, what to do, and the command for it.

The command line, the dashboard and the notices show the same step. A word in capitals in a command
stands for what only a person knows, or for an id that is not known here.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from .. import codes
from ..armid import EnvironmentId, RouteTableId
from ..codes import Code
from ..runs.outcome import Outcome
from ..runs.run import Action, Run
from .overview import State

MOST_ACCEPTED = 10
"""Nobody accepts more conflicts than this one by one, so the command then names none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The ids for a command, as far as they are known.

    `run_id` is the run whose outcome or plan is meant, and `action` what it was for. A rollback has
    the run `undone_run_id`, which it undid. `prefixes` are for example those of a conflict. If
    `no_ase`, it is about a resource of another service, which no command for an environment fits.
    """

    route_table_id: RouteTableId | None = None
    ase_id: EnvironmentId | None = None
    run_id: str | None = None
    action: Action = Action.SYNC
    undone_run_id: str | None = None
    prefixes: tuple[str, ...] = ()
    version_id: str | None = None
    no_ase: bool = False

    @classmethod
    def of(cls, run: Run, route_table_id: RouteTableId, prefixes: Sequence[str] = ()) -> Self:
        """Return the ids that an outcome of this run gives."""
        asked = run.request
        return cls(
            route_table_id=route_table_id,
            ase_id=asked.ase_id,
            run_id=run.run_id,
            action=asked.action,
            undone_run_id=asked.rolled_back_run_id,
            prefixes=tuple(prefixes),
        )


def acceptable(outcome: Outcome) -> tuple[str, ...]:
    """Return the prefixes of the conflicts that can be accepted, or none if they are too many."""
    prefixes = tuple(conflict.prefix for conflict in outcome.acceptable_conflicts)
    return prefixes if len(prefixes) <= MOST_ACCEPTED else ()


@dataclass(frozen=True, slots=True)
class NextStep:
    """`command` is one line for a POSIX shell, or None if no command helps."""

    meaning: str
    remedy: str
    command: str | None


_APPLY = "ase-route-sync apply --route-table {table}"
_PLAN = "ase-route-sync plan --route-table {table}"
_APPROVE = "ase-route-sync approve {run}"
_FORCE = "ase-route-sync apply --plan {run} --force {code} --reason '...'"
_FORCE_ROLLBACK = "ase-route-sync rollback {table} --run {undone} --force {code} --reason '...'"
_RELEASE = "ase-route-sync release {table} --reason '...'"
_ROLLBACK = "ase-route-sync rollback {table} --run {run} --reason '...'"
_SHOW_RUN = "ase-route-sync runs {run}"

_SET = "ase-route-sync tables set {table}"
_ACCEPT = f"{_SET} {{exceptions}}"
_ADD = "ase-route-sync tables add TABLE_ID"
_REMOVE = "ase-route-sync tables remove {table}"
_TAG_ROUTES = f"{_SET} --route-style serviceTag"
_PREFIX_ROUTES = f"{_SET} --route-style prefixes"
_UNPIN = f"{_SET} --unpin"

_DISCOVER = "ase-route-sync discover"
_DISCOVER_AND_REGISTER = f"{_DISCOVER} --register"
_DOCTOR = "ase-route-sync doctor"
_PROVISION = "ase-route-sync provision {ase}"
_ENSURE_NSG = f"{_PROVISION} --nsg ensure"

# docs/permissions.md and docs/network.md explain these two.
_ASSIGN = (
    "az role assignment create --assignee-object-id PRINCIPAL_ID "
    "--assignee-principal-type ServicePrincipal --role 'ASE Route Sync {role}' --scope {scope}"
)
_EXEMPT = (
    "az policy exemption create --name ase-management --exemption-category Mitigated "
    "--policy-assignment ASSIGNMENT_ID --scope {table}"
)
_ASSIGN_OPERATOR = _ASSIGN.replace("{role}", "Operator")
_ASSIGN_PROVISIONER = _ASSIGN.replace("{role}", "Provisioner")
_ASSIGN_FOR_TAGS = _ASSIGN_OPERATOR.replace("{scope}", "/subscriptions/SUBSCRIPTION_ID")

COMMANDS: Mapping[Code, str | None] = MappingProxyType(
    {
        # Sources of addresses
        codes.TAG_UNAVAILABLE: _DOCTOR,
        codes.LIST_UNAVAILABLE: _DOCTOR,
        codes.LIST_NOT_ROUTED: None,
        codes.ASE_UNAVAILABLE: _DOCTOR,
        codes.SERVICE_TAG_NOT_ALLOWED: f"{_SET} --service-tag SERVICE_TAG",
        codes.SERVICE_TAG_MISSING: None,
        codes.SERVICE_TAG_NOT_ROUTABLE: _PREFIX_ROUTES,
        codes.TAG_ROUTE_UNCONFIRMED: _PREFIX_ROUTES,
        codes.NOT_COMPARED: _DOCTOR,
        codes.ONLY_SERVICE_TAG_KNOWS: None,
        codes.ONLY_ASE_KNOWS: f"{_SET} --address-source both",
        codes.API_LACKS_ADDRESSES: None,
        codes.WEEKLY_FILE_UNUSABLE: _DOCTOR,
        codes.WEEKLY_FILE_STALE: None,
        codes.BLOB_NOT_FOUND: None,
        codes.BLOB_ROLE_MISSING: _DOCTOR,
        codes.BLOB_TOO_LARGE: None,
        # A table in a run
        codes.NOT_REGISTERED: "ase-route-sync tables add {table}",
        codes.ROW_UNREADABLE: _REMOVE,
        codes.REGISTRATION_CHANGED: None,
        codes.NOT_PLANNED: _PLAN,
        codes.MOVED_ON: "ase-route-sync runs",
        codes.ROUTE_TABLE_NOT_FOUND: _REMOVE,
        codes.ROUTE_TABLE_GONE: _REMOVE,
        codes.TABLE_BUSY: _APPLY,
        codes.NOT_AS_PLANNED: _APPLY,
        codes.WRITE_NOT_ENDED: _PLAN,
        codes.WRITE_UNCONFIRMED: _PLAN,
        codes.OUT_OF_TIME: _DOCTOR,
        codes.RETRIES_EXHAUSTED: _APPLY,
        codes.TABLE_TAKEN: None,
        # A whole run
        codes.START_FAILED: _DOCTOR,
        codes.RUN_TIMED_OUT: _APPLY,
        codes.INTERRUPTED: None,
        codes.RUN_CHANGED: None,
        codes.ROW_TOO_LARGE: None,
        codes.VERSION_RECORDED: None,
        codes.LEDGER_CHANGED: None,
        codes.NOTIFY_FAILED: None,
        codes.INTERNAL_ERROR: None,
        # Azure's answers
        codes.UNEXPECTED_ANSWER: _APPLY,
        codes.NO_ANSWER: _DOCTOR,
        codes.LINK_NOT_FOLLOWED: None,
        codes.ANSWER_WITHOUT_CODE: _APPLY,
        codes.HOST_NOT_FOUND: _DOCTOR,
        codes.HOST_UNREACHABLE: _DOCTOR,
        codes.TLS_FAILED: _DOCTOR,
        codes.PROXY_REFUSED: _DOCTOR,
        codes.CREDENTIAL_UNAVAILABLE: _DOCTOR,
        codes.SIGN_IN_FAILED: _DOCTOR,
        codes.AUTHORIZATION_FAILED: _ASSIGN_OPERATOR,
        codes.LINKED_AUTHORIZATION_FAILED: _ASSIGN_PROVISIONER,
        codes.API_VERSION_NOT_SUPPORTED: None,
        codes.SCOPE_LOCKED: f"{_SET} --disabled",
        codes.REQUEST_DISALLOWED_BY_POLICY: _EXEMPT,
        codes.POLICY_WOULD_REFUSE: _EXEMPT,
        codes.READ_ONLY_DISABLED_SUBSCRIPTION: None,
        # Guards
        codes.MAX_REMOVED_PERCENT: _FORCE,
        codes.NO_CAPACITY: _TAG_ROUTES,
        codes.NO_TAG_CAPACITY: _PREFIX_ROUTES,
        codes.TABLE_FAILED: _FORCE,
        codes.NEXT_HOP_UNKNOWN: None,
        codes.FOREIGN_WOULD_CHANGE: f"{_SHOW_RUN} --json",
        codes.PINNED: _UNPIN,
        codes.PIN_NOT_FOLLOWED: _UNPIN,
        codes.PLAN_CHANGED: _APPROVE,
        codes.CONTESTED: _RELEASE,
        codes.APPLY_POLICY: _APPROVE,
        codes.HELD: _RELEASE,
        # Notes of a report about the routes
        codes.APPROVED: None,
        codes.FORCED: _ROLLBACK,
        codes.ADOPTION: None,
        codes.ROLLBACK: None,
        codes.EXCEPTION_ENDED: _ACCEPT,
        codes.NAME_TAKEN: None,
        codes.STAMPED_BY_ANOTHER: (
            "ase-route-sync adopt {table} --from-owner OWNER --reason '...'"
        ),
        codes.FOREIGN_CHANGED_MEANWHILE: None,
        codes.WAS_FAILED: None,
        codes.RETAINED_YIELDED: None,
        codes.ROUTE_LIMIT_UNKNOWN: _ASSIGN_OPERATOR,
        codes.TAG_ROUTE_LIMIT_UNKNOWN: _ASSIGN_OPERATOR,
        codes.MORE_SPECIFIC_ROUTE: None,
        codes.TAG_ROUTE_NOT_JUDGED: None,
        codes.RECORDED_OUT_OF_BOUNDS: "ase-route-sync versions {version}",
        codes.COVERED_BY_PLATFORM: None,
        codes.SHADOWS_SERVICE_TAG_ROUTE: _TAG_ROUTES,
        codes.BGP_ROUTES_NOT_VISIBLE: None,
        codes.NOT_FORCED_TUNNELLED: None,
        codes.DEFAULT_ROUTE_NOT_SUPPORTED: None,
        # Surroundings of a table
        codes.ENVIRONMENT_NOT_FOUND: f"{_SET} --ase ASE_ID",
        codes.SUBNET_NOT_FOUND: None,
        codes.SECURITY_GROUP_NOT_FOUND: None,
        codes.SUBNET_UNKNOWN: _ADD,
        codes.VIRTUAL_NETWORK_IN_OTHER_SUBSCRIPTION: _ADD,
        codes.SUBNET_WITHOUT_ROUTE_TABLE: _PROVISION,
        codes.NOT_ATTACHED: f"{_SET} --ase ASE_ID",
        codes.OTHER_ROUTE_TABLE: _ADD,
        codes.REGISTERED_WITHOUT_ASE: f"{_SET} --ase {{ase}}",
        codes.REGISTERED_WITHOUT_TAGS: "ase-route-sync tables show {table}",
        codes.DIFFERENT_ROUTE_TABLES: _DISCOVER_AND_REGISTER,
        codes.ON_OTHER_SUBNETS: "ase-route-sync tables add {table} --service SERVICE",
        codes.SUBNET_WITHOUT_OUTBOUND: None,
        codes.SERVICE_NOT_ALLOWED: None,
        codes.ROUTE_TABLE_SHARED: f"{_SET} --ase ASE_ID",
        codes.NOT_NEEDED: _REMOVE,
        codes.NSG_ALLOWS: None,
        codes.NSG_NONE: None,
        codes.NSG_MISSING: None,
        codes.NSG_DENIES: _ENSURE_NSG,
        codes.NSG_DENIES_SERVICE: None,
        codes.NSG_DENIES_OPTIONAL: None,
        codes.NSG_DENIES_LOAD_BALANCER: None,
        codes.NSG_NOT_SURE: None,
        codes.NSG_DENIES_ROUTES: None,
        codes.NSG_WIDER_BY_ROUTES: None,
        codes.SERVICE_ENDPOINT_FIRST: None,
        codes.NSG_NOT_JUDGED: _ENSURE_NSG,
        codes.NSG_NO_PRIORITY_FREE: None,
        codes.NSG_RULE_NAME_TAKEN: None,
        codes.NOT_AUDITED: _DOCTOR,
        codes.NOT_LOOKED_AT: None,
        codes.DISCOVERY_INCOMPLETE: _DISCOVER,
        codes.RESOURCE_GRAPH_INCOMPLETE: _DISCOVER,
        codes.NOT_SEARCHED: _DISCOVER,
        codes.ENVIRONMENT_SUSPENDED: _PLAN,
        # Provisioning
        codes.ROUTE_TABLE_TAKEN: "ase-route-sync tables add {table}",
        codes.NOT_PROVISIONED: _PROVISION,
        codes.ROUTE_TABLE_CREATED: None,
        codes.ROUTE_TABLE_ATTACHED: None,
        codes.NSG_RULE_ADDED: None,
        # Alarms of the daily check
        codes.TABLE_STALE: _APPLY,
        codes.TABLE_POISONED: _APPLY,
        codes.TABLE_CONTESTED: _RELEASE,
        codes.TABLE_HELD: _RELEASE,
        codes.TABLE_PINNED: _UNPIN,
        codes.CAPACITY_LOW: _TAG_ROUTES,
        codes.EXCEPTION_ENDING: _ACCEPT,
        codes.NO_TABLE_REGISTERED: _DISCOVER_AND_REGISTER,
        codes.SCHEDULE_MISSING: _DOCTOR,
        codes.SCHEDULE_WRONG: _DOCTOR,
        codes.DOCUMENT_UNCHANGED: _DOCTOR,
        codes.LOCATION_STALE: None,
        codes.LOCATION_FLIPS: None,
        codes.AZURE_TAG_WRONG: None,
        codes.AZURE_TAG_DIFFERS: "ase-route-sync tables show {table}",
        codes.AZURE_TAG_DECIDES: None,
        codes.AZURE_TAGS_NOT_READ: _ASSIGN_FOR_TAGS,
        codes.RIGHTS_LOST_ON_TAG: _ASSIGN_FOR_TAGS,
        codes.RIGHTS_LOST_ON_TABLES: _ASSIGN_OPERATOR,
        # A page that cannot be shown
        codes.STORAGE_UNAVAILABLE: _DOCTOR,
    }
)
"""The command for each code of a report or an alarm, or of a page without storage; None if no
command helps.
"""

STATES: Mapping[State, NextStep] = MappingProxyType(
    {
        State.RIGHT: NextStep("Each wanted address has its route.", "No action is needed.", None),
        State.OFF: NextStep(
            "The registration is disabled: the app leaves the table alone.",
            "If the table is to be kept right, enable its registration.",
            f"{_SET} --enabled",
        ),
        State.NEW: NextStep(
            "The table is registered, and was not found right yet.",
            "The next run brings it the routes. You can also do this now.",
            _APPLY,
        ),
        State.BEHIND: NextStep(
            "The table does not have the newest version of its addresses yet.",
            "The next run brings it. You can also do this now.",
            _APPLY,
        ),
        State.HELD: NextStep(codes.TABLE_HELD.meaning, codes.TABLE_HELD.remedy, _RELEASE),
        State.PLANNED: NextStep(
            "The table would change, but the app was paused, so that its last run only planned.",
            "Look at the plan. If the app is to write again, set PAUSED to false.",
            _SHOW_RUN,
        ),
        State.WAITING: NextStep(
            "Changes to the table wait until a person approves them.",
            "Look at what waits. If it is right, approve it.",
            _APPROVE,
        ),
        State.STALE: NextStep(
            codes.TABLE_STALE.meaning,
            "Bring the table up to date now. The report of this run says what prevents it.",
            _APPLY,
        ),
        State.CONTESTED: NextStep(
            codes.TABLE_CONTESTED.meaning, codes.TABLE_CONTESTED.remedy, _RELEASE
        ),
        State.CONFLICT: NextStep(
            "A route that is not ours takes a wanted prefix elsewhere, or has the name that our "
            "route needs.",
            "Correct or remove that route. If it is there on purpose, accept it until a day.",
            _ACCEPT,
        ),
        State.BLOCKED: NextStep(
            "A guard keeps the app from writing everything that is wanted.",
            "The plan says which guard it is, and what to do.",
            _PLAN,
        ),
        State.FAILED: NextStep(
            "The last attempt on the table failed.",
            "Correct the error that the last report names, then try again.",
            _APPLY,
        ),
        State.SUSPENDED: NextStep(
            codes.ENVIRONMENT_SUSPENDED.meaning, codes.ENVIRONMENT_SUSPENDED.remedy, _PLAN
        ),
    }
)
"""The step for each state, in which the ids of its command are still to be filled in."""


def step_for_code(code: Code, about: About) -> NextStep:
    """Return the step for a code. A code that only Azure knows has no command."""
    return NextStep(code.meaning, code.remedy, _filled(COMMANDS.get(code), about, code.name))


def step_for_state(state: State, about: About) -> NextStep:
    step = STATES[state]
    return replace(step, command=_filled(step.command, about))


def _filled(command: str | None, about: About, code: str = "") -> str | None:
    if command is None or (about.no_ase and "{ase}" in command):
        return None
    table = about.route_table_id
    subscription = table.subscription_id if table else "SUBSCRIPTION_ID"
    exceptions = map(_exception, about.prefixes or ("PREFIX",))

    # Each of these texts stays one word of a shell, whatever is in it.
    texts = {
        "table": str(table or "TABLE"),
        "ase": str(about.ase_id or "ASE_ID"),
        "run": about.run_id or "RUN",
        "undone": about.undone_run_id or "RUN",
        "version": about.version_id or "VERSION",
    }
    return _fitting(command, about).format(
        **{name: shlex.quote(text) for name, text in texts.items()},
        scope=f"/subscriptions/{subscription}",
        exceptions=" ".join(exceptions),
        code=code,
    )


def _fitting(command: str, about: About) -> str:
    """Return another command if this one does not fit the action of the run."""
    if command == _FORCE and about.action is Action.ROLLBACK:
        return _FORCE_ROLLBACK

    # Only a sync can be approved. A plan ends with the command that approves it.
    approves, is_sync = command in {_FORCE, _APPROVE}, about.action is Action.SYNC
    without_run = about.run_id is None and about.route_table_id is not None
    if (approves and not is_sync) or ("{run}" in command and without_run):
        return _PLAN
    return command


def _exception(prefix: str) -> str:
    text = f"{prefix},YYYY-MM-DD,REASON"
    # `shlex.quote` leaves this text bare, but the reason that a person writes there has blanks.
    quoted = text.replace("'", "'\"'\"'")
    return f"--exception '{quoted}'"
