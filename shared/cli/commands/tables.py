"""`tables list|add|remove`: the route tables that the app keeps right."""

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
            metavar="ID",
            help="The ARM id of a route table, or of the environment whose subnet has it.",
        ),
    ],
    ase: Annotated[
        str | None, typer.Option(help="The ARM id of its App Service Environment.")
    ] = None,
    service_tag: Annotated[
        list[str] | None,
        typer.Option(help="A service tag; repeat it for more. The default is SERVICE_TAG."),
    ] = None,
    address_source: Annotated[
        AddressSource, typer.Option(help="The source of the wanted addresses.")
    ] = AddressSource.SERVICE_TAG,
    route_style: Annotated[
        RouteStyle, typer.Option(help="One route for each prefix, or one for each service tag.")
    ] = RouteStyle.PREFIXES,
    apply_policy: Annotated[
        ApplyPolicy | None, typer.Option(help="A policy that is stricter than the app's own.")
    ] = None,
    exception: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX,UNTIL,REASON",
            help="A conflict to accept, and its last day; repeat it for more.",
        ),
    ] = None,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Register the table, and leave it alone.")
    ] = False,
    note: Annotated[str | None, typer.Option(help="A note for people.")] = None,
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
        bool, typer.Option("--with-routes", help="Take our own routes out of the table first.")
    ] = False,
    reason: OptionalReason = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Unregister a route table, and leave it as it is.

    With --with-routes, our own routes are taken out of the table first. If that fails, the table
    stays registered.
    """
    from .. import tables

    tables.unregister(route_table, reason, with_routes=with_routes, yes=yes, as_json=as_json)
