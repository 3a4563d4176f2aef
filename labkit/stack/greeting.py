"""What `./lab up` says when it is ready: where everything is, and what to do next."""

import os

from lab_home import masked
from labkit.broker.inspector import LAB_QUEUES
from labkit.broker.server import EmbeddedBroker
from labkit.services.pages import wanted_port
from labkit.stack.parts import Parts


def say_ready(parts: Parts, broker: EmbeddedBroker | None) -> None:
    """Print one line for each part."""
    say = parts.console.say
    say(f"\nREADY after {parts.ready_after_s:.1f} s", bold=True)
    kind = f"embedded {broker.version}" if broker else "yours, from REDIS_URL"
    say(f"  broker   {masked(parts.url)} ({kind})")
    names = ", ".join(child.name for child in parts.workers())
    if names:
        say(f"  workers  {names} (4 slots each; queues {', '.join(LAB_QUEUES)})")
    else:
        say("  workers  none")
    for kind, name in (("flower", "Flower"), ("web", "web")):
        if address := parts.address(kind):
            wanted = wanted_port(kind)
            moved = "" if parts.ports[kind] == wanted else f" ({wanted} is in use)"
            say(f"  {name:<8} {address}{moved}")
    if given := os.environ.get("SMTP_URL"):
        say(f"  mail     {given} (yours, from SMTP_URL)")
    elif mail := parts.address("mail"):
        say(f"  mail     {mail} (./lab mail shows the e-mails)")
    first = "./lab run 01" if names else "./start_worker.sh"
    say(f"  next     in a second terminal: {first}")
    say("Ctrl-C stops everything.\n")
