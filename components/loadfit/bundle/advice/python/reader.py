"""Reads a Python module."""

import ast
from collections.abc import Iterable, Sequence

from loadfit.bundle.advice.program import OWN, UNKNOWN, Argument, Call, Function, Module, Use, joined, own
from loadfit.bundle.advice.python.guards import CACHES, filled, fills_by_function, leaves, tested
from loadfit.bundle.advice.python.imports import Imports
from loadfit.bundle.advice.python.names import bound_names, names_in
from loadfit.bundle.advice.scopes import Scope, guarded

__all__ = ["read_python"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def read_python(path: str, tree: ast.Module, paths: Iterable[str]) -> Module:
    """What a parsed module binds and calls.

    Args:
        path: Its file.
        tree: Its source, parsed.
        paths: Every file of the bundle.

    Raises:
        RecursionError: The source is nested too deeply.
    """
    reader = _Reader(path, tree, Imports(path, frozenset(paths)))
    reader.statements(tree.body, Scope(), once=False, sometimes=False)
    return reader.module


class _Reader:
    def __init__(self, path: str, tree: ast.Module, imports: Imports) -> None:
        self.module = Module(path)
        self.imports = imports
        self.names = bound_names(tree.body) | _shared(tree)
        self.fills = fills_by_function(tree)
        self.constants = _constants(tree.body)
        self.classes: list[str] = []

    # Statements

    def statements(self, body: Sequence[ast.stmt], scope: Scope, *, once: bool, sometimes: bool) -> None:
        looked_at: set[str] = set()
        last: dict[str, int] = {}
        for index, statement in enumerate(body):
            # `if _pool is not None: return _pool`, and then what fills it.
            if looked_at and not once:
                last = last or self._last_filled(body, scope)
                left = {place for place, where in last.items() if place and where >= index}
                once = guarded(left, looked_at)
            self._statement(statement, scope, once=once, sometimes=sometimes)
            if scope.name and isinstance(statement, ast.If) and leaves(statement.body):
                looked_at |= self._tested(statement.test, scope)
            elif scope.name and isinstance(statement, ast.Try) and leaves(statement.body):
                looked_at |= tested(statement.body[-1])

    def _statement(self, node: ast.stmt, scope: Scope, *, once: bool, sometimes: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, scope, once=once, sometimes=sometimes)
            case ast.ClassDef():
                self._class(node, scope, once=once, sometimes=sometimes)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                self._assignment(node, scope, once=once, sometimes=sometimes)
            case ast.Return(value=ast.expr() as value):
                self._expression(value, scope, once=once, sometimes=sometimes)
                self._returned(value, scope)
            case ast.If():
                self._branches(node, scope, once=once, sometimes=sometimes)
            case ast.Try() | ast.TryStar():
                self._attempt(node, scope, once=once, sometimes=sometimes)
            case ast.Match():
                self._cases(node, scope, once=once, sometimes=sometimes)
            case ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.AsyncWith():
                self._block(node, scope, once=once, sometimes=sometimes)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._expression(child, scope, once=once, sometimes=sometimes)

    def _block(
        self,
        node: ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith,
        scope: Scope,
        *,
        once: bool,
        sometimes: bool,
    ) -> None:
        match node:
            case ast.For() | ast.AsyncFor():
                self._expression(node.iter, scope, once=once, sometimes=sometimes)
                self._bind(node.target, None, scope, node.iter)
                self.statements(node.orelse, scope, once=once, sometimes=sometimes)
            case ast.While():
                self._expression(node.test, scope, once=once, sometimes=sometimes)
                once = once or guarded(self._filled(node.body, scope), self._tested(node.test, scope))
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._expression(item.context_expr, scope, once=once, sometimes=sometimes)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, item.context_expr, scope, item.context_expr)
        self.statements(node.body, scope, once=once, sometimes=sometimes)

    def _cases(self, node: ast.Match, scope: Scope, *, once: bool, sometimes: bool) -> None:
        self._expression(node.subject, scope, once=once, sometimes=sometimes)
        looked_at = self._tested(node.subject, scope)
        for case in node.cases:
            kept = guarded(self._filled(case.body, scope), looked_at)
            self.statements(case.body, scope, once=once or kept, sometimes=True)

    def _attempt(self, node: ast.Try | ast.TryStar, scope: Scope, *, once: bool, sometimes: bool) -> None:
        self.statements(node.body, scope, once=once, sometimes=sometimes)
        looked_at = set[str]().union(*map(tested, node.body))
        for handler in node.handlers:
            if handler.type is not None:
                self._expression(handler.type, scope, once=once, sometimes=sometimes)
            kept = guarded(self._filled(handler.body, scope), looked_at)
            self.statements(handler.body, scope, once=once or kept, sometimes=True)
        self.statements(node.orelse, scope, once=once, sometimes=sometimes)
        self.statements(node.finalbody, scope, once=once, sometimes=sometimes)

    def _returned(self, value: ast.expr, scope: Scope) -> None:
        if scope.name and (symbol := self._symbol(value, scope)):
            self.module.returns.setdefault(scope.name, symbol)

    def _branches(self, node: ast.If, scope: Scope, *, once: bool, sometimes: bool) -> None:
        looked_at: set[str] = set()
        rest: list[ast.stmt] = [node]
        # A chain of `elif` is as long as it likes, and each nests in the one before.
        while len(rest) == 1 and isinstance(rest[0], ast.If):
            branch = rest[0]
            words = tested(branch.test)
            rest = branch.orelse
            if "TYPE_CHECKING" in words or {"__name__", "'__main__"} <= words:
                continue
            self._expression(branch.test, scope, once=once, sometimes=sometimes)
            looked_at |= self._tested(branch.test, scope)
            kept = guarded(self._filled(branch.body, scope), looked_at)
            self.statements(branch.body, scope, once=once or kept, sometimes=True)
        kept = guarded(self._filled(rest, scope), looked_at)
        self.statements(rest, scope, once=once or kept, sometimes=True)

    def _assignment(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, scope: Scope, *, once: bool, sometimes: bool
    ) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        value = node.value
        if value is None:
            return
        # `_pool = _pool or create()`, `_pool = create() if _pool is None else _pool`
        if isinstance(value, ast.BoolOp | ast.IfExp):
            looked_at = self._tested(value.values[0] if isinstance(value, ast.BoolOp) else value.test, scope)
            once = once or guarded(self._filled([node], scope), looked_at)
        if isinstance(value, ast.Lambda) and not scope.name and isinstance(targets[0], ast.Name):
            self._lambda(targets[0].id, value, scope)
        else:
            self._expression(value, scope, once=once, sometimes=sometimes)
        for target in targets:
            if not isinstance(target, ast.Name):
                self._expression(target, scope, once=once, sometimes=sometimes)
            self._bind(target, value, scope, value)

    def _bind(self, target: ast.expr, value: ast.expr | None, scope: Scope, source: ast.expr) -> None:
        """Notes what a target is from here on: the value, or something computed from the source."""
        if isinstance(target, ast.Tuple | ast.List):
            values = (
                value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else ()
            )
            for index, part in enumerate(target.elts):
                self._bind(part, values[index] if values else None, scope, source)
            return
        symbol = self._symbol(value, scope) if value is not None else ""
        match target:
            case ast.Name(id=name) if self._own_class():
                self.module.bindings.setdefault(f"{self._own_class()}.{name}", symbol)
            case ast.Name(id=name) if scope.of(name) is scope:
                scope.symbols[name] = symbol or scope.symbols.get(name, "")
                scope.depends[name] = scope.depends.get(name, frozenset()) | scope.computed_from(names_in(source))
                scope.looks_at.setdefault(name, set()).update(tested(source))
            case ast.Name(id=name) if scope.of(name) is None:
                # A global; what fills it later says more than the `None` that it begins with.
                if symbol or name not in self.module.bindings:
                    self.module.bindings[name] = symbol or self.module.bindings.get(name, "")
                if value is not None and not scope.name:
                    self.module.wrapped[name] = tuple(self._made_of(value, scope))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attribute) if scope.owner and symbol:
                self.module.bindings.setdefault(f"{scope.owner}.{attribute}", symbol)
            case _:
                pass

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for found in self.imports.of(node, scope.name):
            self.module.imports.append(found.what)
            if found.what.names == ("*",) and found.what.own:
                self.module.stars.append(found.what.module)
            for name, symbol in found.bindings.items():
                if scope.name:
                    scope.symbols[name] = symbol
                else:
                    self.module.bindings[name] = symbol

    # Definitions

    def _function(self, node: _Definition, scope: Scope, *, once: bool, sometimes: bool) -> None:
        for expression in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self._expression(expression, scope, once=once, sometimes=sometimes)
        owner = self._own_class()
        name = self._qualified(node.name, scope)
        decorators = tuple(self._symbol(decorator, scope) for decorator in node.decorator_list)
        parameters = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if owner and "staticmethod" not in decorators:
            parameters = parameters[1:]
        inner = self._scope(name, scope, owner or scope.owner, node.args, parameters, node.body)
        self.module.functions[name] = Function(
            name,
            node.lineno,
            tuple(parameters),
            # Inside of a function a cache is made anew at each call.
            cached=not scope.name and any(decorator in CACHES for decorator in decorators),
            asynchronous=isinstance(node, ast.AsyncFunctionDef),
            decorators=decorators,
        )
        if scope.name:
            scope.symbols[node.name] = own(self.module.path, name)
        for annotation in (*(arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)), node.returns):
            if annotation is not None:
                self._expression(annotation, inner, once=False, sometimes=True)
        classes, self.classes = self.classes, []
        self.statements(node.body, inner, once=False, sometimes=False)
        self.classes = classes

    def _lambda(self, name: str, node: ast.Lambda, scope: Scope) -> None:
        parameters = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        self.module.functions[name] = Function(name, node.lineno, tuple(parameters))
        inner = self._scope(name, scope, scope.owner, node.args, parameters, [node.body])
        self._expression(node.body, inner, once=False, sometimes=False)
        self._returned(node.body, inner)

    def _scope(
        self,
        name: str,
        parent: Scope,
        owner: str,
        arguments: ast.arguments,
        parameters: list[str],
        body: Sequence[ast.AST],
    ) -> Scope:
        every = {arg.arg for arg in ast.walk(arguments) if isinstance(arg, ast.arg)}
        made = Scope(name, parent, owner, frozenset(every), every | bound_names(body))
        computed = set(parameters) | {arg.arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None}
        made.depends.update((parameter, frozenset({parameter})) for parameter in computed)
        if owner:
            made.symbols.update((itself, own(self.module.path, f"{owner}()")) for itself in every - computed)
        return made

    def _class(self, node: ast.ClassDef, scope: Scope, *, once: bool, sometimes: bool) -> None:
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self._expression(expression, scope, once=once, sometimes=sometimes)
        name = self._qualified(node.name, scope)
        self.module.classes[name] = tuple(self._symbol(base, scope) for base in node.bases)
        if scope.name:
            scope.symbols[node.name] = own(self.module.path, name)
        self.classes.append(name)
        self.statements(node.body, scope, once=once, sometimes=sometimes)
        self.classes.pop()

    def _own_class(self) -> str:
        return self.classes[-1] if self.classes else ""

    def _qualified(self, name: str, scope: Scope) -> str:
        prefix = self._own_class() or scope.name
        return f"{prefix}.{name}" if prefix else name

    # Expressions

    def _expression(self, node: ast.AST, scope: Scope, *, once: bool, sometimes: bool) -> None:
        match node:
            case ast.Call():
                self._call(node, scope, once=once, sometimes=sometimes)
            case ast.Lambda() if not scope.name:
                self._lambda(f"<lambda:{node.lineno}:{node.col_offset}>", node, scope)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._children(node, scope, once=once, sometimes=True)
            case ast.BoolOp() | ast.IfExp():
                first, *others = node.values if isinstance(node, ast.BoolOp) else (node.test, node.body, node.orelse)
                self._expression(first, scope, once=once, sometimes=sometimes)
                looked_at = self._tested(first, scope)
                for value in others:
                    kept = guarded(self._filled([value], scope), looked_at)
                    self._expression(value, scope, once=once or kept, sometimes=True)
                    looked_at |= self._tested(value, scope)
            case ast.NamedExpr():
                self._expression(node.value, scope, once=once, sometimes=sometimes)
                self._bind(node.target, node.value, scope, node.value)
            case ast.Attribute():
                self.module.words.add(node.attr)
                if isinstance(node.value, ast.Name):
                    self._use(node.value.id, scope, sometimes=sometimes, member=node.attr)
                else:
                    self._expression(node.value, scope, once=once, sometimes=sometimes)
            case ast.Name():
                self._use(node.id, scope, sometimes=sometimes, member="")
            case _:
                self._children(node, scope, once=once, sometimes=sometimes)

    def _children(self, node: ast.AST, scope: Scope, *, once: bool, sometimes: bool) -> None:
        for child in ast.iter_child_nodes(node):
            self._expression(child, scope, once=once, sometimes=sometimes)

    def _use(self, name: str, scope: Scope, *, sometimes: bool, member: str) -> None:
        self.module.words.add(name)
        if scope.of(name) is None:
            self.module.uses.append(Use(name, scope.name, sometimes, member))

    def _call(self, node: ast.Call, scope: Scope, *, once: bool, sometimes: bool) -> None:
        self._expression(node.func, scope, once=once, sometimes=sometimes)
        arguments: dict[str, Argument] = {}
        more = False
        for index, given in enumerate(node.args):
            more = more or isinstance(given, ast.Starred)
            arguments[str(index)] = self._argument(given, scope)
            self._expression(given, scope, once=once, sometimes=sometimes)
        for keyword in node.keywords:
            if keyword.arg is None:
                more = True
            else:
                arguments[keyword.arg] = self._argument(keyword.value, scope)
            self._expression(keyword.value, scope, once=once, sometimes=sometimes)
        target = self._symbol(node.func, scope)
        self.module.calls.append(
            Call(target, node.lineno, scope.name, arguments, more=more, once=once, sometimes=sometimes)
        )

    def _argument(self, node: ast.expr, scope: Scope) -> Argument:
        return Argument(self._value(node), scope.computed_from(names_in(node)), self._symbol(node, scope))

    def _value(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]):
                return beginning
            case ast.Name(id=name):
                return self.constants.get(name, UNKNOWN)
            case _:
                return UNKNOWN

    def _symbol(self, node: ast.expr, scope: Scope) -> str:
        """What an expression is, as far as names tell."""
        segments: list[str] = []
        while True:
            match node:
                case ast.Attribute(value=value, attr=attribute):
                    segments.append(attribute)
                    node = value
                case ast.Call(func=function):
                    segments.append("()")
                    node = function
                case ast.Await(value=value) | ast.NamedExpr(value=value):
                    node = value
                case ast.BoolOp(values=values):
                    found = (self._symbol(value, scope) for value in reversed(values))
                    return joined(next(filter(None, found), ""), segments[::-1])
                case ast.Name(id=name):
                    return joined(self._name(name, scope), segments[::-1])
                case _:
                    return ""

    def _name(self, name: str, scope: Scope) -> str:
        found = scope.of(name)
        if found is not None:
            return found.symbols.get(name, "")
        if name in self.names:
            bound = self.module.bindings.get(name, "")
            is_import = bound and not bound.startswith(f"{OWN}{self.module.path}{OWN}") and "()" not in bound
            return bound if is_import else own(self.module.path, name)
        return own(self.module.path, name) if self.module.stars else name

    def _made_of(self, node: ast.AST, scope: Scope) -> Iterable[str]:
        """The symbols that a value holds or was given, without the functions that were called for it."""
        match node:
            case ast.Call(func=function):
                for part in (*node.args, *(keyword.value for keyword in node.keywords)):
                    yield from self._made_of(part, scope)
                if isinstance(function, ast.Attribute):
                    yield from self._made_of(function.value, scope)
            case ast.Name() | ast.Attribute():
                if symbol := self._symbol(node, scope):
                    yield symbol
            case ast.Lambda():
                yield own(self.module.path, f"<lambda:{node.lineno}:{node.col_offset}>")
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from self._made_of(child, scope)

    def _tested(self, node: ast.AST, scope: Scope) -> set[str]:
        found = tested(node)
        return found.union(*(scope.looks_at.get(name, set()) for name in found))

    def _last_filled(self, body: Sequence[ast.stmt], scope: Scope) -> dict[str, int]:
        """Which statement is the last that fills a place."""
        return {place: index for index, one in enumerate(body) for place in ("", *self._filled([one], scope))}

    def _filled(self, nodes: Sequence[ast.AST], scope: Scope) -> set[str]:
        return filled(nodes, scope.outlives, self.fills) if scope.name else set()


def _shared(tree: ast.Module) -> set[str]:
    return {name for part in ast.walk(tree) if isinstance(part, ast.Global) for name in part.names}


def _constants(body: Sequence[ast.stmt]) -> dict[str, object]:
    """The names to which the module assigns a literal, once."""
    found: dict[str, object] = {}
    for statement in body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                literal = value.value if isinstance(value, ast.Constant) else UNKNOWN
                found[name] = UNKNOWN if name in found else literal
            case _:
                pass
    return found
