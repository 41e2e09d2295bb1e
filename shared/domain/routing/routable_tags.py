"""Which service tags a route may have as its prefix: those with `UDR` in `networkFeatures`.

If an answer of the Discovery API carries `networkFeatures`, it decides. The API's documentation
does not name that key, but a real answer had it: `serviceTagDetails` at change 86, in the tests of
Packs/AzureFirewall in demisto/content. If an answer lacks it, the newest weekly file that the
repository has read decides.
"""

from .published_tags import PUBLISHED


def is_routable(cloud: str, service_tag: str, answer: bool | None) -> bool | None:
    """Return whether a route may have this tag as its prefix; None if only Azure knows.

    `answer` is what the Discovery API says of the tag; None if it says nothing.
    """
    return PUBLISHED[cloud].says(service_tag) if answer is None else answer


def why_not_routable(cloud: str, service_tag: str, answer: bool | None) -> str | None:
    """Return why no route may have this tag as its prefix; None if one may, or if only Azure knows.

    `answer` is as in `is_routable`.
    """
    if is_routable(cloud, service_tag, answer) is not False:
        return None
    file = PUBLISHED[cloud]
    by_file = f"Microsoft's weekly file of {file.published} (change {file.change_number})"
    said_by = by_file if answer is None else "the Service Tag Discovery API"
    return f"{said_by} says that no route in {cloud} may have {service_tag} as its prefix"
