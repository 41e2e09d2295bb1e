"""`tables list|add|remove`: which route tables are kept right."""

from typing import Annotated

import typer

from ...domain.registry.choices import AddressSource, RouteStyle
from ...domain.routing.policy import ApplyPolicy
from .options import Acknowledge, Json, OptionalReason, Table, Yes

commands = typer.Typer(help="List, register and unregister route tables.", no_args_is_help=True)


@commands.command("list")
def list_(as_json: Json = False) -> None:
    """List the registered route tables."""
    from .. import tables

    tables.list_registered(as_json=as_json)


@commands.command()
def add(
    resource_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The ARM id of a route table, or of the environment that has it."
        ),
    ],
    ase: Annotated[
        str | None, typer.Option(help="The ARM id of its App Service Environment.")
    ] = None,
    service_tag: Annotated[
        list[str] | None, typer.Option(help="Repeat for more. Else SERVICE_TAG.")
    ] = None,
    address_source: Annotated[
        AddressSource, typer.Option(help="Who says which addresses are wanted.")
    ] = AddressSource.SERVICE_TAG,
    route_style: Annotated[
        RouteStyle, typer.Option(help="A route for each prefix, or one of the tag itself.")
    ] = RouteStyle.PREFIXES,
    apply_policy: Annotated[
        ApplyPolicy | None, typer.Option(help="Stricter than the app's own.")
    ] = None,
    exception: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX,UNTIL,REASON",
            help="A conflict that is meant, and until which day; repeat for more.",
        ),
    ] = None,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Register it, and leave it alone.")
    ] = False,
    note: Annotated[str | None, typer.Option(help="For people.")] = None,
    acknowledge: Acknowledge = False,
    as_json: Json = False,
) -> None:
    """Register a route table, or replace what is registered. Nothing is written to Azure."""
    from ...sync.registering import RegisterRequest
    from .. import tables

    request = RegisterRequest(
        resource_id=resource_id,
        ase=ase,
        service_tags=service_tag or (),
        address_source=address_source,
        route_style=route_style,
        apply_policy=apply_policy,
        exceptions=tables.exceptions(exception or ()),
        enabled=not disabled,
        note=note,
        acknowledge=acknowledge,
    )
    tables.register(request, as_json=as_json)


@commands.command()
def remove(
    route_table: Table,
    with_routes: Annotated[
        bool, typer.Option("--with-routes", help="Take our routes out of the table first.")
    ] = False,
    reason: OptionalReason = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Unregister a route table: it is left as it is, and followed no longer.

    With --with-routes every route of ours is taken out of it, and nothing else; if that fails, it
    stays registered.
    """
    from .. import tables

    tables.unregister(route_table, reason, with_routes=with_routes, yes=yes, as_json=as_json)
