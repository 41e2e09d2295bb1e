"""Azure Automation runbook (Python 3.8 or newer): start a run of ASE Route Sync, and wait for it.

    start_ase_route_sync.py URL (--key-variable NAME | --key KEY) [option ...]

URL is the address of the app or of the gateway in front of it, https://NAME.azurewebsites.net. NAME
is an encrypted Automation variable that holds a host key. `--help` lists the options. They are the
parameters of the runbook in PowerShell, Start-AseRouteSync.ps1.

The output is one JSON object with runId, status, mode, counts, tables and url. Tables that wait for
approval, tables that failed and the reason of a failure are on stderr. The job fails if the run
failed, has not ended in time, or if nobody knows whether it was started. The exit status is then 1.

Standard library only.
"""

import argparse
import collections
import contextlib
import email.utils
import hashlib
import http.client
import ipaddress
import json
import os
import queue
import re
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

READ_SECONDS = 60  # the limit of a call that only reads
START_SECONDS = 230  # the limit of the start: Azure itself ends a call then
LAST_LOOK_SECONDS = 5  # the limit of a read for which no time is left
PATIENCE_SECONDS = 30  # how long the job tries before there is a run
DEFAULT_DELAY = 5  # the pause between two reads if the app names none
BAD = ("failed", "blocked", "conflict")

Answer = collections.namedtuple("Answer", "status text json delay location sent")
"""Status 0 means that no whole answer came, and `text` says why. `sent` is false if the call
failed before anything was sent."""


class Failure(Exception):
    """One sentence for people."""


def main(arguments):
    asked = parsed(arguments)
    base = base_url(asked.url)
    alert = alert_body(asked) if asked.webhook_data is not None else None
    request = sync_body(asked) if alert is None else None

    job = Job(asked, base)
    job.sign_in()
    run_id = job.send_alert(alert) if alert is not None else job.resolve_run(request)
    if not run_id:
        result = dict.fromkeys(("runId", "status", "mode", "counts", "tables", "url"))
        print(json.dumps({**result, "status": "Ignored", "tables": []}))
        return
    progress(f"waiting for run {run_id}")
    job.show(job.wait(run_id))


# ---- The request -------------------------------------------------------------------------------


class OneLineParser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message}\n")


def parsed(arguments):
    description = "Start a run of ASE Route Sync, and wait for it."
    parser = OneLineParser(description=description, allow_abbrev=False)
    add = parser.add_argument
    add("url", help="the address of the app: https://NAME.azurewebsites.net")
    add("--key-variable", help="the encrypted Automation variable of a host key")
    add("--key", help="the key itself; Automation logs a job's parameters")
    add("--plan", action="store_true", help="only show what a run would change")
    add("--route-table", action="append", help="an ARM id; all tables without it; can be repeated")
    add("--reason", help="why the run is started")
    add("--change-id", help="the id in your change management; without it, the id of the job")
    add("--plan-run-id", help="approve this run: apply exactly what waited in it")
    add("--wait-minutes", type=minutes, default=60, help="how long the job waits for the run")
    add("--audience", help="also send a token of the managed identity: api://CLIENT_ID")
    add("--client-id", help="the client id of a user-assigned identity")
    add("--fail-on-planned", action="store_true", help="fail if a table waits for approval")
    add("--webhook-data", help="JSON with RequestBody: the alert in it is handed on to the app")
    add("--body", default="{}", help="the body of POST /api/sync, for what has no option here")

    asked, unknown = parser.parse_known_args(arguments)
    if unknown:  # they are not repeated, because one of them may be a key
        parser.error(f"{len(unknown)} arguments are not known; --help lists the options")
    return asked


def minutes(text):
    number = float(text)
    if not 0.01 <= number <= 1440:
        raise argparse.ArgumentTypeError("give 0.01 to 1440")
    return number


def base_url(text):
    try:
        parts = urllib.parse.urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise Failure("URL is no web address: give https://NAME.azurewebsites.net")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise Failure("URL has more than an address in it: give https://NAME.azurewebsites.net")
    if parts.scheme != "https" and not is_loopback(host):
        raise Failure(f"URL begins with http, and a key is sent over https only: {host}")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def is_loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def clean_secret(text, name):
    """A key with a blank or a line break in it is refused by http.client in a message that shows
    the key.
    """
    clean = str(text or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]+", clean):
        raise Failure(f"{name} is empty, or has blanks or letters in it that no key has")
    return clean


