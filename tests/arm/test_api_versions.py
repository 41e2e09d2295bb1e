"""A version that a cloud does not have is told from everything else that Azure answers alike."""

import pytest

from shared.arm.api_versions import unsupported_version

ARM = "https://management.usgovcloudapi.net/subscriptions/s"
WEB = f"{ARM}/providers/Microsoft.Web/hostingEnvironments?api-version=2025-05-01"
NETWORK = f"{ARM}/resourceGroups/g/providers/microsoft.network/routeTables/t?api-version=2026-03-01"

# As azure-cli issue 26827 shows it, for a list.
LISTED = (
    "The resource type 'hostingEnvironments' could not be found in the namespace 'Microsoft.Web' "
    "for api version '2025-05-01'. The supported api-versions are "
    "'2024-04-01,2023-12-01,2024-11-01-preview'."
)
# As azure-powershell issue 27549 shows it, for a resource.
RESOURCE = (
    "No registered resource provider found for location 'usgovvirginia' and API version "
    "'2026-03-01' for type 'routeTables'. The supported api-versions are '2023-01-01-preview, "
    "2023-02-01, 2024-03-01'. The supported locations are 'usgovarizona, usgovvirginia'."
)


@pytest.mark.parametrize(
    ("code", "message", "url", "said"),
    [
        ("InvalidResourceType", LISTED, WEB, "set ARM_API_VERSION_WEB to 2024-04-01"),
        ("NoRegisteredProviderFound", RESOURCE, NETWORK, "set ARM_API_VERSION_NETWORK to 2024-03"),
        (
            "InvalidResourceType",
            "The supported api-versions are '2015-08-01-preview'.",
            WEB,
            "set ARM_API_VERSION_WEB to 2015-08-01-preview",
        ),
    ],
)
def test_the_newest_version_and_the_setting_are_named(code, message, url, said):
    assert said in (unsupported_version(code, message, url) or "")


@pytest.mark.parametrize(
    ("code", "message", "url"),
    [
        ("ResourceNotFound", LISTED, WEB),
        ("InvalidResourceType", "The resource type 'x' could not be found.", WEB),
        # The version is known, so that it is the location or the type that is not.
        ("InvalidResourceType", LISTED, WEB.replace("2025-05-01", "2024-04-01")),
        # There is no setting for other providers.
        ("InvalidResourceType", LISTED, WEB.replace("Microsoft.Web", "Microsoft.Authorization")),
        ("InvalidResourceType", LISTED, f"{ARM}?api-version=2022-12-01"),
        ("InvalidResourceType", LISTED, ""),
    ],
)
def test_everything_else_stays_as_azure_says_it(code, message, url):
    assert unsupported_version(code, message, url) is None
