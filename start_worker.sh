#!/bin/sh
# Start a worker.  The defaults of the lab's workers are written here and nowhere else.
#   ./start_worker.sh                      all three queues, 4 slots
#   ./start_worker.sh --queues=basic -n basic1@%h
#   ./start_worker.sh --help               every option of a worker
# Options that follow win over the defaults; settings for this worker alone come after `--`.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")"
. labkit/start.sh

# --without-mingle, --without-gossip: workers do not wait for one another, and start a second sooner.
# The price of the first: a worker that starts is not told which tasks were revoked before.  Leave
# it out where `revoke` must outlive a restart.
# region worker
show_and_run celery -A celery_app worker --loglevel=info --queues=basic,advanced,realworld \
    --concurrency=4 --without-mingle --without-gossip "$@"
# endregion
