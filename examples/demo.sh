#!/bin/sh
# demo.sh: run the compression example and ask about it. $ORC names the program; the daemon starts by itself, keeps what it has seen in
# your state directory, and leaves when it has been idle for ten minutes.
set -eu

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
printf '\nAsk on: %s logs, why, explain, export --format csv (orc --help). Then yours: %s run FOLDER\n' "$ORC" "$ORC"
