"""The commands that start a run, and release: their options, and the request that each makes."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from .options import (
    Acknowledge,
    Force,
    Json,
    OptionalReason,
    Reason,
    Table,
    Yes,
    complete_environments,
    complete_runs,
    complete_tables,
)

Tables = Annotated[
    list[str] | None,
    typer.Option(
        "--route-table",
        metavar="TABLE",
        help="A registered route table: its ARM id, its name or a part of it; repeat it for more.",
        autocompletion=complete_tables,
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Option(
        "--ase",
        metavar="ASE",
        help="The environment of registered route tables, named in the same way; repeat it for "
        "more.",
        autocompletion=complete_environments,
    ),
]
ChangeId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The id of the change in your own change management."),
]


class Nsg(StrEnum):
    AUDIT = "audit"
    ENSURE = "ensure"


def plan(
    route_table: Tables = None,
    ase: Environments = None,
    reason: OptionalReason = None,
    change_id: ChangeId = None,
    as_json: Json = False,
) -> None:
    """Show what apply would change. Nothing is written to Azure."""
    from ...sync.asking import SyncRequest
    from .. import actions

    request = SyncRequest(
        route_tables=route_table or None,
        ases=ase or None,
        reason=reason or None,
        change_id=change_id or None,
    )
    actions.plan(request, as_json=as_json)


def apply(
    route_table: Tables = None,
    ase: Environments = None,
    plan_run: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="RUN",
            help="The id of a plan run, its beginning, or last: apply exactly what it showed.",
            autocompletion=complete_runs,
        ),
    ] = None,
    force: Force = None,
    reason: OptionalReason = None,
    change_id: ChangeId = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring route tables to the newest versions of their tags.

    It shows the plan and asks. If you confirm, exactly this plan is applied. With --yes it does the
    same as the weekly run: changes that APPLY_POLICY withholds stay withheld.
    """
    from ...sync.asking import SyncRequest
    from .. import actions

    request = SyncRequest(
        route_tables=route_table or None,
        ases=ase or None,
        plan_run_id=plan_run or None,
        force=force or (),
        reason=reason or None,
        change_id=change_id or None,
    )
    actions.apply(request, yes=yes, as_json=as_json)


def check(reason: OptionalReason = None, as_json: Json = False) -> None:
    """Do the daily check now, and say what is wrong. Nothing is written to Azure.

    The exit status is 0 if everything is right, and 1 if anything is not. Unlike the daily check,
    it starts no run: apply does.
    """
    from ...sync.asking import CheckRequest
    from .. import actions

    actions.check(CheckRequest(reason=reason or None), as_json=as_json)


def approve(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The id of the run in which changes wait, its beginning, or last.",
            autocompletion=complete_runs,
        ),
    ],
    route_table: Tables = None,
    force: Force = None,
    reason: OptionalReason = None,
    change_id: ChangeId = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Apply what waited for an approval in a run.

    It shows what waits and asks. Exactly this is applied: a table whose plan has changed since is
    blocked.
    """
    from ...sync.asking import SyncRequest
    from .. import actions

    request = SyncRequest(
        route_tables=route_table or None,
        plan_run_id=run,
        force=force or (),
        reason=reason or None,
        change_id=change_id or None,
    )
    actions.apply(request, yes=yes, as_json=as_json)


def provision(
    ase_id: Annotated[
        str, typer.Argument(metavar="ASE_ID", help="The ARM id of an App Service Environment.")
    ],
    nsg: Annotated[
        Nsg, typer.Option(help="Judge its security group, or add the rule that it lacks.")
    ] = (Nsg.AUDIT),
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A tag for the new route table; repeat it for more."
        ),
    ] = None,
    acknowledge: Acknowledge = False,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Show the plan, and change nothing.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give an environment a route table, and register it.

    An environment that has another route table is refused. Register that table instead.
    """
    from ...sync.asking import ProvisionRequest
    from .. import actions

    request = ProvisionRequest(
        ase=ase_id,
        azure_tags=_pairs(tag),
        ensure_nsg=nsg is Nsg.ENSURE,
        acknowledge=acknowledge,
    )
    actions.provision(request, plan_only=plan_only, yes=yes, as_json=as_json)


def adopt(
    route_table: Table,
    reason: Reason,
    from_owner: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER", help="Adopt the routes with the stamp of this owner as well."
        ),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give our names to routes that cover a wanted address.

    Nothing else in the table is changed.
    """
    from ...sync.asking import AdoptRequest
    from .. import actions

    request = AdoptRequest(route_table=route_table, reason=reason, from_owner=from_owner or None)
    actions.adopt(request, yes=yes, as_json=as_json)


def rollback(
    route_table: Table,
    run: Annotated[
        str,
        typer.Option(
            metavar="RUN",
            help="The run to undo in this table: its id, the beginning of it, or last for the "
            "newest run that has changed the table.",
            autocompletion=complete_runs,
        ),
    ],
    reason: Reason,
    force: Force = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Undo what a run did to a route table, and hold it.

    The table stays as it was before that run until you release it.
    """
    from ...sync.asking import RollbackRequest
    from .. import actions

    request = RollbackRequest(route_table=route_table, run_id=run, reason=reason, force=force or ())
    actions.rollback(request, yes=yes, as_json=as_json)


def release(route_table: Table, reason: Reason, as_json: Json = False) -> None:
    """Let a table that is held or contested follow its tags again."""
    from ...sync.asking import ReleaseRequest
    from .. import actions

    actions.release(ReleaseRequest(route_table=route_table, reason=reason), as_json=as_json)


def discover(
    subscription: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="The id of a subscription; repeat it for more. The default is all."
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER", help="List the route tables with the stamp of this owner as well."
        ),
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Register the route tables that are found.")
    ] = False,
    acknowledge: Annotated[
        bool,
        typer.Option(
            "--acknowledge",
            help="Include the tables of what needs no such routes, and those whose routes may "
            "harm other subnets or lead nowhere.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find environments, other services, and their route tables.

    It also lists the faults around each of them. The exit status is 1 if a subscription could not
    be looked through.
    """
    from ...sync.asking import DiscoverRequest
    from .. import actions

    request = DiscoverRequest(
        subscriptions=subscription or None,
        owner=owner or None,
        register=register,
        acknowledge=acknowledge,
    )
    actions.discover(request, as_json=as_json)


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    """Raise typer.BadParameter if one is not NAME=VALUE."""
    pairs = [text.partition("=") for text in texts or ()]
    if not all(separator for _, separator, _ in pairs):
        raise typer.BadParameter("a tag is NAME=VALUE")
    return {name: value for name, _, value in pairs}
