"""What one Python source says about what it needs: imports, names of modules, metadata, AWS services."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Place", "Source", "read_source"]

Place = tuple[int, str]
"""A line and what stands there."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+")
_LONGEST = 200
"""Characters: no module has a longer name (assumption)."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_FILE = re.compile(r"[\w./-]+\.py")

_IMPORTERS = {
    "import_module",
    "__import__",
    "find_spec",
    "find_loader",
    "run_module",
    "run_path",
    "resolve_name",
    "spec_from_file_location",
    "load_source",
    "LazyLoader",
}
"""Functions that import what a text names."""
_SEARCHERS = {"iter_modules", "walk_packages"}
"""Functions that list modules, which is how plug-ins are found."""
_RUNNERS = {"exec", "eval"}
_METADATA = {"version", "metadata", "distribution", "requires", "files", "get_distribution", "require"}
_ALL_METADATA = {"distributions", "packages_distributions", "working_set"}
_ENTRY_POINTS = {"entry_points", "iter_entry_points", "load_entry_point"}
_MAKERS = {"client", "resource", "create_client", "_client_creator", "client_creator"}
"""Functions that make a client of an AWS service."""
_AWS = {"boto3", "botocore", "aioboto3", "aiobotocore"}


@dataclass(slots=True)
class Source:
    """What a source says. Names of modules are absolute."""

    imports: set[str] = field(default_factory=set[str])
    """Names that an import statement names; the last step may be a name inside a module."""
    stars: set[str] = field(default_factory=set[str])
    """Modules of which everything is imported."""
    names: set[str] = field(default_factory=set[str])
    """Texts that look like a module's dotted name, or are given to what imports."""
    files: set[str] = field(default_factory=set[str])
    """Texts that look like a Python file's name."""
    prefixes: set[str] = field(default_factory=set[str])
    """How names begin that are computed and then imported."""
    unknown: list[Place] = field(default_factory=list[Place])
    """Imports of a name of which nothing is known."""
    runs_text: bool = False
    """Whether it runs text as code."""
    lazy: bool = False
    """Whether it makes its names on demand (PEP 562)."""
    exported: set[str] = field(default_factory=set[str])
    """Its ``__all__``, as far as it is literal."""
    defined: set[str] = field(default_factory=set[str])
    """Names that its top level binds."""
    metadata: set[str] = field(default_factory=set[str])
    """Distributions whose metadata it reads."""
    any_metadata: bool = False
    """Whether it reads metadata of distributions that it does not name."""
    groups: set[str] = field(default_factory=set[str])
    """Groups of entry points that it loads."""
    any_group: bool = False
    services: set[str] = field(default_factory=set[str])
    """Texts given to what makes a client."""
    any_service: list[Place] = field(default_factory=list[Place])
    """Clients of a service whose name is computed."""
    reads_stubs: bool = False
    """Whether it reads type stubs when it runs, as ``lazy_loader.attach_stub`` does."""


def read_source(content: bytes, module: str, *, is_package: bool) -> Source:
    """Reads a source.

    Args:
        content: Its bytes.
        module: Its dotted name.
        is_package: Whether it is an ``__init__``.

    Raises:
        SyntaxError: It is not Python as this interpreter knows it.
    """
    try:
        tree = ast.parse(content)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from None
    reader = _Reader(module, module if is_package else module.rpartition(".")[0])
    reader.read(tree)
    return reader.source


