"""Recorded versions, and what each of them brought."""

import azure.functions as func

from ..app import App
from ..domain.addresses import Version, difference, service_tag_of
from ..domain.times import utc_text
from ..http import HttpFault, json_response, page, skip_token
from .shell import after, endpoint


@endpoint
def list_versions(context: App, request: func.HttpRequest) -> func.HttpResponse:
    def token(version: Version) -> str:
        return version.version_id

    by_id = {version.version_id: version for version in context.versions.list()}
    newest_first = sorted(by_id.values(), key=lambda v: (v.recorded_at, v.version_id), reverse=True)
    return page(
        request,
        "versions",
        after(skip_token(request), newest_first, token),
        token_of=token,
        render=lambda version: _version_json(version, by_id.get(version.previous_version_id or "")),
    )


@endpoint
def get_version(context: App, request: func.HttpRequest) -> func.HttpResponse:
    version = context.versions.get(request.route_params["versionId"])
    if version is None:
        raise HttpFault(404, "VersionNotFound", "there is no version with this id")
    previous = context.versions.get(version.previous_version_id or "")
    return json_response(_version_json(version, previous))


def _version_json(version: Version, previous: Version | None) -> dict[str, object]:
    change = difference(
        () if previous is None else previous.address_prefixes, version.address_prefixes
    )
    tag = service_tag_of(version.source)
    return {
        "versionId": version.version_id,
        "cloud": version.cloud,
        "serviceTag": tag,
        "changeNumber": version.change_number,
        "recordedAt": utc_text(version.recorded_at),
        "source": "ase" if tag is None else "serviceTag",
        "locations": list(version.locations) or [version.source],
        "addressPrefixes": list(version.address_prefixes),
        "added": list(change.added),
        "removed": list(change.removed),
        "previousVersionId": version.previous_version_id,
    }
