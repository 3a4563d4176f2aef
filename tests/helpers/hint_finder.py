"""Every hint that the lab's Python code can print, read from the source.

A hint is what stands behind "hint: " in a text, under the key "hint" in a dictionary, or in a
parameter, field or attribute of that name.  From there the search goes back: where a function puts
its parameter there, what its callers hand over is a hint, too.  What cannot be followed raises
CannotFollow, with the file and the line.
"""

import ast
import itertools
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shlex import quote

NAMES = {"hint", "embedded_hint"}
SIGN = "hint: "
AWKWARD = "/a folder/it's $HOME (here)*;x"  # what a quoted part may hold
QUOTING = {"quote", "quoted", "typed", "in_shell", "shlex.join"}
STAND_IN = "./lab status"  # for a part that is a hint itself
MOST = 400  # combinations of one hint

# Parts that may stand in a hint without quotes, because no shell misreads them.
PLAIN = {
    "name": ["REDIS_URL", "SMTP_URL"],  # of a setting
    "line": ["3"],
    "launcher.pid": ["4711"],
    "pids": ["4711 4712"],
    "number": ["01"],
    "meant": ["01"],  # the number of a lesson
    "lesson.number": ["01", "playground", "basic_usage"],
    "lesson.removeprefix('lesson')": ["40"],
    "kind": ["flower", "web"],
    "page.variable": ["FLOWER_PORT"],
    "page.usual_port": ["5555"],
    "where": ["./lab", "./lab run"],
    "VERSION": ["3.11"],
    "enough": ["201"],
    "command": ["celery -A celery_app inspect ping"],
    "port": ["8000"],
}


class CannotFollow(Exception):
    """An expression whose text cannot be told from the source."""


@dataclass(frozen=True)
class Hint:
    """One text, and where it is made."""

    text: str
    place: str


