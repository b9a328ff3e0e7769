#!/usr/bin/env bash
# Installs cfstore for the steps of a job: packaging/install.sh, with what the action knows. action.yml has the variables.
set -euo pipefail

fail() {
    printf '::error title=cfstore::%s\n' "$1"
    exit 1
}

# A tag such as v0.1.0 says which version; a branch or a commit does not.
if [[ -z ${CFSTORE_VERSION-} && ${ACTION_REF-} =~ ^v([0-9]+\.[0-9]+\.[0-9]+.*)$ ]]; then
    CFSTORE_VERSION=${BASH_REMATCH[1]}
fi
CFSTORE_VERSION=${CFSTORE_VERSION#v}
if [[ -z ${CFSTORE_BASE_URL-} ]]; then
    [[ -n ${ACTION_REPOSITORY-} ]] ||
        fail "The action is used from a folder, so it has no release of its own: give base-url, or program for a cfstore that is installed."
    [[ -n $CFSTORE_VERSION ]] ||
        fail "The version is not known: give it as version, or use the action by the tag of a release instead of ${ACTION_REF:-a branch}."
    CFSTORE_BASE_URL=$SERVER_URL/$ACTION_REPOSITORY/releases/download/v$CFSTORE_VERSION
fi
export CFSTORE_BASE_URL CFSTORE_VERSION
export CFSTORE_INSTALL_DIR=$RUNNER_TEMP/cfstore-bin

# With the PATH of the following steps, so that it does not tell how to change it.
PATH=$CFSTORE_INSTALL_DIR:$PATH sh "$GITHUB_ACTION_PATH/packaging/install.sh" || fail "cfstore was not installed from $CFSTORE_BASE_URL: the lines above say why."
printf '%s\n' "$CFSTORE_INSTALL_DIR" >>"$GITHUB_PATH"
printf 'program=%s\n' "$CFSTORE_INSTALL_DIR/cfstore" >>"$GITHUB_OUTPUT"