class _Reader:
    def __init__(self, module: str, package: str) -> None:
        self.module = module
        self.package = package
        self.source = Source()
        self.bound: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.called: set[int] = set()

    def read(self, tree: ast.Module) -> None:
        self._top_level(tree)
        nodes = list(_nodes(tree))
        # Bindings first: a function may use what a later line imports.
        for node in nodes:
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
            elif isinstance(node, ast.Call):
                self.called.add(id(node.func))
        for node in nodes:
            match node:
                case ast.Call():
                    self._call(node)
                case ast.Constant(value=str(text)):
                    self._text(text)
                case ast.Attribute():
                    self._attribute(node)
                case ast.Name(id=name, ctx=ast.Load()) if self.bound.get(name, name).rpartition(".")[2] in _IMPORTERS:
                    self._handed_on(node)
                case _:
                    pass

    def _top_level(self, tree: ast.Module) -> None:
        for node in _statements(tree.body):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    self.source.defined.add(name)
                    self.source.lazy |= name == "__getattr__"
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(target, value)
                case ast.AnnAssign(target=target, value=value) | ast.AugAssign(target=target, value=value):
                    self._bind(target, value)
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    self.source.defined |= {name.asname or name.name.partition(".")[0] for name in names}
                case _:
                    pass

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
        self.source.defined |= set(names)
        self.source.lazy |= "__getattr__" in names
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and len(names) == 1:
            # Bound twice, it is not known which of the two holds.
            self.constants[names[0]] = "" if names[0] in self.constants else value.value
        if names == ["__all__"] and value is not None:
            self.source.exported |= {
                node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }

    def _import(self, node: ast.Import) -> None:
        for name in node.names:
            self.source.imports.add(name.name)
            self.bound[name.asname or name.name.partition(".")[0]] = (
                name.name if name.asname else name.name.partition(".")[0]
            )

    def _import_from(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            base = ".".join(part for part in (self._above(node.level), base) if part)
        self.source.imports.add(base)
        for name in node.names:
            if name.name == "*":
                self.source.stars.add(base)
            else:
                whole = f"{base}.{name.name}"
                self.source.imports.add(whole)
                self.bound[name.asname or name.name] = whole

    def _above(self, level: int) -> str:
        steps = self.package.split(".")
        return ".".join(steps[: len(steps) - level + 1])

    def _text(self, text: str) -> None:
        if len(text) <= _LONGEST:
            if _DOTTED.fullmatch(text):
                self.source.names.add(text.replace(":", "."))
            if _FILE.fullmatch(text):
                self.source.files.add(text)

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr in _IMPORTERS:
            self._handed_on(node)
        if node.attr in _ALL_METADATA:
            self.source.any_metadata = True
        if node.attr in ("client", "resource") and id(node) not in self.called and isinstance(node.ctx, ast.Load):
            owner = node.value
            if isinstance(owner, ast.Name) and (self.bound.get(owner.id) in _AWS or "session" in owner.id.lower()):
                self.source.any_service.append((node.lineno, ast.unparse(node)))
        steps = [node.attr]
        inner = node.value
        while isinstance(inner, ast.Attribute):
            steps.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in self.bound:
            self.source.imports.add(".".join([self.bound[inner.id], *reversed(steps)]))

    def _handed_on(self, node: ast.expr) -> None:
        """A function that imports, not called here but given to somebody."""
        if id(node) not in self.called and not isinstance(getattr(node, "ctx", None), ast.Store):
            self.source.unknown.append((getattr(node, "lineno", 1), ast.unparse(node)))

    def _call(self, node: ast.Call) -> None:
        name = self._function(node.func)
        first = node.args[0] if node.args else None
        named = {one.arg: one.value for one in node.keywords if one.arg}
        if name in _IMPORTERS:
            # The name of a file that is loaded stands second.
            subject = first or named.get("name") or named.get("mod_name")
            self._dynamic(node, subject)
        elif name in _SEARCHERS:
            self._unknown(node)
        elif name in _RUNNERS and isinstance(node.func, ast.Name):
            self.source.runs_text |= not isinstance(first, ast.Constant)
        elif name in _ENTRY_POINTS:
            group = named.get("group") or (first if name != "load_entry_point" else None)
            text = self._literal(group)
            self.source.any_group |= text is None
            self.source.groups |= {text} if text else set()
        elif name in _METADATA:
            self._reads_metadata(node, first)
        elif name in _MAKERS:
            self._makes_client(node, first or named.get("service_name"))
        self.source.reads_stubs |= name == "attach_stub"
        if "import" in name.lower():
            for value in [*node.args, *named.values()]:
                text = self._literal(value)
                if text and _WORD.fullmatch(text):
                    self.source.names.add(text)

    def _function(self, function: ast.expr) -> str:
        match function:
            case ast.Attribute(attr=name):
                return name
            case ast.Name(id=name):
                return self.bound.get(name, name).rpartition(".")[2]
            case _:
                return ""

    def _dynamic(self, node: ast.Call, subject: ast.expr | None) -> None:
        text = self._literal(subject)
        if text is not None:
            if text.startswith("."):
                level = len(text) - len(text.lstrip("."))
                text = ".".join(part for part in (self._above(level), text.lstrip(".")) if part)
            self.source.names.add(text)
            return
        prefix = self._prefix(subject)
        if prefix.startswith("."):
            prefix = f"{self.package}.{prefix.lstrip('.')}" if self.package else prefix.lstrip(".")
        if prefix:
            self.source.prefixes.add(prefix)
        else:
            self._unknown(node)

    def _unknown(self, node: ast.Call) -> None:
        self.source.unknown.append((node.lineno, ast.unparse(node)))

    def _reads_metadata(self, node: ast.Call, first: ast.expr | None) -> None:
        # Many functions are called "version" or "files": only those of what reads metadata count.
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        root = ast.unparse(owner) if owner is not None else self.bound.get(ast.unparse(node.func), "")
        whole = f"{self.bound.get(root.partition('.')[0], root)}.{root}"
        if "metadata" not in whole and "pkg_resources" not in whole:
            return
        text = self._literal(first)
        if text is not None:
            self.source.metadata.add(re.split(r"[\s<>=!~;\[]", text.strip())[0])
        elif first is not None:
            if _is_own_name(first):
                self.source.metadata.add(self.module.partition(".")[0])
            else:
                self.source.any_metadata = True

    def _makes_client(self, node: ast.Call, subject: ast.expr | None) -> None:
        text = self._literal(subject)
        if text is not None:
            self.source.services.add(text)
        elif subject is not None:
            self.source.any_service.append((node.lineno, ast.unparse(node)))

    def _literal(self, node: ast.expr | None) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.constants.get(name) or None
            case _:
                return None

    def _prefix(self, node: ast.expr | None) -> str:
        """How a computed name begins; empty where that is computed too."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id="__name__"):
                return self.module
            case ast.Name(id="__package__"):
                return self.package
            case ast.Name(id=name):
                return self.constants.get(name, "")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                start = self._prefix(left)
                return start + self._prefix(right) if self._is_known(left) else start
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
                return text.partition("%")[0]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
                return text.partition("{")[0]
            case ast.JoinedStr(values=values):
                start = ""
                for value in values:
                    inner = value.value if isinstance(value, ast.FormattedValue) else value
                    start += self._prefix(inner)
                    if not self._is_known(inner):
                        break
                return start
            case _:
                return ""

    def _is_known(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=str()) | ast.Name(id="__name__" | "__package__"):
                return True
            case ast.Name(id=name):
                return bool(self.constants.get(name))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._is_known(left) and self._is_known(right)
            case _:
                return False


def _is_own_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("__name__", "__package__")


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING``, which never run."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            pending += node.orelse
        else:
            pending += ast.iter_child_nodes(node)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's top level, also those under a condition."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _statements(node.orelse)
            continue
        for inner in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for child in getattr(node, inner, []):
                    yield from _statements(child.body if isinstance(child, ast.ExceptHandler) else [child])


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