def sync_body(asked):
    body = json_object(asked.body)
    if body is None:
        raise Failure("--body is no JSON object")
    given = {
        "mode": "plan" if asked.plan else None,
        "routeTables": asked.route_table,
        "reason": asked.reason,
        "changeId": asked.change_id,
        "planRunId": asked.plan_run_id,
    }
    return {**body, **{name: value for name, value in given.items() if value}}


def alert_body(asked):
    others = (asked.plan, asked.route_table, asked.reason, asked.change_id, asked.plan_run_id)
    if any(others) or asked.body != "{}":
        raise Failure("--webhook-data hands an alert on, so nothing else can be asked for")
    alert = (json_object(asked.webhook_data) or {}).get("RequestBody")
    if not alert:
        raise Failure("no alert can be read from --webhook-data")
    return alert if isinstance(alert, str) else json.dumps(alert)


def narrowing(request):
    """What makes a request another one than "apply everything"."""
    plain = {"mode": "apply"}
    return {
        name: value
        for name, value in request.items()
        if name not in ("reason", "changeId") and plain.get(name) != value
    }


def own_change_id(job_id, request):
    """Two jobs never have the same id, but one job can ask for several runs. So the id of a request
    that is not the plain one has a digest of the request behind it.
    """
    narrow = narrowing(request)
    if not narrow:
        return job_id
    digest = hashlib.sha256(json.dumps(narrow, sort_keys=True).encode())
    return f"{job_id}/{digest.hexdigest()[:8]}"


