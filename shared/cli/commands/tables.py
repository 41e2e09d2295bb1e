"""`tables`: the route tables that the app keeps right."""

from typing import Annotated

import typer

from ...domain.registry.choices import AddressSource, RouteStyle
from ...domain.routing.policy import ApplyPolicy
from . import registrations
from .options import (
    Acknowledge,
    Commands,
    Json,
    OptionalReason,
    Output,
    OutputOption,
    Table,
    Yes,
    complete_versions,
)

commands = Commands(
    help="List, show, register, change and unregister route tables.", no_args_is_help=True
)


@commands.command("list")
def list_(output: OutputOption = None, as_json: Json = False) -> None:
    """List the registered route tables, the worst first."""
    from .. import tables

    tables.list_registered(Output.JSON if as_json else output)


@commands.command()
def show(route_table: Table, as_json: Json = False) -> None:
    """Show what is registered about a route table, and how it stands."""
    from .. import tables

    tables.show_one(route_table, as_json=as_json)


# These are plain assignments because Typer does not look into `type` aliases.
_Ase = Annotated[
    str | None, typer.Option(metavar="ASE_ID", help="The ARM id of its App Service Environment.")
]
_Tags = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TAG",
        help="A service tag, or a list of CUSTOM_LISTS; repeat it for more. "
        "The default without --service is SERVICE_TAG.",
    ),
]
_Service = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="An Azure service that stands for its tags, for example databricks."
    ),
]
_Region = Annotated[
    str | None,
    typer.Option(
        metavar="LOCATION", help="The Azure location of the service, if its tags depend on it."
    ),
]
_Exceptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PREFIX,UNTIL,REASON",
        help="A conflict to accept, and its last day; repeat it for more.",
    ),
]
_Note = Annotated[str | None, typer.Option(metavar="TEXT", help="A note for people.")]
_Pin = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION",
        help="Keep this version's tag, list or environment at the version.",
        autocompletion=complete_versions,
    ),
]
_PinReason = Annotated[str | None, typer.Option(metavar="TEXT", help="The reason for the pin.")]
_SOURCE = typer.Option(help="The source of the wanted addresses.")
_STYLE = typer.Option(help="One route for each prefix, or one for each service tag.")
_POLICY = typer.Option(help="A policy that is stricter than the app's own.")


@commands.command()
def add(
    resource_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="The ARM id of a route table, or of the environment whose subnet has it.",
        ),
    ],
    ase: _Ase = None,
    service: _Service = None,
    region: _Region = None,
    service_tag: _Tags = None,
    address_source: Annotated[AddressSource, _SOURCE] = AddressSource.SERVICE_TAG,
    route_style: Annotated[RouteStyle, _STYLE] = RouteStyle.PREFIXES,
    apply_policy: Annotated[ApplyPolicy | None, _POLICY] = None,
    exception: _Exceptions = None,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Register the table, and leave it alone.")
    ] = False,
    note: _Note = None,
    pin: _Pin = None,
    pin_reason: _PinReason = None,
    acknowledge: Acknowledge = False,
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Do not look whether the table exists: it is still to be."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Register a route table that is not registered yet. Nothing is written to Azure.

    The table has to exist in Azure, unless you say --no-check.
    """
    from ...sync.registering import RegisterRequest
    from .. import tables

    request = RegisterRequest(
        resource_id=resource_id,
        ase=ase,
        service=service,
        region=region,
        service_tags=service_tag or None,
        address_source=address_source,
        route_style=route_style,
        apply_policy=apply_policy,
        exceptions=tables.exceptions(exception or ()),
        enabled=not disabled,
        note=note,
        pin=tables.pin(pin, pin_reason),
        acknowledge=acknowledge,
    )
    tables.register(request, looks=not no_check, as_json=as_json)


@commands.command("set")
def set_(
    route_table: Table,
    ase: _Ase = None,
    service: _Service = None,
    region: _Region = None,
    service_tag: _Tags = None,
    address_source: Annotated[AddressSource | None, _SOURCE] = None,
    route_style: Annotated[RouteStyle | None, _STYLE] = None,
    apply_policy: Annotated[ApplyPolicy | None, _POLICY] = None,
    no_apply_policy: Annotated[
        bool, typer.Option("--no-apply-policy", help="Let the app's own policy count again.")
    ] = False,
    exception: _Exceptions = None,
    no_exceptions: Annotated[
        bool, typer.Option("--no-exceptions", help="Forget the exceptions that are there.")
    ] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Keep it right, or leave it alone.")
    ] = None,
    note: _Note = None,
    pin: _Pin = None,
    pin_reason: _PinReason = None,
    unpin: Annotated[
        bool, typer.Option("--unpin", help="Let the newest version count again.")
    ] = False,
    acknowledge: Acknowledge = False,
    as_json: Json = False,
) -> None:
    """Change what is named of a registration, and leave the rest. Nothing is written to Azure.

    An empty text removes the environment, the service, its region, the tags or the note. An
    exception replaces the one of its prefix, and the others stay.
    """
    from .. import tables

    _exclude("--pin", "--unpin", pin or pin_reason, unpin)
    _exclude("--apply-policy", "--no-apply-policy", apply_policy, no_apply_policy)
    wishes = {
        "ase": ase,
        "service": service,
        "region": region,
        "service_tags": service_tag or None,
        "address_source": address_source,
        "route_style": route_style,
        "apply_policy": "" if no_apply_policy else apply_policy,
        "exceptions": tables.exceptions(exception or ()) or ([] if no_exceptions else None),
        "enabled": enabled,
        "note": note,
        "pin": "" if unpin else tables.pin(pin, pin_reason),
    }
    if not no_exceptions and all(wish is None for wish in wishes.values()):
        raise typer.BadParameter("name what to change, for example --note")
    wishes["acknowledge"] = acknowledge
    tables.change(route_table, wishes, no_exceptions=no_exceptions, as_json=as_json)


def _exclude(name: str, other: str, *given: object) -> None:
    """Raise typer.BadParameter if both options are given."""
    if all(given):
        raise typer.BadParameter(f"{name} and {other} exclude each other")


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


commands.command("export")(registrations.export)
commands.command("import")(registrations.import_)
