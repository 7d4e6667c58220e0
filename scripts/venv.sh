#!/bin/sh
# Make the virtual environment named by $1; says what to install where Python cannot.
set -eu
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "leftopen needs Python 3.11 or newer; $python is older. Set PYTHON=…" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps these in a package of their own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -qq update && apt-get -qq install --yes python3-venv >/dev/null
    else
        echo "Python's venv module is missing; install it (Debian, Ubuntu: apt install python3-venv)" >&2
        exit 1
    fi
fi
"$python" -m venv --clear "$1"
