"""The lab command: `./lab VERB`.  Each verb imports what it needs when it is called."""

import signal
import sys
import time

import click

from labkit.cli_group import LabGroup, told
from labkit.errors import spare_the_terminal


@click.group(cls=LabGroup, invoke_without_command=True)
@click.version_option(package_name="celery", message="the lab runs on Celery %(version)s")
@click.pass_context
def lab(ctx: click.Context) -> None:
    """A real Celery system, and numbered lessons that run on it."""
    if ctx.invoked_subcommand is None:
        from labkit.course.index import FIRST_STEPS

        click.echo(FIRST_STEPS)


@lab.command()
@click.option("--workers", default=1, type=click.IntRange(0, 16), help="How many workers, 0 to 16.")
@click.option("--no-reload", is_flag=True, help="Do not restart the workers when a file changes.")
@click.option("--no-beat", is_flag=True, help="Leave Beat out.")
@click.option("--no-flower", is_flag=True, help="Leave Flower out.")
@click.option("--no-web", is_flag=True, help="Leave the web app out.")
@click.option("--no-mail", is_flag=True, help="Leave the mail server out.")
@click.option("-v", "--verbose", is_flag=True, help="Print every log line, whole.")
def up(workers: int, no_reload: bool, verbose: bool, **left_out: bool) -> None:
    """Start broker, workers, Beat, Flower, mail server and web app; Ctrl-C stops them all.

    It prints what tasks do, and every warning and error, a row each; -v prints all of the logs.
    """
    from labkit.stack.supervisor import Plan
    from labkit.stack.up import up as start

    parts = {option.removeprefix("no_"): not left for option, left in left_out.items()}
    sys.exit(start(Plan(workers=workers, reload=not no_reload, verbose=verbose, **parts)))


@lab.command()
def down() -> None:
    """Stop the running stack from another terminal, or what a killed one left."""
    from labkit.stack.verbs import down as stop

    stop()


@lab.command()
def restart() -> None:
    """Restart workers, Beat, Flower and web app; the broker and its messages stay."""
    from labkit.stack.verbs import restart as ask_for_restart

    ask_for_restart()


@lab.command()
def status() -> None:
    """Say what runs, where, and since when."""
    from labkit.stack.verbs import status as show

    show()


@lab.command()
def partners() -> None:
    """Start the airline, the bank and the post, for POST /orders; Ctrl-C ends them."""
    from labkit.stack.partners import serve_the_lab

    serve_the_lab()


@lab.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def move(source: str, target: str) -> None:
    """Bring the messages of a queue that no worker takes from into another queue."""
    from labkit.doctor.move import move as move_messages

    move_messages(source, target)


@lab.command()
def lessons() -> None:
    """List the lessons with their numbers and titles."""
    from labkit.course.index import index

    click.echo(index())


@lab.command()
@click.argument("number", metavar="NN|NAME")
@click.option("--strict", is_flag=True, help="Fail on a difference even where you changed files.")
@click.option("-v", "--verbose", is_flag=True, help="Print long lines whole.")
def run(number: str, strict: bool, verbose: bool) -> None:
    """Run a lesson (01, or a name such as playground) and compare it with its promise.

    The line that starts a worker, and what Celery's commands print, is cut to the terminal.
    """
    from labkit.course.runner import run_lesson_number

    sys.exit(run_lesson_number(number, strict=strict, whole=verbose))


@lab.command()
@click.argument("name", required=False)
def tour(name: str | None) -> None:
    """Run several lessons in a row: a level (basic), or a route (evening).

    Without NAME: list the tours and their lessons.
    """
    from labkit.course.tours import print_tours, run_tour

    print_tours() if name is None else sys.exit(run_tour(name))


@lab.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(files: tuple[str, ...], yes: bool) -> None:
    """Bring changed lesson and task files back; your version is kept as a patch.

    Without a FILE all of them, except the playground.
    """
    from labkit.course.restore import restore as bring_back

    bring_back(files, yes=yes)


@lab.command()
@click.option("--once", is_flag=True, help="Print the tables once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, once.")
def monitor(once: bool, as_json: bool) -> None:
    """Watch queues, workers and tasks; Ctrl-C ends it."""
    from labkit.monitor.live import show

    show(once=once, as_json=as_json)


@lab.command()
@click.argument("task_id", required=False)
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=2.5,
    metavar="SECONDS",
    help="How long it may take; 2.5 s is enough for a quiet machine.",
)
def doctor(task_id: str | None, wait: float) -> None:
    """Say what is wrong with the lab, or what became of one task."""
    began = time.monotonic()
    from labkit.doctor.examine import doctor as examine

    sys.exit(examine(task_id, began, wait))


@lab.command()
@click.argument("what", required=False, type=click.Choice(["back", "drop"]))
@click.argument("which", required=False, metavar="[ID|all]")
def aside(what: str | None, which: str | None) -> None:
    """List the messages that ended workers and were set aside; put one `back`, or `drop` it."""
    from labkit.broker.set_aside import aside as show_or_do

    show_or_do(what, which)


@lab.command()
@click.argument("number", required=False, type=click.IntRange(min=1), metavar="[N]")
def mail(number: int | None) -> None:
    """List the e-mails that the mail server has kept, newest first, or show number N."""
    from labkit.services.mail_view import list_emails, show_email

    show_email(number) if number else list_emails()


@lab.command()
@click.option("--check", is_flag=True, help="Write nothing; fail where a count has changed.")
def matrix(check: bool) -> None:
    """Measure what each failure costs, and write docs/guarantees.md (2 minutes)."""
    from labkit.matrix.command import matrix as measure

    measure(check=check)


@lab.command()
@click.argument("number", metavar="NN")
def record(number: str) -> None:
    """For authors: keep the output of a run in examples/runs/ and on its page."""
    from labkit.course.record import record as keep

    keep(number)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no broker.")
@click.option("--again", is_flag=True, help="Run what failed once more, alone; name what passes.")
@click.argument("pytest_arguments", nargs=-1)
def test(fast: bool, again: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Run the checks and the tests; what follows is handed to pytest."""
    from labkit.checks import run_checks

    sys.exit(run_checks(fast=fast, again=again, pytest_arguments=list(pytest_arguments)))


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error that a person can meet becomes a sentence and a hint."""
    spare_the_terminal()
    with told():
        lab.main(arguments, prog_name="./lab", standalone_mode=False)


def program() -> None:
    """The `./lab` program: run the command, and let no second Ctrl-C change how it ends.

    While Python ends it takes its own handlers away; a signal that comes then would kill it.
    """
    try:
        main()
    except KeyboardInterrupt:  # it came while main() dealt with another one
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    program()