# ---- HTTP --------------------------------------------------------------------------------------


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def call(method, url, headers, content=None, seconds=READ_SECONDS):
    """Make one call, which ends after these seconds whatever happens.

    The timeouts of Python's sockets are for one step each, and looking up a name has none. So the
    call is made in a thread, which is left behind if it takes too long.
    """
    answers = queue.Queue()
    parts = (method, url, headers, content, seconds)
    threading.Thread(target=lambda: answers.put(call_now(*parts)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return lost(f"no answer within {seconds:.0f} seconds")


def call_now(method, url, headers, content, seconds):
    body = content.encode() if content is not None else None
    kind = {"Content-Type": "application/json"} if body else {}
    # Over plain HTTP, which is for this machine alone, a proxy would read the key.
    proxies = None if url.startswith("https:") else {}
    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler(proxies))
    try:
        request = urllib.request.Request(url, body, {**headers, **kind}, method=method)
        with opener.open(request, timeout=seconds) as answer:
            return read(answer.status, answer)
    except urllib.error.HTTPError as error:
        return read_error(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        unsent = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
        return lost(str(reason) or type(reason).__name__, sent=not isinstance(reason, unsent))


def read_error(error):
    try:
        return read(error.code, error)
    except (OSError, http.client.HTTPException) as why:
        return lost(str(why) or type(why).__name__)


def read(status, answer):
    text = answer.read().decode(errors="replace")
    delay = seconds_of(answer.headers.get("Retry-After"))
    return Answer(status, text, json_object(text), delay, answer.headers.get("Location"), True)


def lost(why, sent=True):
    return Answer(0, why, None, DEFAULT_DELAY, None, sent)


def seconds_of(retry_after):
    """Read seconds, a date, or nonsense: at least 1 second, at most 60."""
    seconds = float(DEFAULT_DELAY)
    if re.fullmatch(r"\s*[0-9]+(\.[0-9]+)?\s*", retry_after or ""):
        seconds = float(retry_after)
    elif retry_after:
        parts = email.utils.parsedate_tz(retry_after)
        with contextlib.suppress(ValueError, OverflowError):  # no calendar has the date
            seconds = email.utils.mktime_tz(parts) - time.time() if parts else seconds
    return min(max(seconds, 1.0), 60.0)


def json_object(text):
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_redirect(answer):
    return 300 <= answer.status < 400


def is_passing(answer, also=()):
    """Whether the same call may be answered well a little later. The app and its host answer errors
    in JSON or without a body; anything else comes from a gateway.
    """
    if answer.status in (408, 429, *also) or answer.status >= 500:
        return True
    if answer.status == 401 or is_redirect(answer):
        return False
    if answer.status < 300:
        return answer.json is None
    return bool(answer.text.strip()) and answer.json is None


def progress(text):
    """Say it to a person; a job's stderr is for what somebody has to look at."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


# ---- The job -----------------------------------------------------------------------------------


class Job:
    def __init__(self, asked, base):
        self.asked = asked
        self.base = base
        self.began = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self.start = time.monotonic()
        self.key = ""
        self.headers = {}

    def left(self):
        return self.start + 60 * self.asked.wait_minutes - time.monotonic()

    def pause(self, seconds):
        time.sleep(max(min(seconds, self.left()), 0))

    def ask(self, url, headers, method="GET", content=None, also=(), within=float("inf")):
        """Call again while the answer is one that passes, and the time is not up."""
        ends = time.monotonic() + min(self.left(), within)
        while True:
            left = max(ends - time.monotonic(), LAST_LOOK_SECONDS)
            answer = call(method, url, headers, content, min(READ_SECONDS, left))
            if time.monotonic() >= ends or not is_passing(answer, also):
                return answer
            progress(f"{self.said(answer)}; trying again")
            self.pause(answer.delay)

    def said(self, answer):
        """Say what an answer says, in one line and without a key that somebody put into it."""
        if answer.status == 0:
            return f"the app does not answer: {answer.text}"
        text = f"the answer was {answer.status}"
        if is_redirect(answer):
            return f"{text}, a redirect, and keys do not follow redirects"
        if answer.status == 401:
            text += " (is the key a host key of this app?)"
        if answer.json is None:
            return f"{text} and no JSON" if answer.text.strip() else text

        problem = answer.json.get("error")
        if isinstance(problem, dict):
            details = problem.get("details") or ()
            lines = [f"{one.get('target')}: {one.get('message')}" for one in details]
            text += " " + "; ".join([code_and_message(problem), *lines])
        return text.replace(self.key, "***")

    # The key and the token

    def sign_in(self):
        name = self.asked.key_variable
        if not name and not self.asked.key:
            raise Failure("one of --key and --key-variable is needed")
        secret = automation_variable(name) if name else self.asked.key
        self.key = clean_secret(secret, f"the variable {name}" if name else "--key")
        self.headers = {"x-functions-key": self.key}
        if self.asked.audience:
            self.headers["Authorization"] = f"Bearer {self.identity_token()}"

    def identity_token(self):
        """Automation has an endpoint of its own. Hybrid workers on virtual machines have the
        instance metadata service, which Azure's SDKs look for in the same variable.
        """
        query = {"resource": self.asked.audience}
        if self.asked.client_id:
            query["client_id"] = self.asked.client_id
        headers = {"Metadata": "true"}

        endpoint, header = os.environ.get("IDENTITY_ENDPOINT"), os.environ.get("IDENTITY_HEADER")
        if endpoint and header:
            query["api-version"] = "2019-08-01"
            headers["X-IDENTITY-HEADER"] = header
        elif endpoint:
            raise Failure(
                "no run was started: the identity of an Azure Arc machine does not work here"
            )
        else:
            service = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254")
            endpoint = service.rstrip("/") + "/metadata/identity/oauth2/token"
            query["api-version"] = "2018-02-01"

        # The metadata service answers 404 and 410 while it is being updated.
        url = f"{endpoint}?{urllib.parse.urlencode(query)}"
        answer = self.ask(url, headers, also=(404, 410), within=PATIENCE_SECONDS)
        token = (answer.json or {}).get("access_token")
        if answer.status != 200 or not token:
            why = f"it answered {answer.status}" if answer.status else answer.text
            raise Failure(f"no run was started: the managed identity gives no token: {why}")
        return clean_secret(token, "the token of the managed identity")

    # The run

    def resolve_run(self, request):
        """Start a run, or find the one that this job has started before."""
        if request.get("changeId"):
            return self.start_run(request, own_id=False)

        # Automation begins a job again if its machine is lost, or after three hours.
        job_id = os.environ.get("AUTOMATION_JOB_ID")
        request["changeId"] = own_change_id(job_id or str(uuid.uuid4()), request)
        if job_id:
            found, refusal = self.find_run(request, own_id=True)
            if refusal:
                raise Failure(f"no run was started: {refusal}")
            if found:
                progress(f"this job has started run {found} before")
                return found
        return self.start_run(request, own_id=True)

    def start_run(self, request, own_id):
        """Return the id of the run. A call that was never sent is tried again, and no other."""
        if self.left() <= 0:
            raise Failure("no run was started: the time is up")
        url, content = self.base + "/api/sync", json.dumps(request)
        while True:
            seconds = min(max(self.left(), 1), START_SECONDS)
            answer = call("POST", url, self.headers, content, seconds)
            patient = time.monotonic() < self.start + PATIENCE_SECONDS and self.left() > 0
            if answer.sent or not patient:
                break
            self.pause(answer.delay)

        run_id = self.started(answer)
        if run_id:
            return run_id
        unknown = answer.status in (0, 408) or answer.status >= 500 or answer.status < 300
        if not answer.sent or not unknown:
            raise Failure(f"no run was started: {self.said(answer)}")
        return self.find_lost_run(request, self.said(answer), own_id)

    def find_lost_run(self, request, why, own_id):
        """The app may have started the run although its answer was lost, or be about to."""
        warn(f"it is not known whether a run was started, so the job looks for it: {why}")
        for look in range(3):
            if look:
                self.pause(DEFAULT_DELAY)
            found, refusal = self.find_run(request, own_id)
            if found:
                return found
            if self.left() <= 0:
                break
        seen = refusal or "no run was found that is surely this one"
        raise Failure(
            f"it is not known whether a run was started: {why}; {seen}; before you start another, "
            f"look for the changeId {request['changeId']} in {self.base}/api/runs"
        )

    def find_run(self, request, own_id):
        """Return the id of the run that this request has started, and why it can't be known."""
        query = urllib.parse.urlencode({"changeId": request["changeId"], "top": 20})
        url = f"{self.base}/api/runs?{query}"
        answer = self.ask(url, self.headers, within=PATIENCE_SECONDS)
        if answer.status != 200 or answer.json is None:
            return None, self.said(answer)
        for run in answer.json.get("value") or ():
            if self.is_own(run, request, own_id):
                return run["runId"], None
        return None, None

    def is_own(self, run, request, own_id):
        """Other people may have used the change id that a person gave, for other runs. The list
        shows only the mode of what they asked for.
        """
        same = all(run.get(name) == request.get(name) for name in ("changeId", "reason"))
        if own_id or not same:
            return same
        shown = not set(narrowing(request)) - {"mode"}
        mode = request.get("mode", "apply")
        return shown and run.get("mode") == mode and str(run.get("startedAt")) >= self.began

    def send_alert(self, alert):
        """The app starts one run for an alert, however often it comes. So every call may be
        repeated. Return None if the app ignores the alert.
        """
        answer = self.ask(self.base + "/api/alerts", self.headers, "POST", alert)
        if answer.status == 202 and (answer.json or {}).get("ignored"):
            progress(f"the alert was ignored: {answer.json['ignored']}")
            return None
        run_id = self.started(answer)
        if not run_id:
            raise Failure(f"the alert was not taken: {self.said(answer)}")
        return run_id

    def started(self, answer):
        """Return the id of the run that was started, or None, after the pause that the app asks
        for. The run is read under the address of URL, whatever Location says, because no other host
        gets the key.
        """
        run_id = str((answer.json or {}).get("runId"))
        if answer.status != 202 or not re.fullmatch("[0-9A-Za-z-]{1,64}", run_id):
            return None
        host = urllib.parse.urlsplit(answer.location or "").netloc
        if host and host != urllib.parse.urlsplit(self.base).netloc:
            warn(
                f"Location names another host, {host}, which gets no key; "
                "if the app stands behind a gateway, set PUBLIC_URL"
            )
        self.pause(answer.delay)
        return run_id

    def wait(self, run_id):
        """Wait for the end of the run, and return its report."""
        while True:
            answer = self.ask(f"{self.base}/api/runs/{run_id}", self.headers)
            read = answer.status in (200, 202)
            # Even with 200, what a gateway shows is no report of this run.
            known = read and (answer.json or {}).get("runId") == run_id
            if known and answer.json.get("status") in ("Succeeded", "Failed"):
                return answer.json

            if not read and not is_passing(answer):
                why = self.said(answer)
                raise Failure(f"run {run_id} can't be followed, and goes on by itself: {why}")
            if self.left() <= 0:
                last = "" if known else f": {self.said(answer)}"
                limit = f"{self.asked.wait_minutes:g} minutes"
                raise Failure(
                    f"run {run_id} has not ended in time ({limit}), and goes on by itself{last}"
                )
            self.pause(answer.delay)

    # The report

    def show(self, report):
        """Print the result, say what is wrong, and fail if the run has failed."""
        run_id, outcomes = report["runId"], report.get("outcomes") or []
        result = {
            **{name: report.get(name) for name in ("runId", "status", "mode", "counts")},
            "tables": [table_result(outcome) for outcome in outcomes],
            "url": f"{self.base}/api/runs/{run_id}",
        }
        print(json.dumps(result))

        for outcome in outcomes:
            self.tell(outcome, run_id)
        if report["status"] != "Succeeded":
            bad = sum(outcome["status"] in BAD for outcome in outcomes)
            cause = report.get("error")
            why = f": {code_and_message(cause)}" if cause else ""
            count = f"{bad} of {len(outcomes)} route tables"
            raise Failure(f"run {run_id} failed, with {count}{why}")
        waiting = sum(map(is_waiting, outcomes))
        if self.asked.fail_on_planned and waiting:
            raise Failure(f"run {run_id}: {waiting} route tables wait for approval")

    def tell(self, outcome, run_id):
        table = outcome["routeTableId"]
        if outcome["status"] in BAD:
            say = f"error: {table} {outcome['status']}: {fault(outcome)}. {remedy(outcome, run_id)}"
            print(say, file=sys.stderr)
        elif is_waiting(outcome):
            name = self.asked.key_variable
            key = f"--key-variable {name}" if name else "--key ..."
            warn(
                f"{table} waits for approval in run {run_id}: start_ase_route_sync.py {self.base} "
                f"{key} --plan-run-id {run_id} --route-table {table}"
            )


def automation_variable(name):
    try:
        import automationassets  # only Azure Automation has it

        return automationassets.get_automation_variable(name)
    except Exception as error:  # that module has its own exceptions
        why = type(error).__name__
        raise Failure(f"the Automation variable {name} can't be read: {why}") from None


def warn(text):
    print(f"warning: {text}", file=sys.stderr)


def code_and_message(problem):
    return f"{problem.get('code')}: {problem.get('message')}"


def table_result(outcome):
    """A job's output has a limit of 1 MB, so a table's prefixes are counted and not listed."""
    counts = {name: len(outcome.get(name) or ()) for name in ("added", "removed", "updated")}
    result = {"routeTable": outcome["routeTableId"], "status": outcome["status"]}
    return {**result, **counts, "fault": fault(outcome)}


def fault(outcome):
    """Return what is wrong with a table, as code and message."""
    problems = [outcome.get("error"), *(outcome.get("violations") or ())]
    texts = [code_and_message(problem) for problem in problems if problem]
    texts += [
        f"Conflict: {each['prefix']} has the route {each['routeName']} to {each['nextHopType']}, "
        "which is not ours"
        for each in outcome.get("conflicts") or ()
        if not each.get("accepted")
    ]
    return "; ".join(texts)


def remedy(outcome, run_id):
    if outcome["status"] == "conflict":
        return "Delete that route, or register an exception for its prefix."
    violations = outcome.get("violations") or ()
    codes = [each["code"] for each in violations if each.get("forceable")]
    if codes:
        body = json.dumps({"planRunId": run_id, "force": codes})
        return f"If the change is right, let it pass: --body '{body}' --reason '...'"
    return "Mend that, and start a new run. docs/operations.md explains each code."


def is_waiting(outcome):
    """Whether something of this table waits for a person. An additive policy withholds only
    removals.
    """
    withheld = [one for one in outcome.get("withheld") or () if one.get("why") == "ApplyPolicy"]
    return outcome["status"] == "planned" or (outcome["status"] == "changed" and bool(withheld))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        print("interrupted; a run that was started goes on by itself", file=sys.stderr)
        sys.exit(130)
    except Exception as error:  # whatever it is, it is one sentence
        sys.exit(f"the job failed: {type(error).__name__}: {error}")
