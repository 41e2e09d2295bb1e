"""Show one route table: how it stands, and what Azure has."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from ... import shapes
from ...domain.armid import RouteTableId
from ...domain.people.next_steps import About, step_for_state
from ...domain.people.notices import number_of
from ...domain.people.overview import Mood, State
from ...domain.registry.registered_table import RegisteredTable
from ...domain.routing.plan import owned_prefixes
from ...domain.routing.routes import RouteTable
from .layout import Lines
from .parts import NONE, moment, mood_colour, pairs, place_of, width_of
from .registrations import Seen, registration_facts


def standing(one: Seen, status: shapes.Status | None) -> RenderableType:
    """Show the state, what to do about it, its versions, and what is registered.

    `status` is the public one. It is None if the table's row cannot be read.
    """
    facts = [*_seen(one.table, status), *registration_facts(one.table)]
    state = Text.assemble("State".ljust(width_of(facts)), (one.state.words, mood_colour(one.state)))
    return Group(state, *_step(one), pairs(facts))


def coming(done: str, table: RouteTableId) -> RenderableType:
    """Say what was done, and what comes next for a table that the app keeps right from now on."""
    step = step_for_state(State.NEW, About(route_table_id=table))
    return Group(Text(f"{done}. {step.remedy}"), Text(f"  → {step.command}"))


def _step(one: Seen) -> Iterator[RenderableType]:
    """Say what to do if the state asks for something."""
    if one.state.mood is not Mood.GOOD:
        step = step_for_state(one.state, _about(one))
        yield Lines(f"{step.meaning} {step.remedy}", first="  ")
        if step.command is not None:
            yield Lines(step.command, first="  → ")


def _about(one: Seen) -> About:
    last, conflicts = one.table.status.last_outcome, one.outcome and one.outcome.open_conflicts
    return About(
        route_table_id=one.table.route_table_id,
        run_id=last.run_id if last else None,
        prefixes=tuple(each.prefix for each in conflicts or ()),
    )


def _seen(table: RegisteredTable, public: shapes.Status | None) -> Iterator[tuple[str, str]]:
    """Yield what runs and checks have seen of the table."""
    status = table.status
    yield "Found right", moment(status.verified_at)
    if public is not None:
        yield "Desired", ", ".join(public["desiredVersionIds"]) or NONE
        yield "Applied", ", ".join(public["appliedVersionIds"]) or NONE
        yield "Newest", ", ".join(public["newestVersionIds"]) or NONE
    if status.reading is not None:
        limit = f" of {status.reading.route_limit}" if status.reading.route_limit else ""
        yield "Routes", f"{status.reading.routes}{limit}, in {status.reading.location}"

    last = status.last_outcome
    if last is not None:
        yield "Last run", f"{last.run_id}: {last.status}, {moment(last.at)}"
        if last.error is not None:
            yield "Error", f"{last.error.code}: {last.error.message}"


def existing(place: RouteTableId, table: RouteTable, *, owner: str) -> RenderableType:
    """Say what Azure has, for a person who is about to register it."""
    ours = len(owned_prefixes(table, owner=owner))
    routes = f"{number_of(len(table.routes), 'route')}, {ours} of them ours"
    subnets = f"on {number_of(len(table.subnet_ids), 'subnet')}"
    return Text(f"Found in Azure: {place_of(place)}, {table.location}, {routes}, {subnets}")
