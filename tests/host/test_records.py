"""The worker drops the log records of threads, but those of the app's own threads arrive."""

from tests.builders.azure import add_table, table_id


def test_the_records_of_a_run_arrive(azure, make_host):
    host = make_host(LOG_LEVEL="INFO")
    add_table(azure.state, "one")
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()
    host.request("POST", "/api/sync", json={}).raise_for_status()
    for record in ("registration", "routeTable", "run"):
        host.line_with(f'{{"record": "{record}"')
