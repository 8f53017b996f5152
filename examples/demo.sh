#!/bin/sh
# demo.sh: run the compression example with a private daemon, ask about it, and leave nothing behind. $ORC names the program.
set -eu
state=$(mktemp -d "${TMPDIR:-/tmp}/orc-demo.XXXXXX")
ORCHESTRATOR_STATE_DIR=$state
export ORCHESTRATOR_STATE_DIR
unset ORCHESTRATOR_SOCKET

leave() {
    "$ORC" --no-start stop --all >/dev/null 2>&1 || :
    rm -rf "$state"
}
trap leave EXIT
trap 'exit 130' INT TERM

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi

show() {
    printf '\n%s$ orc %s%s\n' "$bold" "$*" "$plain"
    "$ORC" "$@"
}

show run examples/compression
show ls
show best compression
show show compression --limit 2
printf '\nThat was a private daemon in %s; it is stopped and removed now.\n' "$state"
printf 'Now yours: %s run examples/digits (the daemon starts by itself and keeps what it has seen)\n' "$ORC"
