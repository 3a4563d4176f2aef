# Read by start_worker.sh and start_beat.sh, in the root: which celery runs, and how.
# shellcheck shell=sh

# An active environment into which the lab was installed comes first (pip install -e ., uv sync);
# then the lab's own; then whatever is on the PATH.
if [ -n "${VIRTUAL_ENV:-}" ] && [ -x "$VIRTUAL_ENV/bin/lab" ]; then
    PATH=$VIRTUAL_ENV/bin:$PATH
elif [ -x .venv/bin/celery ]; then
    PATH=$PWD/.venv/bin:$PATH
fi
export PYTHONDONTWRITEBYTECODE=1 # no __pycache__ folders in the tree
# Another project's celery_app.py must not be found before ours.
[ -z "${PYTHONPATH:-}" ] || export PYTHONPATH="$PWD:$PYTHONPATH"

house_error() { # a sentence, a hint
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

command -v celery >/dev/null || house_error "celery is not installed here" "./lab up"

# Print the line as a person would type it, then become that program.
show_and_run() {
    line=
    for word; do
        case $word in
            *[!A-Za-z0-9_@%+=:,./-]* | '') word="'$(printf %s "$word" | sed "s/'/'\\\\''/g")'" ;;
        esac
        line="$line $word"
    done
    echo "${line# }"
    exec "$@"
}
