"""Commands that show what there is: environments, versions, runs."""

from typing import Annotated, Any

import typer

from shared import endpoints
from shared.domain.addresses import difference

from . import show
from .in_place import call, listed
from .shell import Acknowledge, Ended, Json, answer, said

Most = Annotated[int, typer.Option("--top", min=1, help="How many to list.")]


def discover(
    subscription: Annotated[
        list[str] | None,
        typer.Option(help="The id of a subscription; repeat for more. Else all that you may read."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="List the route tables with this owner's stamp, too.")
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Register the route tables that are found.")
    ] = False,
    acknowledge: Acknowledge = False,
    as_json: Json = False,
) -> None:
    """Find every App Service Environment, its route table, and what is wrong around it.

    Exit status 1 where a subscription could not be looked through.
    """
    asked = said(
        subscriptions=subscription, owner=owner, register=register, acknowledge=acknowledge
    )
    found = call(endpoints.discover, asked)
    answer(found, show.discovered(found), as_json=as_json)
    if found["errors"]:
        raise Ended(1)


def versions(
    version_id: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="Show this one.")
    ] = None,
    other_id: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="Show what it has and the first has not.")
    ] = None,
    top: Most = 20,
    as_json: Json = False,
) -> None:
    """List the recorded versions of the service tags; show one, or the difference of two."""
    if version_id is None:
        found = listed(endpoints.list_versions, top)
        answer({"value": found}, show.versions(found), as_json=as_json)
        return
    version = _version(version_id)
    if other_id is None:
        answer(version, show.version(version), as_json=as_json)
        return
    other = _version(other_id)
    change = difference(version["addressPrefixes"], other["addressPrefixes"])
    body = {
        "from": version["versionId"],
        "to": other["versionId"],
        "added": list(change.added),
        "removed": list(change.removed),
    }
    answer(body, show.difference(body), as_json=as_json)


def runs(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="Show its report.")] = None,
    top: Most = 20,
    as_json: Json = False,
) -> None:
    """List the last runs, or show the report of one."""
    if run_id is None:
        found = listed(endpoints.list_runs, top)
        answer({"value": found}, show.runs(found), as_json=as_json)
        return
    report = call(endpoints.get_run, route_params={"runId": run_id})
    answer(report, show.report(report), as_json=as_json)


def _version(version_id: str) -> dict[str, Any]:
    found: dict[str, Any] = call(endpoints.get_version, route_params={"versionId": version_id})
    return found
