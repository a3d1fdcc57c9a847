"""Syntax trees of project files: normalised text for digests, the names that code uses, its imports.

Comments and formatting are not in a tree. Docstrings are left out too, unless something may read them: a decorator or
base class that is
neither the project's own nor the standard library's, pyspark's or Stoker's, or a mention of `__doc__` in the same file.
"""

import ast
import linecache
import os
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

FunctionNode = (ast.FunctionDef, ast.AsyncFunctionDef)
_SKIPPED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


class Source:
    """One parsed file (or notebook cell)."""

    def __init__(self, filename: str, text: str) -> None:
        self.filename = filename
        self.tree = ast.parse(text)
        self.reads_docstrings = "__doc__" in text or "getdoc" in text
        self._functions: Optional[Dict[Tuple[int, str], List[ast.AST]]] = None
        self._classes: Optional[Dict[str, List[ast.AST]]] = None
        self._imports: Optional[List[Import]] = None

    def function(self, line: int, name: str) -> List[ast.AST]:
        """Definitions (or lambdas) of that name which begin on the line, decorators included."""
        if self._functions is None:
            self._functions = {}
            for node in ast.walk(self.tree):
                if isinstance(node, FunctionNode):
                    first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
                    self._functions.setdefault((first, node.name), []).append(node)
                elif isinstance(node, ast.Lambda):
                    self._functions.setdefault((node.lineno, "<lambda>"), []).append(node)
        return self._functions.get((line, name), [])

    def class_(self, qualname: str) -> List[ast.AST]:
        """Class definitions of that qualified name, in order."""
        if self._classes is None:
            self._classes = {}
            _collect_classes(self.tree, "", self._classes)
        return self._classes.get(qualname, [])

    def imports(self) -> "List[Import]":
        if self._imports is None:
            self._imports = list(imports_in(self.tree))
        return self._imports


def _collect_classes(node: ast.AST, prefix: str, out: Dict[str, List[ast.AST]]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            out.setdefault(prefix + child.name, []).append(child)
            _collect_classes(child, f"{prefix}{child.name}.", out)
        elif isinstance(child, FunctionNode):
            _collect_classes(child, f"{prefix}{child.name}.<locals>.", out)
        else:
            _collect_classes(child, prefix, out)


_sources: Dict[str, Optional[Source]] = {}


def source_of(filename: str) -> Optional[Source]:
    """The parsed file, None when it has no source or does not parse."""
    if filename not in _sources:
        _sources[filename] = _read(filename)
    return _sources[filename]


def forget_sources() -> None:
    _sources.clear()


def _read(filename: str) -> Optional[Source]:
    try:
        if os.path.isfile(filename):
            with open(filename, "rb") as stream:
                data = stream.read()
            return Source(filename, _decoded(data))
        lines = linecache.getlines(filename)
        return Source(filename, "".join(lines)) if lines else None
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _decoded(data: bytes) -> str:
    if b"coding" in data[:200]:
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    return data.decode("utf-8-sig")


# Normalised text.


def normalised(nodes: List[ast.AST], keep_decorator: Callable[[ast.AST], bool], keep_docstrings: bool) -> str:
    """Trees as text in which only what matters is left."""
    out: List[str] = []
    for node in nodes:
        _write(node, out, keep_decorator, keep_docstrings)
    return "".join(out)


def _write(node: Any, out: List[str], keep_decorator: Callable[[ast.AST], bool], keep_docstrings: bool) -> None:
    if isinstance(node, ast.AST):
        out.append(type(node).__name__)
        out.append("(")
        for name in node._fields:
            if name in _SKIPPED_FIELDS:
                continue
            value = getattr(node, name, None)
            if value is None or value == []:
                continue
            if name == "decorator_list":
                value = [decorator for decorator in value if keep_decorator(decorator)]
            elif name == "body" and not keep_docstrings and _has_docstring(node):
                value = value[1:] or ["pass"]
            out.append(f"{name}=")
            _write(value, out, keep_decorator, keep_docstrings)
        out.append(")")
    elif isinstance(node, list):
        out.append("[")
        for item in node:
            _write(item, out, keep_decorator, keep_docstrings)
            out.append(",")
        out.append("]")
    else:
        out.append(f"{type(node).__name__}:{node!r}")


def _has_docstring(node: Any) -> bool:
    if not isinstance(node, (*FunctionNode, ast.ClassDef, ast.Module)) or not node.body:
        return False
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


# Names.


class Chain(NamedTuple):
    """`root.a.b` as code uses it; `argument` is the first argument when the chain is called with a constant text."""

    root: str
    attributes: Tuple[str, ...]
    argument: Optional[str]
    called: bool


def chains(node: ast.AST, keep_decorator: Callable[[ast.AST], bool]) -> Iterator[Chain]:
    """The names that code reads, each with the attributes that follow directly."""
    stack: List[Tuple[ast.AST, bool]] = [(node, False)]
    while stack:
        current, in_annotation = stack.pop()
        if isinstance(current, ast.Call):
            chain = _chain(current.func)
            if chain is not None:
                first = current.args[0] if current.args else None
                constant = isinstance(first, ast.Constant) and isinstance(first.value, str)
                yield Chain(chain[0], chain[1], first.value if constant else None, True)  # type: ignore[union-attr]
                stack.extend((child, False) for child in [*current.args, *current.keywords])
                continue
        chain = _chain(current)
        if chain is not None:
            yield Chain(chain[0], chain[1], None, False)
            continue
        if in_annotation and isinstance(current, ast.Constant) and isinstance(current.value, str):
            # A quoted annotation names classes as an unquoted one does.
            try:
                stack.append((ast.parse(current.value, mode="eval").body, True))
            except SyntaxError:
                pass
            continue
        for name, value in ast.iter_fields(current):
            annotated = in_annotation or name in ("annotation", "returns")
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and (name != "decorator_list" or keep_decorator(child)):
                    stack.append((child, annotated))


def _chain(node: ast.AST) -> Optional[Tuple[str, Tuple[str, ...]]]:
    attributes: List[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return node.id, tuple(reversed(attributes))
    return None


def bound_names(node: ast.AST) -> Set[str]:
    """Names that the code itself binds somewhere: arguments, assignments, imports, definitions."""
    bound: Set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            bound.add(inner.id)
        elif isinstance(inner, ast.arg):
            bound.add(inner.arg)
        elif isinstance(inner, (*FunctionNode, ast.ClassDef)):
            bound.add(inner.name)
        elif isinstance(inner, ast.alias):
            bound.add(inner.asname or inner.name.split(".")[0])
        else:
            for field in ("name", "rest"):  # except handlers, match captures, type parameters
                value = getattr(inner, field, None)
                if isinstance(value, str):
                    bound.add(value)
    return bound


class Import(NamedTuple):
    """One imported thing: `import a.b as c` or `from ..a import b as c`."""

    module: str
    level: int
    name: Optional[str]  # None for a plain import
    alias: Optional[str]


def imports_in(node: ast.AST) -> Iterator[Import]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                yield Import(alias.name, 0, None, alias.asname)
        elif isinstance(inner, ast.ImportFrom):
            for alias in inner.names:
                yield Import(inner.module or "", inner.level, alias.name, alias.asname)
