"""Azure Automation runbook (Python 3.10 or newer): start a run of ASE Route Sync, and wait for it.

    start_ase_route_sync.py URL (--key KEY | --key-variable NAME) [--audience AUDIENCE]
                            [--body JSON] [--wait-minutes MINUTES]

URL is the address of the app, https://NAME.azurewebsites.net. JSON is the body of `POST /api/sync`;
`{}` means all route tables. Give a host key, or keep it in an encrypted Automation variable. If
callers of the app have app roles, also give AUDIENCE, api://CLIENT_ID: the runbook then sends a
token of the Automation account's managed identity as well. The job fails if the run failed or has
not ended in time.

Standard library only.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

LONGEST_WAIT_SECONDS = 60
TRIES = 5


class RunFailed(Exception):
    pass


def main(arguments):
    asked = _arguments(arguments)
    headers = {"Content-Type": "application/json", **_credentials(asked)}
    body = json.dumps(json.loads(asked.body)).encode()
    status, answered, report = _call("POST", asked.url.rstrip("/") + "/api/sync", headers, body)
    if status != 202:
        raise RunFailed(f"no run was started: {status} {_error_of(report)}")
    print(f"run {report['runId']} started")
    report = _follow(answered, headers, time.monotonic() + 60 * asked.wait_minutes)
    print(json.dumps({key: report[key] for key in ("runId", "status", "counts", "error")}))
    if report["status"] != "Succeeded":
        raise RunFailed(_why(report))


def _follow(answered, headers, ends):
    """Wait at the pace of `Retry-After` until the run has ended, and return its report."""
    location = answered["Location"]
    while time.monotonic() < ends:
        time.sleep(min(int(answered.get("Retry-After", "5")), LONGEST_WAIT_SECONDS))
        status, answered, report = _call("GET", location, headers)
        if status == 200:
            return report
        if status != 202:
            raise RunFailed(f"the run can't be followed: {status} {_error_of(report)}")
        location = answered["Location"]
    raise RunFailed("the run has not ended in time; it goes on by itself")


def _call(method, url, headers, body=None):
    """Return status, headers and JSON. If the app does not answer, only a read is tried again, so
    that no run is started twice.
    """
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    left = TRIES if method == "GET" else 1
    while True:
        left -= 1
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 or not left:
                return error.code, error.headers, _json(error.read())
        except (urllib.error.URLError, TimeoutError) as error:
            if not left:
                raise RunFailed(f"the app does not answer: {error}") from None
        time.sleep(2)


def _credentials(asked):
    key = asked.key
    if asked.key_variable:
        import automationassets  # only Azure Automation has it

        key = automationassets.get_automation_variable(asked.key_variable)
    if not key:
        raise RunFailed("one of --key and --key-variable is needed")
    if not asked.audience:
        return {"x-functions-key": key}
    token = _identity_token(asked.audience)
    return {"x-functions-key": key, "Authorization": f"Bearer {token}"}


def _identity_token(audience):
    """Return a token of the Automation account's managed identity."""
    query = urllib.parse.urlencode({"resource": audience, "api-version": "2019-08-01"})
    request = urllib.request.Request(
        f"{os.environ['IDENTITY_ENDPOINT']}?{query}",
        headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"], "Metadata": "True"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["access_token"]


def _why(report):
    bad = [o for o in report["outcomes"] if o["status"] in ("failed", "blocked", "conflict")]
    lines = [f"{o['status']}: {o['routeTableId']} {_error_of(o)}" for o in bad]
    return "\n".join([f"run {report['runId']} failed {_error_of(report)}", *lines])


def _error_of(report):
    error = (report or {}).get("error") or {}
    return f"{error.get('code', '')} {error.get('message', '')}".strip()


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def _arguments(arguments):
    parser = argparse.ArgumentParser(description="Start a run of ASE Route Sync, and wait for it.")
    parser.add_argument("url")
    parser.add_argument("--body", default="{}")
    parser.add_argument("--key")
    parser.add_argument("--key-variable")
    parser.add_argument("--audience")
    parser.add_argument("--wait-minutes", type=float, default=60)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RunFailed as failure:
        sys.exit(str(failure))
