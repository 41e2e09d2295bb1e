#!/usr/bin/env bash
# Starts a run of ASE Route Sync, waits for it, and fails if it fails. It needs curl and jq.
#
#   start-run.sh URL [BODY] < KEY_FILE
#
# URL is the app, or the gateway in front of it: https://NAME.azurewebsites.net. BODY is the body of
# POST /api/sync; {} is the default and means all route tables. A host key comes on standard input.
#
#   TOKEN_FILE     a file with an Entra token, if callers of the app have app roles
#   WAIT_SECONDS   how long to wait for the run: 3600
#
# Standard output has the report, and standard error says in words how it ended. Exit status:
#
#   0  the run succeeded; if route tables wait for approval, a line says so
#   1  the run failed, and a line for each of its route tables says why
#   2  no run was started
#   3  nobody knows: the start got no clear answer, or the run goes on but could not be followed
{ set +x; } 2>/dev/null # a trace would show the key
set -uo pipefail
export LC_ALL=C
umask 077
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
key='' token=''

say() {
  local text=$1
  [ -z "$key" ] || text=${text//"$key"/[key]}
  printf 'start-run: %s\n' "$text" >&2
}

end() {
  say "$2"
  exit "$1"
}

# Call PATH within so many seconds. The answer is in $code and $work/body, and the pause before the next
# call in $delay. The key goes through a pipe, because everybody can read the arguments of a process.
call() {
  rm -f "$work/body"
  : >"$work/head"
  code=$(
    {
      printf 'x-functions-key: %s\n' "$key"
      [ -z "$token" ] || printf 'authorization: Bearer %s\n' "$token"
    } | curl -q -sS -g --noproxy 127.0.0.1,localhost --max-time "$2" -H @- -o "$work/body" \
      -D "$work/head" -w '%{http_code}' "${@:3}" "$url$1"
  )
  lost=$?
  [ "$lost" = 0 ] || code=lost

  delay=$(tr -d '\r' <"$work/head" | sed -n 's/^[Rr]etry-[Aa]fter: *//p' | tail -n 1)
  [[ $delay =~ ^[0-9]{1,9}$ ]] || delay=5
  delay=$((10#$delay < 1 ? 1 : 10#$delay > 60 ? 60 : 10#$delay))
}

field() { jq -er "$1 // empty" "$work/body" 2>/dev/null; }

refusal() {
  echo "HTTP $code"
  field '.error | "\(.code): \(.message)", (.details[]? | "  \(.target): \(.message)")'
}

# ---- What is asked for

[ $# = 1 ] || [ $# = 2 ] || end 2 'usage: start-run.sh URL [BODY] < KEY_FILE'
for needed in curl jq; do
  command -v "$needed" >/dev/null || end 2 "$needed is not installed"
done

url=${1%/}
safe='^(https://|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/|$))[^?#@[:space:]]*$'
[[ $url =~ $safe ]] || end 2 'URL must begin with https:// and have no key, user or blank in it'
body=${2-'{}'}
jq -e 'type == "object"' >/dev/null 2>&1 <<<"$body" || end 2 'BODY is no JSON object'
printf '%s' "$body" >"$work/request"
wait_seconds=${WAIT_SECONDS:-3600}
[[ $wait_seconds =~ ^[0-9]{1,6}$ ]] || end 2 'WAIT_SECONDS is no number of seconds'

[ ! -t 0 ] || end 2 'give the host key on standard input'
key=$(tr -d '[:space:]')
[[ $key =~ ^[!-~]+$ ]] || end 2 'standard input has no key'
if [ -n "${TOKEN_FILE-}" ]; then
  token=$(tr -d '[:space:]' <"$TOKEN_FILE") && [[ $token =~ ^[!-~]+$ ]] || end 2 'TOKEN_FILE has no token'
fi

# ---- Start. Azure's front end ends a call after 230 seconds.

call /api/sync 230 -H 'content-type: application/json' --data-binary "@$work/request"
look="Look at GET $url/api/runs before you start another one."
case $code-$lost in
  2??-*) ;; # it has to name the run
  # curl's exit status: the name was not found, or no connection was made.
  lost-6 | lost-7 | lost-35 | lost-60) end 2 "no run was started: $url cannot be reached" ;;
  lost-*) end 3 "the connection was lost, so it is not known whether a run was started. $look" ;;
  408-* | 5??-*) end 3 "it is not known whether a run was started: $(refusal). $look" ;;
  *) end 2 "no run was started: $(refusal)" ;;
esac

run=$(field .runId)
[[ $run =~ ^[A-Za-z0-9-]+$ ]] || end 3 "the answer names no run. $look"
say "run $run started"

# ---- Wait. The address is made from URL, so the key goes to no other host.

status=''
deadline=$((SECONDS + 10#$wait_seconds))
until [[ $status =~ ^(Succeeded|Failed)$ ]]; do
  left=$((deadline - SECONDS))
  [ "$left" -gt 0 ] || end 3 "run $run has not ended within $wait_seconds s; it goes on by itself"
  sleep "$((delay < left ? delay : left))"
  call "/api/runs/$run" "$((left < 60 ? left : 60))"

  # Even with 200, what a gateway shows is no report of this run.
  case $code in
    200) status=$(field "select(.runId == \"$run\") | .status") ;;
    202 | lost | 408 | 429 | 5??) ;;
    *) end 3 "run $run cannot be followed, and goes on by itself: $(refusal)" ;;
  esac
done

# ---- Tell. HTTP 200 says only that the report was read, so its status decides.

jq . "$work/body"
lines=$(jq -r '
  "\(.status), \(.counts | to_entries | map("\(.value) \(.key)") | join(", "))",
  (.error // empty | "\(.code): \(.message)"),
  (.outcomes[]
    | select(.status | IN("conflict", "blocked", "failed"))
    | "\(.status): \(.routeTableId)",
      (.error // .violations[0] // empty | "  \(.code): \(.message)"),
      (.conflicts[] | "  the route \(.routeName) has \(.prefix)")),
  (select(.mode == "apply")
    | [.outcomes[] | select(.status == "planned"
        or (.status == "changed" and any(.withheld[]; .why == "ApplyPolicy")))]
    | select(length > 0)
    | "\(length) route tables wait for approval, by the planRunId of this run")
' "$work/body")
say "run $run: $lines"
[ "$status" = Succeeded ]
