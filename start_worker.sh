#!/bin/sh
# Start a worker.  The defaults of the lab's workers are written here and nowhere else.
#   ./start_worker.sh                      all three queues, 4 slots
#   ./start_worker.sh --queues=basic -n basic1@%h
# Options that follow win over the defaults; settings for this worker alone come after `--`.
set -eu
cd "$(dirname "$0")"

# The lab's own environment, unless another one is active.
if [ -z "${VIRTUAL_ENV:-}" ] && [ -x .venv/bin/celery ]; then
    PATH="$PWD/.venv/bin:$PATH"
fi

# --without-mingle, --without-gossip: workers do not wait for one another, and start a second sooner.
set -- --loglevel=info --queues=basic,advanced,realworld --concurrency=4 \
    --without-mingle --without-gossip "$@"

echo "celery -A celery_app worker $*"
exec celery -A celery_app worker "$@"
