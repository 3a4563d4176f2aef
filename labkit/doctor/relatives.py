"""Messages of other tasks that name the task: what comes before it, its group, what it has sent."""

from labkit.broker.mentions import Mention
from labkit.doctor.evidence import Evidence
from labkit.words import several

# What the task is in the other message, which one comes before which.
LATER = {
    "chain": "it is a later step of a chain",
    "chord": "it is the body of a chord",
    "callback": "it is linked to another task (link)",
    "errback": "it is linked to the failure of another task (link_error)",
}


def relatives(seen: Evidence) -> str:
    """What follows from the messages that name it, as a part of a sentence; "" if none does."""
    for kind, role in LATER.items():
        if one := _first(seen, kind):
            return f"{role}, and not sent yet: {_name(one)} comes before it"
    if one := _first(seen, "group"):
        count = several(seen.mention_counts["group"], "message")
        return (
            f"it is the id of a group: {count} of its tasks {_there(seen, 'group')}: {_name(one)}"
        )
    for kind in ("parent", "root"):
        if one := _first(seen, kind):
            count = several(seen.mention_counts[kind], "message")
            return f"it began, for it has sent others; {count} {_there(seen, kind)}: {_name(one)}"
    if _first(seen, "body"):
        return "its id stands in a message that cannot be read"
    return ""


def _there(seen: Evidence, kind: str) -> str:
    return "is left" if seen.mention_counts[kind] == 1 else "are left, such as"


def _first(seen: Evidence, kind: str) -> Mention | None:
    return next((one for one in seen.mentions if one.kind == kind), None)


def _name(one: Mention) -> str:
    return f"{one.message.task} (task {one.message.task_id}, queue {one.queue!r})"
