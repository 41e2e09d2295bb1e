"""The registrations that Azure tags changed in one check, and the notice and the alarm about it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import codes
from ..armid import RouteTableId
from ..findings import Finding
from ..registry.azure_tag import TagChange, TagEffect
from ..times import utc_minute
from .check_report import CheckReport
from .health import RIGHTS, Alarm
from .notices import Item, Ledger, Notice, NoticeKind, number_of
from .summaries import summary_of

MOST_NAMED = 10
_IF_NOT_MEANT = "To have the app keep its routes right again, give the table its tag again."
_FIRST = (TagEffect.UNREGISTERED, TagEffect.CHANGED, TagEffect.REGISTERED)
"""A table that lost its tag by mistake is what a person has to see."""
_KEPT_OUT = frozenset({codes.AZURE_TAG_WRONG, codes.AZURE_TAGS_NOT_READ, codes.STAMPED_BY_ANOTHER})
_UNUSED = frozenset({"MissingSubscriptionRegistration", "SubscriptionNotFound"})
"""Azure's answers about a subscription in which nobody has used its network service yet, and about
one that is being deleted.
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """The registrations that Azure tags have changed, the alarms about tags, and why the tags of
    some subscriptions were not read.
    """

    changes: tuple[TagChange, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    not_read: Mapping[str, Finding] = field(default_factory=dict)


def why_not_registered(check: CheckReport | None, table_id: RouteTableId) -> Alarm | None:
    """Return the alarm of this check that says why a tag has not registered the table."""
    alarms = check.alarms if check is not None else ()
    told = (one for one in alarms if one.route_table_id == table_id and one.code in _KEPT_OUT)
    return next(told, None)


def not_read_alarms(
    not_read: Mapping[str, Finding], registered: Iterable[RouteTableId], subscriptions: int
) -> tuple[Alarm, ...]:
    """Return the alarm that names these subscriptions, if there is anything to tell.

    An identity also sees subscriptions in which it has other rights, for example on its storage, or
    in which there is no network. So these reasons are told only if a table there is `registered`.
    The key "" stands for the list of all subscriptions.
    """
    told = _worth_telling(not_read, registered)
    if not told:
        return ()

    named = f"{len(told)} of {subscriptions} subscriptions: {_named([*told])}"
    where = "any subscription" if "" in told else named
    message = f"not all Azure tags were read in {where} ({_first(told.values())})"
    return (Alarm(codes.AZURE_TAGS_NOT_READ, message),)


def _worth_telling(
    not_read: Mapping[str, Finding], registered: Iterable[RouteTableId]
) -> Mapping[str, Finding]:
    used = {"", *(table.subscription_id.lower() for table in registered)}
    return {
        subscription_id: why
        for subscription_id, why in not_read.items()
        if subscription_id.lower() in used or not _is_usual(why)
    }


def _is_usual(why: Finding) -> bool:
    return why.code in RIGHTS or why.code.name in _UNUSED


def _named(subscription_ids: Sequence[str]) -> str:
    more = len(subscription_ids) - MOST_NAMED
    return ", ".join(subscription_ids[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _first(reasons: Iterable[Finding]) -> str:
    first = next(iter(reasons))
    return f"{first.code}: {first.message}"


def membership_notice(check: CheckReport, ledger: Ledger) -> tuple[Notice | None, Ledger]:
    """Return the notice about the registrations that tags have changed, and the ledger after it."""
    if not check.tag_changes or ledger.tags_told == check.check_id:
        return None, ledger

    changes = sorted(check.tag_changes, key=lambda change: _FIRST.index(change.effect))
    items = tuple(map(_item, changes))
    to_do = _IF_NOT_MEANT if changes[0].effect is TagEffect.UNREGISTERED else ""
    summary = summary_of(items, f"The check was at {utc_minute(check.at)}.", to_do=to_do)
    kind, title = NoticeKind.REGISTRATIONS, _title(changes)
    notice = Notice(check.check_id, kind, title, check.at, summary, items=items)
    return notice, replace(ledger, tags_told=check.check_id)


def _title(changes: Iterable[TagChange]) -> str:
    counts = Counter(change.effect for change in changes)
    said = (f"{number_of(count, 'table')} {effect}" for effect, count in counts.items())
    return f"Azure tags: {', '.join(said)}"


def _item(change: TagChange) -> Item:
    return Item(change.effect.value, change.message, change.route_table_id)
