#!/bin/sh
# install.sh PYTHON ENVIRONMENT: make a virtual environment with exactly what the files in $REQUIREMENTS pin, and this
# program in it: the checkout itself, or a copy of it when $COPY is set. The file ENVIRONMENT/made is written last, so that
# an interrupted installation is begun again.
set -eu
python=$1
environment=$2

if [ -z "$python" ]; then
    echo "No Python of 3.11 or newer was found on PATH. Install one (Debian 12: apt-get install python3 python3-venv)," >&2
    echo "or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments: its modules venv and ensurepip are missing." >&2
    echo "Install them (Debian: apt-get install python3-venv), or name another interpreter: make PYTHON=..." >&2
    exit 1
fi

echo "installing into $environment ..." >&2
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
pip() { "$environment/bin/python" -m pip --disable-pip-version-check install -qq "$@"; }
for file in $REQUIREMENTS; do
    pip --require-hashes --requirement "$file"
done
if [ -n "${COPY:-}" ]; then
    pip --no-deps .
else
    pip --no-deps --no-build-isolation --editable .
fi
date > "$environment/made"