@dataclass
class Module:
    """One file: its tree, what it imports from ours, and the parent of each node."""

    path: Path
    name: str
    tree: ast.Module = field(repr=False)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {c: node for node in self.nodes for c in ast.iter_child_nodes(node)}

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        return {
            alias.asname or alias.name: (node.module, alias.name)
            for node in self.nodes
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    def top(self, name: str) -> ast.AST | None:
        """The function or class of this name, or the value of the constant."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                return node
            for target, value in assignments(node):
                if isinstance(target, ast.Name) and target.id == name:
                    return value
        return None


def assignments(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """(target, value) for each target of an assignment; [] for anything else."""
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
        return [(node.target, node.value)]
    return []


def hands_on(node: ast.AST) -> bool:
    """finding.hint, printable(finding.hint) and the like: what was put there is collected."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "printable":
        return hands_on(node.args[0])
    return isinstance(node, ast.Attribute) and node.attr in NAMES


Callee = tuple[str, str]  # (module, function or class); ("", method)
Spot = tuple[int, str]  # of a parameter: place and name


class Finder:
    """All hints of these files, after find()."""

    def __init__(self, root: Path, files: list[Path]) -> None:
        self.modules: dict[str, Module] = {}
        for path in files:
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            tree = ast.parse(path.read_bytes())
            self.modules[name] = Module(path.relative_to(root), name, tree)
        self.sinks: dict[Callee, set[Spot]] = {}
        self.hints: dict[str, Hint] = {}
        self.lost: set[str] = set()
        self.given: dict[tuple[ast.AST, str], tuple[Module, ast.expr]] = {}  # to whom it is called

    def find(self) -> None:
        """Look until no new function is found that hands a hint on."""
        for module in self.modules.values():
            self._from_marks(module)
        before = -1
        while before != (before := sum(map(len, self.sinks.values()))):
            for module in self.modules.values():
                self._from_classes(module)
                self._from_calls(module)

    # -- Where hints begin ----------------------------------------------------------------------

    def _from_marks(self, module: Module) -> None:
        for node in module.nodes:
            if isinstance(node, ast.JoinedStr):
                self._in_text(module, node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                inside = isinstance(module.parents.get(node), ast.JoinedStr | ast.Expr)
                if SIGN in node.value and not inside and (rest := node.value.split(SIGN, 1)[1]):
                    self._add(module, node, rest)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in NAMES:
                        self._collect(module, value)
            elif (isinstance(node, ast.keyword) and node.arg in NAMES) or (
                isinstance(node, ast.Assign) and hands_on(node.targets[0])
            ):
                self._collect(module, node.value)

    def _in_text(self, module: Module, node: ast.JoinedStr) -> None:
        for place, part in enumerate(node.values):
            if isinstance(part, ast.Constant) and SIGN in str(part.value):
                rest = ast.JoinedStr(
                    [ast.Constant(str(part.value).split(SIGN, 1)[1]), *node.values[place + 1 :]]
                )
                ast.copy_location(rest, node)
                module.parents[rest] = node
                self._collect(module, rest)

    def _from_classes(self, module: Module) -> None:
        """A dataclass has its fields as parameters; a subclass has those of its parent.

        A model of pydantic takes keywords alone, and those are collected where they stand.
        """
        for node in module.nodes:
            if not isinstance(node, ast.ClassDef) or "BaseModel" in map(ast.unparse, node.bases):
                continue
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            for place, one in enumerate(fields):
                if isinstance(one.target, ast.Name) and one.target.id in NAMES:
                    spot = (place, one.target.id)
                    self.sinks.setdefault((module.name, node.name), set()).add(spot)
                    if one.value:
                        self._collect(module, one.value)
            for base in node.bases:
                if spots := self.sinks.get(self._callee(module, base)):
                    self.sinks.setdefault((module.name, node.name), set()).update(spots)

    def _from_calls(self, module: Module) -> None:
        for node in module.nodes:
            if not isinstance(node, ast.Call):
                continue
            for place, name in self.sinks.get(self._callee(module, node.func), ()):
                given = [one.value for one in node.keywords if one.arg == name]
                if not given and node.args and isinstance(node.args[0], ast.Starred):
                    self._collect(module, node.args[0].value, element=place)
                elif given or place < len(node.args):
                    self._collect(module, given[0] if given else node.args[place])

    def _callee(self, module: Module, function: ast.expr) -> Callee:
        if isinstance(function, ast.Name):
            return self._made_at(module.name, function.id)
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            origin, name = module.imported.get(function.value.id, ("", ""))
            if f"{origin}.{name}" in self.modules:
                return f"{origin}.{name}", function.attr
            if function.value.id in {"self", "cls"}:
                return "", function.attr
        return "?", ""

    def _made_at(self, module: str, name: str) -> Callee:
        """Where a name comes from; a module may hand on what it has imported itself."""
        home = self.modules.get(module)
        if not home or home.top(name) or name not in home.imported:
            return module, name
        return self._made_at(*home.imported[name])

    # -- From an expression to its texts --------------------------------------------------------

    def _add(self, module: Module, node: ast.AST, text: str) -> None:
        place = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if text:
            self.hints[f"{place} {text}"] = Hint(text, place)

    def _collect(self, module: Module, node: ast.expr, element: int | None = None) -> None:
        try:
            for text in self._texts(module, node, element):
                self._add(module, node, text)
        except CannotFollow as error:
            self.lost.add(str(error))

    def _texts(  # noqa: PLR0911 - one for each kind of expression
        self, module: Module, node: ast.AST, element: int | None = None
    ) -> list[str]:
        """Each text that an expression can be; [] for one that is collected where it is made."""

        def again(one: ast.AST) -> list[str]:
            return self._texts(module, one, element)

        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) and element is None else []
        if isinstance(node, ast.IfExp):
            return again(node.body) + again(node.orelse)
        if isinstance(node, ast.BoolOp):
            return [text for one in node.values for text in again(one)]
        if isinstance(node, ast.Tuple) and element is not None:
            return self._texts(module, node.elts[element])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [a + b for a in again(node.left) for b in again(node.right)]
        if isinstance(node, ast.JoinedStr):
            parts = [self._part(module, one) for one in node.values]
            return ["".join(some) for some in itertools.islice(itertools.product(*parts), MOST)]
        if hands_on(node):
            return []
        if isinstance(node, ast.Name):
            return self._of_name(module, node, element)
        if isinstance(node, ast.Call):
            return self._of_call(module, node, element)
        raise CannotFollow(f"{module.path}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}")

    def _part(self, module: Module, node: ast.expr) -> list[str]:
        """The texts of one part of an f-string."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        assert isinstance(node, ast.FormattedValue)
        inner = ast.unparse(node.value)
        try:
            found = self._texts(module, node.value)
        except CannotFollow:
            if inner not in PLAIN:
                where = f"{module.path}:{node.lineno}"
                raise CannotFollow(f"{where}: {{{inner}}}: quote it, or name it in PLAIN") from None
            return PLAIN[inner]
        # [] for a parameter: what callers hand over is looked at by itself.
        return found or PLAIN.get(inner, [STAND_IN])

    def _of_call(self, module: Module, node: ast.Call, element: int | None) -> list[str]:
        if ast.unparse(node.func) in QUOTING:
            return [quote(AWKWARD), "plain"]
        origin, name = self._callee(module, node.func)
        home = self.modules.get(origin)
        made = home.top(name) if home else None
        if not isinstance(made, ast.FunctionDef) or not home:
            raise CannotFollow(f"{module.path}:{node.lineno}: {ast.unparse(node)}")
        names = [one.arg for one in made.args.args]
        given = dict(zip(names, node.args, strict=False))
        given |= {one.arg: one.value for one in node.keywords if one.arg}
        before, self.given = self.given, dict(self.given)
        self.given.update({(made, name): (module, value) for name, value in given.items()})
        returned = [one.value for one in ast.walk(made) if isinstance(one, ast.Return)]
        texts = [text for one in returned if one for text in self._texts(home, one, element)]
        self.given = before
        return texts

    def _of_name(self, module: Module, node: ast.Name, element: int | None) -> list[str]:
        function = self._function_around(module, node)
        while function:
            if texts := self._assigned(module, function, node.id, element):
                return [text for some in texts for text in some]
            if at_call := self.given.get((function, node.id)):
                return self._texts(*at_call)
            if spot := self._parameter(module, function, node.id):
                if node.id in PLAIN:
                    return PLAIN[node.id]
                self.sinks.setdefault(spot[0], set()).add(spot[1])
                return []
            function = self._function_around(module, function)
        origin, name = self._made_at(module.name, node.id)
        home = self.modules.get(origin, module)
        if isinstance(value := home.top(name), ast.expr):
            return self._texts(home, value, element)
        raise CannotFollow(f"{module.path}:{node.lineno}: {node.id}")

    def _assigned(
        self, module: Module, function: ast.FunctionDef, name: str, element: int | None
    ) -> list[list[str]]:
        """The texts of each assignment to a name in a function; [] if there is none."""
        found = []
        for node in ast.walk(function):
            if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name:
                raise CannotFollow(f"{module.path}:{node.lineno}: {ast.unparse(node)}")
            for target, value in assignments(node):
                if isinstance(target, ast.Name) and target.id == name:
                    found.append(self._texts(module, value, element))
                elif isinstance(target, ast.Tuple):
                    found += self._unpacked(module, target, value, name)
        return found

    def _unpacked(
        self, module: Module, target: ast.Tuple, value: ast.expr, name: str
    ) -> list[list[str]]:
        """`tool, hint = ...`: the right element; of a text that is taken apart, nothing."""
        for place, one in enumerate(target.elts):
            if isinstance(one, ast.Name) and one.id == name:
                if isinstance(value, ast.Call) and SIGN in ast.unparse(value):
                    return [[]]  # it was printed by another process of ours
                return [self._texts(module, value, place)]
        return []

    def _function_around(self, module: Module, node: ast.AST) -> ast.FunctionDef | None:
        above = module.parents.get(node)
        while above and not isinstance(above, ast.FunctionDef):
            above = module.parents.get(above)
        return above if isinstance(above, ast.FunctionDef) else None

    def _parameter(
        self, module: Module, function: ast.FunctionDef, name: str
    ) -> tuple[Callee, Spot] | None:
        """(whose parameter, which) if a function has one of this name."""
        arguments = [*function.args.posonlyargs, *function.args.args]
        keywords = [one.arg for one in function.args.kwonlyargs]
        names = [one.arg for one in arguments]
        if name not in names and name not in keywords:
            return None
        place = names.index(name) if name in names else 99
        defaults = dict(zip(names[::-1], function.args.defaults[::-1], strict=False))
        if name in defaults:
            self._collect(module, defaults[name])
        around = module.parents.get(function)
        if not isinstance(around, ast.ClassDef):
            return (module.name, function.name), (place, name)
        if function.name == "__init__":
            return (module.name, around.name), (place - 1, name)
        return ("", function.name), (place - 1, name)
