"""The list of verbs: in which sections `./lab --help` shows them, and their second names."""

import click

SECTIONS = {
    "stack": ["up", "down", "restart", "status", "partners", "move"],
    "learn": ["lessons", "run", "tour", "restore"],
    "look": ["monitor", "doctor", "aside", "mail"],
    "measure": ["matrix"],
    "upkeep": ["record", "test"],
}
ALSO = {"down": "stop"}  # a verb, and another word that people type for it


class LabGroup(click.Group):
    """A group that lists its verbs by purpose, and knows some by a second name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = next((verb for verb, other in ALSO.items() if other == cmd_name), cmd_name)
        return super().get_command(ctx, verb)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, verbs in SECTIONS.items():
            rows = [
                (
                    f"{verb} ({ALSO[verb]})" if verb in ALSO else verb,
                    self.commands[verb].get_short_help_str(200),
                )
                for verb in verbs
            ]
            with formatter.section(section.capitalize()):
                formatter.write_dl(rows)
