"""What a change of a registration loosens. Somebody else than the caller has to agree to that."""

from collections.abc import Iterable
from dataclasses import replace

from ..routing.policy import ApplyPolicy, strictest
from .registration import Registration, RouteException


def loosened(old: Registration | None, new: Registration, app_policy: ApplyPolicy) -> list[str]:
    """Return the keys of the registration that are looser than before; `old` is None if it is new.

    Some keys are loosened either way. If `enabled` changes, nobody repairs the table any more, or
    it is written again. If the `pin` changes, the routes that it holds back are others.
    """
    before = replace(new, exceptions=(), pin=None) if old is None else old
    lost_tags = {*before.service_tags} - {*new.service_tags}

    judged = {
        "applyPolicy": _is_weaker(before, new, app_policy),
        "exceptions": _is_wider(before.exceptions, new.exceptions),
        "enabled": before.enabled != new.enabled,
        "pin": before.pin != new.pin,
        "serviceTags": bool(lost_tags),
        "addressSource": bool({*before.sources} - {*new.sources} - lost_tags),
    }
    return [key for key, is_looser in judged.items() if is_looser]


def _is_weaker(old: Registration, new: Registration, app_policy: ApplyPolicy) -> bool:
    """Compare the policies that count: a registration can only be stricter than the app."""
    then, now = (strictest(app_policy, one.apply_policy or ApplyPolicy.AUTO) for one in (old, new))
    return now is not strictest(then, now)


def _is_wider(old: Iterable[RouteException], new: Iterable[RouteException]) -> bool:
    """Return whether a prefix is accepted that was not, or longer than it was."""
    until = {exception.prefix: exception.until for exception in old}
    return any(
        exception.prefix not in until or exception.until > until[exception.prefix]
        for exception in new
    )
