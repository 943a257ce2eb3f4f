#!/usr/bin/env bash
# Registers a message, waits for its outcome, and asks what is known of it:
# ask.sh PROVIDER_MESSAGE_ID RECIPIENT KEY=VALUE, with HEARBACK_URL and HEARBACK_TOKEN. Needs curl and jq.
set -euo pipefail

# call OPTIONS...: the answer, or the problem's detail on standard error and a failure.
call() {
    local status body
    body=$(curl -sS -w '\n%{http_code}' -H "Authorization: Bearer $HEARBACK_TOKEN" "$@")
    status=${body##*$'\n'} body=${body%$'\n'*}
    if [ "$status" -ge 300 ]; then
        jq -r '"\(.status) \(.detail)"' <<<"$body" >&2
        return 1
    fi
    printf '%s\n' "$body"
}

# ask PATH [NAME=VALUE...]
ask() {
    local path=$1 query=()
    shift
    for pair in "$@"; do query+=(--data-urlencode "$pair"); done
    call --get "${query[@]}" "$HEARBACK_URL$path"
}

encoded() { jq -rn --arg text "$1" '$text | @uri'; }

provider_message_id=$1 recipient=$2 key=${3%%=*} value=${3#*=}

message=$(jq -n --arg id "$provider_message_id" --arg to "$recipient" --arg key "$key" --arg value "$value" '
    {source: "mailgun", provider_message_id: $id, recipient: $to, labels: {($key): $value}, expect_delivered_within: 900}')
id=$(call -H 'Content-Type: application/json' -d "$message" "$HEARBACK_URL/v1/messages" | jq -r .id)
echo "registered $id"

after=
while :; do
    page=$(ask /v1/events "message=$id" type=delivered,bounced,rejected,failed wait=30 ${after:+"after=$after"})
    after=$(jq -r .next_cursor <<<"$page")
    [ "$(jq '.data | length' <<<"$page")" = 0 ] || break
done
jq -r '.data[0] | "outcome \(.type) \(.recipient) \(.failure.reason // "-")"' <<<"$page"

ask "/v1/messages/$id" \
    | jq -r '"message \(.id) \(.status) because of \(.explanation[] | select(.decided).type)"'

cursor=
while :; do
    page=$(ask "/v1/timelines/$(encoded "$key")/$(encoded "$value")" limit=3 ${cursor:+"cursor=$cursor"})
    jq -r --arg of "$key=$value" '.data[] | "timeline \($of) \(.type) \(.recipient)"' <<<"$page"
    cursor=$(jq -r '.next_cursor // empty' <<<"$page")
    [ -n "$cursor" ] || break
done
