"""Every resource against the schema of its type; and that a fault in one would be found."""

import pytest

from .bicep import FILES, INFRA, declared, planted
from .schemas import schemas_of


@pytest.fixture(scope="module")
def faults(pytestconfig):
    """It lists what of a source's resources the schemas do not know."""
    kinds = {resource.type for file in FILES for resource in declared(file.read_bytes())}
    schema_of = schemas_of(kinds, pytestconfig.cache)

    def found(source):
        return [
            fault
            for resource in declared(source)
            for fault in schema_of(resource.type).faults(resource)
        ]

    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_resource_is_as_its_schema_has_it(file, faults):
    assert faults(file.read_bytes()) == []


def test_that_is_said_of_every_resource():
    found = [resource for file in FILES for resource in declared(file.read_bytes())]
    text = "".join(file.read_text() for file in FILES)
    lines = [line.strip() for line in text.splitlines()]
    written = [x for x in lines if x.startswith("resource ") and "existing =" not in x]
    assert len(found) == len(written) > 25


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        ("app", "instanceMemoryMB: 2048", "instanceMemory: 2048", "instanceMemory is not known"),
        ("app", "type: 'UserAssigned'", "type: 'Assigned'", "is 'Assigned'"),
        ("app", "  alwaysOn: true", "  alwaysOn: 'yes'", "not bool"),
        ("app", "linuxFxVersion", "linuxFx", "linuxFx is not known"),
        ("app", "httpsOnly: true", "httpsOnly: 1", "httpsOnly is 1, and not bool"),
        ("app", "platform: {", "platforms: {", "platforms is not known"),
        ("app", "clientId: authClientId", "client: authClientId", "client is not known"),
        ("app", "  location: location\n  tags: tags\n  kind: 'functionapp,linux'", "", "location"),
        ("storage", "'TLS1_2'", "'TLS9'", "minimumTlsVersion is 'TLS9'"),
        ("storage", "  kind: 'StorageV2'\n", "", "kind is missing"),
        ("monitoring", "sku: {\n      name: 'PerGB2018'\n    }", "sku: 'PerGB2018'", "no"),
        ("alerts", "windowSize: ", "window: ", "window is not known"),
        ("alerts", "operator: 'Include'\n", "operators: 'Include'\n", "operators is not known"),
        ("alerts", "groupShortName", "shortName", "shortName is not known"),
        ("alerts", "emailAddress: email", "mail: email", "mail is not known"),
        ("drift-alert", "scopes: [", "scope: [", "scope is not known"),
        ("workbook", "displayName: name", "timeModified: name", "timeModified is read-only"),
        ("private-endpoint", "groupIds: [", "groups: [", "groups is not known"),
        ("private-endpoint", "privateDnsZoneId: dns", "zoneId: dns", "zoneId is not known"),
        ("access", "principalType: 'ServicePrincipal'", "principalType: 'App'", "is 'App'"),
    ],
)
def test_a_fault_is_found(file, right, wrong, told, faults):
    found = faults(planted(INFRA / "modules" / f"{file}.bicep", right, wrong))
    assert any(told in fault for fault in found), found
