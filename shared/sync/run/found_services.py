"""The registration with which a discovery registers a table of a service."""

from ...domain import codes
from ...domain.errors import PermanentError
from ...domain.registry.registration import Registration
from ...domain.services.known import NAMED
from .pull import SourcePull
from .services import tags_of


def registration_of(pull: SourcePull, name: str, location: str) -> Registration:
    """Return the registration of a table for the service with this name, in an ARM location.

    Raise PermanentError `TagUnavailable` if the service has a tag that is not published, and
    TransientError as `tags_of` does.
    """
    service = NAMED[name]
    region = location if service.is_regional else None
    tags = tags_of(service, region, pull)

    reasons = pull.unusable(tags)
    if reasons:
        raise PermanentError(codes.TAG_UNAVAILABLE, "; ".join(reasons.values()))
    return Registration(tags, service=name, region=region)
