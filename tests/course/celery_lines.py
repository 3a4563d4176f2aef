"""Which lines of a script are Celery, and which are labkit.

A line of code is

- Celery, where its statement uses a name that was imported from celery, kombu, celery_app or tasks,
  or a name for what came of one (`result = add.delay(4, 5)`), calls one of Celery's methods
  (METHODS), or runs one of Celery's own commands (`celery(...)` of labkit.own.command: its words
  are what a person types);
- else labkit, where its statement uses a name that was imported from labkit, except for those with
  which a lesson says something (SAYING), or a name for what came of one: after
  `with trial(...) as setups` that is `setups`, and in `for one in setups` it is `one`.  A value
  that a function returns, such as seconds, is a value;
- else Celery, where it writes out a setting of Celery or an option of its worker as a string;
- else neither.

A statement counts with all of its lines.  One that holds others (for, if, def) counts with its
head, and each item of a `with` for itself.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CELERY = {"celery", "kombu", "celery_app", "tasks"}  # what tasks/ holds, a lesson calls as a task
OWN_COMMANDS = ("labkit.own.command", "celery")
SAYING = {"claim", "table", "run_lesson"}
# What is called on a thing whose name does not tell that it is Celery's: a task as a parameter, a
# signature, a result, an inspector.  Left out is what other things have, too: join, link, set,
# shutdown, terminate.
METHODS = {
    *("delay", "apply_async", "send_task", "retry", "update_state"),
    *("s", "si", "signature", "on_error", "link_error", "chunks", "starmap"),
    *("ready", "successful", "failed", "forget", "revoke", "completed_count"),
    *("inspect", "active", "reserved", "scheduled", "registered", "revoked", "stats"),
    *("active_queues", "query_task", "rate_limit", "time_limit", "pool_grow", "pool_shrink"),
    *("add_consumer", "cancel_consumer", "enable_events", "disable_events", "autoscale"),
}
# What these return is Celery's as well, as is an object of a class.
GIVING = {"delay", "apply_async", "send_task", "s", "si", "signature", "inspect"}
CANVAS = {"group", "chain", "chord", "chunks", "xmap", "xstarmap"}
OF_A_RESULT = {"timeout", "propagate"}  # get(timeout=...) waits for a result; a dict has no such
SETTING = re.compile(r"--[a-z]+|(accept|beat|broker|result|task|worker)[._][a-z_]+=")
ALIKE = {"enumerate", "list", "reversed", "sorted", "tuple", "zip"}  # they hand on what they get


@dataclass(frozen=True)
class Statement:
    """The lines from first to last, and the syntax that counts for them."""

    first: int
    last: int
    parts: list[ast.AST]

    @property
    def numbers(self) -> set[int]:
        return set(range(self.first, self.last + 1))

    @property
    def names(self) -> set[str]:
        """The names that it uses."""
        return {node.id for node in self.nodes() if isinstance(node, ast.Name)}

    def nodes(self) -> Iterator[ast.AST]:
        return (node for part in self.parts for node in ast.walk(part))


def celery_and_labkit(tree: ast.Module) -> tuple[set[int], set[int]]:
    """The numbers of the lines that are Celery's, and of those that are labkit's, some of both."""
    ours, staging = set(), set()
    for name, (module, its_name) in _imports(tree):
        if module.partition(".")[0] in CELERY or (module, its_name) == OWN_COMMANDS:
            ours.add(name)
        elif module.startswith("labkit.") and its_name not in SAYING:
            staging.add(name)
    celery: set[int] = set()
    labkit: set[int] = set()
    for top in tree.body:  # a name that a function binds is known within it
        named, staged = _with_what_came_of_it(ours, top), _with_what_came_of_it(staging, top)
        if not isinstance(top, ast.FunctionDef):
            ours, staging = named, staged
        for one in _statements(top):
            if named & one.names or any(map(_calls_celery, one.nodes())):
                celery |= one.numbers
            elif staged & one.names:
                labkit |= one.numbers
            elif any(map(_is_setting, one.nodes())):
                celery |= one.numbers
    return celery, labkit


def _calls_celery(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    keywords = {keyword.arg for keyword in node.keywords}
    waits = node.func.attr == "get" and not keywords.isdisjoint(OF_A_RESULT)
    return node.func.attr in METHODS or waits


def _is_setting(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and bool(SETTING.match(str(node.value)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each imported name, with its module and the name that it has there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (
                (one.asname or one.name, (node.module or "", one.name)) for one in node.names
            )
        elif isinstance(node, ast.Import):
            for one in node.names:
                yield (one.asname or one.name).partition(".")[0], (one.name, "")


# -- What comes of a name --------------------------------------------------------------------------


def _with_what_came_of_it(names: set[str], top: ast.stmt) -> set[str]:
    """These names, and those that are bound to what came of one."""
    known: set[str] = set()
    while known != names:
        known = names
        names = known | {
            one.id
            for node in ast.walk(top)
            for target, value in _bindings(node)
            if known & set(_roots(value))
            for one in ast.walk(target)
            if isinstance(one, ast.Name)
        }
        names |= {
            node.arg
            for node in ast.walk(top)
            if isinstance(node, ast.arg)
            and node.annotation
            and any(
                isinstance(one, ast.Name) and one.id in known for one in ast.walk(node.annotation)
            )
        }
    return known


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What a statement binds, and to what."""
    if isinstance(node, ast.withitem) and node.optional_vars:
        opened = node.context_expr
        while isinstance(opened, ast.Call | ast.Attribute):  # trial(...), app.connection()
            opened = opened.func if isinstance(opened, ast.Call) else opened.value
        yield node.optional_vars, opened
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield node.target, node.iter
    elif isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)


def _roots(value: ast.AST) -> Iterator[str]:
    """The names that a value is, or is taken out of, or is an object of: setups["late"]."""
    inner: Sequence[ast.AST] = []
    match value:
        case ast.Name(id=name):
            yield name
        case ast.Dict(values=found) | ast.List(elts=found) | ast.Tuple(elts=found):
            inner = found
        case ast.Subscript(value=one) | ast.ListComp(elt=one) | ast.BinOp(left=one):
            inner = [one]  # add.s(4, 5) | add.s(6) is a BinOp
        case ast.Call(func=ast.Call() as one):  # group(...)()
            inner = [one]
        case ast.Call(func=ast.Attribute(value=one, attr=method)):
            inner = [one] if method in GIVING or method[0].isupper() else []
        case ast.Call(func=ast.Name(id=name), args=found):
            inner = found if name in ALIKE else []
            yield from [name] if name in CANVAS or name[0].isupper() else []
    for each in inner:
        yield from _roots(each)


# -- Statements ------------------------------------------------------------------------------------


def _statements(top: ast.stmt) -> Iterator[Statement]:
    """All of them, those within others too."""
    for node in ast.walk(top):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                yield Statement(*span(item.context_expr, item.optional_vars), [item])
        elif isinstance(node, ast.stmt | ast.ExceptHandler):
            head = [one for one in ast.iter_child_nodes(node) if not _is_below(one)]
            first, last = span(node, *(one for one in head if isinstance(one, ast.expr)))
            body: list[ast.stmt] = getattr(node, "body", [])
            yield Statement(first, max(node.lineno, body[0].lineno - 1) if body else last, head)


def span(*nodes: ast.stmt | ast.ExceptHandler | ast.expr | None) -> tuple[int, int]:
    """The first and the last of the lines that these take."""
    there = [one for one in nodes if one]
    return min(one.lineno for one in there), max(one.end_lineno or one.lineno for one in there)


def _is_below(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case)
