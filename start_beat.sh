#!/bin/sh
# Start Beat, the clock that sends the periodic tasks.  There must be only one of it: two Beats
# send every task twice.  The pid file makes the second one refuse to start.
set -eu
cd "$(dirname "$0")"

# The lab's own environment, unless another one is active.
if [ -z "${VIRTUAL_ENV:-}" ] && [ -x .venv/bin/celery ]; then
    PATH="$PWD/.venv/bin:$PATH"
fi

home=${LAB_HOME:-.lab}
mkdir -p "$home"
set -- --loglevel=info --pidfile="$home/beat.pid" "$@"

echo "celery -A celery_app beat $*"
exec celery -A celery_app beat "$@"
