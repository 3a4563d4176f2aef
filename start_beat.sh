#!/bin/sh
# Start Beat, the clock that sends the periodic tasks.  There must be only one of it: two Beats
# send every task twice.  The pid file makes the second one refuse to start.
#   ./start_beat.sh
#   ./start_beat.sh --pidfile=FILE --schedule=FILE      another timetable, beside the lab's Beat
#   ./start_beat.sh --help                 every option of Beat
set -eu
CDPATH='' cd -- "$(dirname -- "$0")"
. labkit/start.sh

case " $* " in *" --help "*) show_and_run celery -A celery_app beat --help ;; esac

# .env may name another folder than .lab.
home=$(python3 -c 'from lab_home import LAB_HOME; print(LAB_HOME)')
[ -w "$home" ] || house_error "Beat cannot write into $home" "LAB_HOME=~/celery-lab ./start_beat.sh"

# A Beat with a pid file of its own is another one.
pid_file=
for word; do
    case $word in
        --) break ;;
        --pidfile=*) pid_file=${word#*=} ;;
    esac
done
if [ -z "$pid_file" ]; then
    pid_file=$home/beat.pid
    set -- --pidfile="$pid_file" "$@"
fi
# After a restart of the machine the number in an old pid file may belong to another program, and
# Celery would take that for a Beat.
pid=$(cat "$pid_file" 2>/dev/null || true)
if [ -n "$pid" ]; then
    program=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || ps -o args= -p "$pid" || true)
    case $program in
        *celery*' beat '*)
            house_error "Beat runs already (process $pid), and two would send every task twice" \
                "./lab status"
            ;;
        *) rm -f "$pid_file" ;;
    esac
fi

show_and_run celery -A celery_app beat --loglevel=info "$@"
