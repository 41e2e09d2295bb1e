"""The tags for which a service stands in a region."""

from collections.abc import Collection

from ...domain.routing.published_tags import PUBLISHED
from ...domain.services.service import Service
from .pull import SourcePull


def tags_of(
    service: Service, region: str | None, pull: SourcePull, known: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the tags as they are spelled in `known`, in the last answer, or in the weekly file.

    The suffix of a tag is matched with the region without regard to case. A tag that is nowhere
    stays as the weekly file would spell it, or as the region is written. Raise TransientError if
    the answer is needed and Azure cannot be asked now.
    """
    ending = PUBLISHED[pull.policy.cloud].ending(region) if region else None
    tags = service.tags_in(ending or region, known)

    new = [tag for tag in tags if tag not in known and pull.store.versions.newest(tag) is None]
    if region is None or not new:
        return tags
    return service.tags_in(ending or region, [*known, *pull.spelled(new)])
