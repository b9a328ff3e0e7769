#!/usr/bin/env bash
# Starts `cfstore serve` in the background, waits until it serves, and gives its variables to the steps that follow.
# action.yml has the variables that this takes.
set -euo pipefail

fail() {
    printf '::error title=cfstore::%s\n' "$1"
    exit 1
}

command -v "$CFSTORE_PROGRAM" >/dev/null || fail "The program $CFSTORE_PROGRAM is not on this machine."
[[ $CFSTORE_TIMEOUT =~ ^[1-9][0-9]*$ ]] || fail "timeout is a number of seconds, not $CFSTORE_TIMEOUT."
[[ $CFSTORE_AWS_VARIABLES =~ ^(true|false)$ ]] || fail "aws-variables is true or false, not $CFSTORE_AWS_VARIABLES."

# Of this server alone: a job may start several.
folder=$(mktemp -d "$RUNNER_TEMP/cfstore.XXXXXX")
printed=$folder/variables.json
log=$folder/serve.log
arguments=()
while IFS= read -r argument; do
    case $argument in
        '') ;;
        # The server then prints a log, and not the variables that are read below.
        --log-format | --log-format=*)
            fail "args has --log-format, with which cfstore serve does not print its variables: leave it out. The output log names the log."
            ;;
        *) arguments+=("$argument") ;;
    esac
done <<<"$CFSTORE_ARGS"

# All that it prints is one line of JSON, once it listens. The file holds secrets.
(umask 077 && : >"$printed")
nohup "$CFSTORE_PROGRAM" --json serve --data "${CFSTORE_DATA:-$folder/data}" --listen "$CFSTORE_LISTEN" \
    ${arguments[@]+"${arguments[@]}"} </dev/null >"$printed" 2>"$log" &
pid=$!

fail_with_log() {
    kill "$pid" 2>/dev/null || true
    rm -f -- "$printed"
    printf '::group::The log of cfstore serve\n'
    cat "$log"
    printf '::endgroup::\n'
    fail "$1"
}

deadline=$((SECONDS + CFSTORE_TIMEOUT))
until [[ $(wc -l <"$printed") -ge 1 ]]; do
    kill -0 "$pid" 2>/dev/null || fail_with_log "cfstore serve ended at once."
    [[ $SECONDS -lt $deadline ]] || fail_with_log "cfstore serve did not start within $CFSTORE_TIMEOUT seconds."
    sleep 0.1
done

set_variable() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_ENV"; }
set_output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }
set_aws_variable() { if [[ $CFSTORE_AWS_VARIABLES == true ]]; then set_variable "$1" "$2"; fi; }

set_aws_variable AWS_REGION auto
# The AWS CLI and boto3 read no other.
set_aws_variable AWS_DEFAULT_REGION auto
set_output log "$log"
set_output pid "$pid"
# A pair of the object a line, as NAME":"value.
pairs=$(sed -e 's/^{"//' -e 's/"}$//' -e 's/","/\
/g' "$printed")
rm -f -- "$printed"
while IFS= read -r pair; do
    name=${pair%%\":\"*}
    value=${pair#*\":\"}
    case $name in
        R2_SECRET_ACCESS_KEY | CLOUDFLARE_API_TOKEN) printf '::add-mask::%s\n' "$value" ;;
    esac
    case $name in
        # Who goes by it may trust nothing else: it is for the steps that ask for it.
        SSL_CERT_FILE) set_output certificate "$value" ;;
        *) set_variable "$name" "$value" ;;
    esac
    case $name in
        R2_ENDPOINT)
            set_aws_variable AWS_ENDPOINT_URL_S3 "$value"
            set_output endpoint "$value"
            ;;
        R2_ACCESS_KEY_ID) set_aws_variable AWS_ACCESS_KEY_ID "$value" ;;
        R2_SECRET_ACCESS_KEY) set_aws_variable AWS_SECRET_ACCESS_KEY "$value" ;;
        CLOUDFLARE_API_BASE_URL) set_output kv-base-url "$value" ;;
    esac
done <<<"$pairs"
printf 'cfstore serves; its log is %s\n' "$log"
