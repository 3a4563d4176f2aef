"""What stands around the verbs: how `./lab --help` lists them, and how an error is told."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from labkit.errors import LabError, cannot_write

SECTIONS = {
    "stack": ["up", "down", "restart", "status", "partners", "move"],
    "learn": ["lessons", "run", "tour", "restore"],
    "look": ["monitor", "doctor", "aside", "mail"],
    "measure": ["matrix"],
    "upkeep": ["record", "test"],
}
ALSO = {"stop": "down"}  # another word that people type for a verb


class LabGroup(click.Group):
    """A group that lists its verbs by purpose, and knows some by a second name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, ALSO.get(cmd_name, cmd_name))

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = {verb: f"{verb} ({other})" for other, verb in ALSO.items()}
        for section, verbs in SECTIONS.items():
            said = {verb: self.commands[verb].get_short_help_str(200) for verb in verbs}
            with formatter.section(section.capitalize()):
                formatter.write_dl([(names.get(verb, verb), said[verb]) for verb in verbs])


@contextmanager
def told() -> Iterator[None]:
    """End the program with a sentence and a hint for each error that a person can meet."""
    try:
        yield
    except LabError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "./lab"
        sentence = error.format_message().rstrip(".")
        sentence = sentence[:1].lower() + sentence[1:]
        click.echo(str(LabError(sentence, f"{where} --help")), err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo(str(cannot_write(error)), err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
