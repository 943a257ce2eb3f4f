#!/usr/bin/env bash
# Asks Hearback: ask.sh MESSAGE KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN. Needs curl and jq.
set -euo pipefail

# ask PATH [NAME=VALUE...]: the answer, or the problem's detail on standard error and a failure.
ask() {
    local path=$1 query=() status body
    shift
    for pair in "$@"; do query+=(--data-urlencode "$pair"); done
    body=$(curl -sS --get -w '\n%{http_code}' -H "Authorization: Bearer $HEARBACK_TOKEN" "${query[@]}" "$HEARBACK_URL$path")
    status=${body##*$'\n'} body=${body%$'\n'*}
    if [ "$status" != 200 ]; then
        jq -r '"\(.status) \(.detail)"' <<<"$body" >&2
        return 1
    fi
    printf '%s\n' "$body"
}

encoded() { jq -rn --arg text "$1" '$text | @uri'; }

message=$1 key=${2%%=*} value=${2#*=}

ask /v1/events type=bounced limit=5 \
    | jq -r '.data[] | "event \(.id) \(.type) \(.recipient) \(.failure.reason)"'

ask "/v1/messages/$message" \
    | jq -r '"message \(.id) \(.status) because of \(.explanation[] | select(.decided).type)"'

cursor=
while :; do
    page=$(ask "/v1/timelines/$(encoded "$key")/$(encoded "$value")" limit=3 ${cursor:+"cursor=$cursor"})
    jq -r --arg of "$key=$value" '.data[] | "timeline \($of) \(.type) \(.recipient)"' <<<"$page"
    cursor=$(jq -r '.next_cursor // empty' <<<"$page")
    [ -n "$cursor" ] || break
done
