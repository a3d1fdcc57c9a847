"""Static code digests for the cache key.

The closure of a step is everything in the project that its function reaches by name: functions, classes with bases
and methods, decorators, defaults, closure cells, and globals by value. Each becomes a part with a digest of its own, so
that a miss can say what changed. What cannot be resolved widens to the module, then to the project. Too wide is
allowed, too narrow is a defect.
"""

import ast
import builtins
import hashlib
import os
import sys
import types
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from stoker._code.files import file_digest, file_status, project_files
from stoker._code.objects import (
    absolute,
    cells_of,
    code_names,
    evaluated,
    has_project_source,
    imported_names,
    is_code,
    is_made_code,
    is_project_class,
    is_step,
    is_stoker_decorator,
    module_name,
    scope_of_file,
    subclasses,
    wraps,
)
from stoker._code.values import Opaque, ValueWriter, function_text
from stoker._environment import is_standard, version_of
from stoker._project import is_own_file, is_project_file, is_project_module
from stoker._source import Chain, Import, Source, bound_names, chains, forget_sources, imports_in, normalised, source_of

# Beyond so many files of a project size and mtime stand for the content.
MAXIMUM_HASHED_FILES = 5000

# What can reach any module by a name made at run time.
_DYNAMIC_BUILTINS = frozenset({"exec", "eval", "compile", "__import__"})
_DYNAMIC_MODULES = frozenset({"runpy", "pkgutil", "imp", "zipimport", "subprocess", "code", "codeop"})
_DYNAMIC_CALLS = frozenset(
    {
        "sys.modules", "os.system", "os.popen", "os.posix_spawn", "os.posix_spawnp", "importlib.reload", "importlib.util",
        "importlib.machinery", "importlib.__import__", "importlib._bootstrap",
    }
    | {f"os.{kind}{suffix}" for kind in ("exec", "spawn") for suffix in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")}
    | {f"{library}.{call}" for library in ("pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")
       for call in ("load", "loads", "open", "Unpickler")}
)  # fmt: skip
# Decorators and bases of these libraries do not read docstrings.
_DOCSTRING_SAFE = ("stoker", "pyspark")

Key = Tuple[str, Any]


def _is_of_project(function: Any) -> bool:
    return isinstance(function, types.FunctionType) and has_project_source(function.__code__.co_filename)


class Part:
    """One piece of code or data: what it is, its digest, and what it reaches in turn."""

    __slots__ = ("digest", "kind", "modules", "name", "reaches", "wide")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        self.digest = ""
        self.reaches: Dict[Key, None] = {}
        self.modules: Dict[str, None] = {}  # files whose imports count for the environment
        self.wide: List[str] = []

    def close(self, text: str) -> None:
        self.digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digests_of(
    steps: Dict[int, Callable[..., Any]], root: str, object_readers: Iterable[int] = ()
) -> Dict[int, Dict[str, Any]]:
    """`{digest, parts, environment, wide}` for each step function.

    `object_readers` are steps that take objects as artifacts: methods of any project class that a step of the pipeline
    reaches may run in them
    (a custom stage inside a loaded model), so those classes are parts of theirs.
    """
    forget_sources()
    closure = Closure(root)
    reached = {key: closure.reached([closure.of_function(function)]) for key, function in steps.items()}
    classes = [key for keys in reached.values() for key in keys if key[0] == "class" and not closure.is_record(key)]
    for key in object_readers:
        if key in reached:
            reached[key] = closure.reached([*reached[key], *classes])
    return {key: closure.document(keys) for key, keys in reached.items()}


class Closure:
    """Parts of a project, made as they are reached."""

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self._parts: Dict[Key, Part] = {}
        self._alive: List[Any] = []
        self._environments: Dict[str, Set[str]] = {}

    # Traversal.

    def reached(self, start: List[Key]) -> List[Key]:
        order: Dict[Key, None] = {}
        stack = list(reversed(start))
        while stack:
            key = stack.pop()
            if key in order or key not in self._parts:
                continue
            order[key] = None
            stack.extend(reversed(self._parts[key].reaches))
        return list(order)

    def document(self, keys: List[Key]) -> Dict[str, Any]:
        parts: Dict[str, str] = {}
        wide: Dict[str, None] = {}
        tops: Set[str] = set()
        for key in keys:
            part = self._parts[key]
            if part.kind == "library" and not part.reaches:
                continue
            name, count = part.name, 1
            while parts.get(name, part.digest) != part.digest:
                count += 1
                name = f"{part.name}#{count}"
            parts[name] = part.digest
            wide.update(dict.fromkeys(part.wide))
            for file in part.modules:
                tops |= self._tops(file)
        environment = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
        environment.update((top, version_of(top)) for top in sorted(tops))
        whole = hashlib.sha256()
        for name, value in [*sorted(parts.items()), *environment.items()]:
            whole.update(f"{name}\0{value}\n".encode("utf-8", "surrogatepass"))
        document: Dict[str, Any] = {
            "digest": whole.hexdigest(),
            "parts": dict(sorted(parts.items())),
            "environment": environment,
        }
        if wide:
            document["wide"] = list(wide)
        return document

    def _tops(self, file: str) -> Set[str]:
        """Installed top-level modules that a file imports."""
        if file not in self._environments:
            source = source_of(file)
            found = {
                item.module.split(".")[0]
                for item in (source.imports() if source else [])
                if item.level == 0 and item.module
            }
            self._environments[file] = {top for top in found if self._is_installed(top)}
        return self._environments[file]

    def _is_installed(self, top: str) -> bool:
        if top == "stoker" or is_standard(top):
            return False
        module = sys.modules.get(top)
        if module is not None:
            return not is_project_module(module)
        return self._find_file(top) is None

    def is_record(self, key: Key) -> bool:
        """A NamedTuple of outputs: it is taken apart before anything is kept."""
        return self._parts[key].kind == "record"

    # Parts.

    def _part(self, key: Key, kind: str, name: str) -> Tuple[Part, bool]:
        """(part, whether it is new)."""
        known = self._parts.get(key)
        if known is not None:
            return known, False
        part = Part(kind, name)
        self._parts[key] = part
        return part, True

    def of_function(self, function: Any) -> Key:
        self._alive.append(function)
        key = ("function", id(function))
        name = f"{module_name(function)}.{function.__qualname__}"
        part, new = self._part(key, "function", name)
        if not new:
            return key
        filename = function.__code__.co_filename
        source = source_of(filename) if has_project_source(filename) else None
        if source is None and not is_made_code(filename):
            self._library_function(part, function)
            return key
        nodes = source.function(function.__code__.co_firstlineno, function.__code__.co_name) if source else []
        text = [self._function_state(part, function)]
        if source is not None and nodes:
            part.modules[filename] = None
            text.append(self._tree_text(nodes, source, function.__globals__))
            for node in nodes:
                self._reach_names(part, node, function.__globals__, cells_of(function), filename)
        else:
            text.append(function_text(function.__code__))
            for used in code_names(function.__code__):
                self._reach_chain(part, Chain(used, (), None, False), function.__globals__, cells_of(function), set())
        part.close("\n".join(text))
        return key

    def _function_state(self, part: Part, function: Any) -> str:
        """Defaults, closure cells and attributes by value."""
        texts = []
        values = {"defaults": function.__defaults__, "keywords": function.__kwdefaults__}
        values.update((f"cell {name}", value) for name, value in sorted(cells_of(function).items()))
        values.update((f"attribute {name}", value) for name, value in sorted(vars(function).items()))
        for what, value in values.items():
            if value is None:
                continue
            try:
                texts.append(f"{what}={self._value_text(part, value)}")
            except Opaque as error:
                self._widen_to_module(part, function.__globals__, f"{what} of {part.name} cannot be compared ({error})")
        return "\n".join(texts)

    def _library_function(self, part: Part, function: Any) -> None:
        """A library's wrapper around project code: its version stands for itself, what it wraps is reached."""
        part.kind = "library"
        part.name = f"{function.__module__}.{function.__qualname__} (wrapper)"
        inside = [*cells_of(function).values(), *vars(function).values(), *(function.__defaults__ or ())]
        for value in inside:
            try:
                self._value_text(part, value)
            except Opaque:
                continue  # the library's own affair
        # functools.wraps gives wrappers the module of what they wrap; where the code is from is in its globals.
        home = str(function.__globals__.get("__name__", ""))
        part.close(f"library {home}.{function.__code__.co_name} {self._version(home)}")

    def _version(self, module: Optional[str]) -> str:
        top = (module or "").split(".")[0]
        return version_of(top) if top and top not in ("stoker", "builtins") and not is_standard(top) else ""

    def of_class(self, cls: Any) -> Key:
        self._alive.append(cls)
        key = ("class", id(cls))
        record = issubclass(cls, tuple) and hasattr(cls, "_fields")
        part, new = self._part(key, "record" if record else "class", f"{module_name(cls)}.{cls.__qualname__}")
        if not new:
            return key
        module = sys.modules.get(cls.__module__)
        scope = vars(module) if module is not None else {}
        source, nodes = self._class_nodes(cls, module)
        text = [f"class {cls.__qualname__}"]
        if source is not None:
            part.modules[source.filename] = None
            text.append(self._tree_text(nodes, source, scope))
            for node in nodes:
                self._reach_names(part, node, scope, {}, source.filename)
        for base in [*cls.__mro__[1:], type(cls)]:
            self._reach_value(part, base)
            text.append(f"base {base.__module__}.{base.__qualname__}")
        for subclass in subclasses(cls):
            self._reach_value(part, subclass)
        text += self._class_attributes(part, cls, scope, bool(nodes))
        part.close("\n".join(text))
        return key

    def _class_nodes(self, cls: Any, module: Any) -> Tuple[Optional[Source], List[ast.AST]]:
        files = [getattr(module, "__file__", None)]
        # Classes of a notebook have no file; their methods do.
        files += [value.__code__.co_filename for value in vars(cls).values() if isinstance(value, types.FunctionType)]
        for file in files:
            if isinstance(file, str) and has_project_source(file):
                source = source_of(file)
                nodes = source.class_(cls.__qualname__) if source else []
                if nodes:
                    return source, nodes
        return None, []

    def _class_attributes(self, part: Part, cls: Any, scope: Dict[str, Any], has_source: bool) -> List[str]:
        """Attributes as they are now: something may have put them there after the class statement."""
        texts = []
        for name, value in sorted(vars(cls).items()):
            if name in ("_abc_impl", "_is_protocol", "_is_runtime_protocol"):
                continue
            function = getattr(value, "__func__", value)
            if name.startswith("__") and name.endswith("__") and not _is_of_project(function):
                continue  # made by Python or by a decorator such as dataclass
            if (
                name.startswith("_")
                and issubclass(cls, tuple)
                and hasattr(cls, "_fields")
                and name != "_field_defaults"
            ):
                continue  # made by NamedTuple
            if (
                has_source
                and isinstance(function, types.FunctionType)
                and function.__qualname__ == f"{cls.__qualname__}.{name}"
            ):
                continue  # in the class statement
            try:
                texts.append(f"{name}={self._value_text(part, value)}")
            except Opaque as error:
                self._widen_to_module(part, scope, f"{part.name}.{name} cannot be compared ({error})")
        return texts

    def _of_global(self, scope: Dict[str, Any], name: str, value: Any) -> Key:
        """A global variable by value."""
        module = scope.get("__name__", "?")
        key = ("value", f"{module}.{name}")
        part, new = self._part(key, "value", f"{module}.{name}")
        if not new:
            return key
        if name == "__file__" and isinstance(value, str) and is_project_file(value):
            value = os.path.relpath(value, self._root)  # where a project lies is no part of its code
        try:
            part.close(self._value_text(part, value))
        except Opaque as error:
            part.close("opaque")
            self._widen_to_module(part, scope, f"{part.name} cannot be compared ({error})")
        return key

    def _value_text(self, part: Part, value: Any) -> str:
        return ValueWriter(lambda found: self._reach_value(part, found)).text(value)

    def of_module_file(self, file: str, name: str) -> Key:
        """A whole module: its tree, and everything that it imports from the project."""
        key = ("module", os.path.abspath(file))
        part, new = self._part(key, "module", f"{name} (module)")
        if not new:
            return key
        source = source_of(file)
        if source is None:
            part.close(file_digest(file))
            return key
        part.modules[file] = None
        scope = scope_of_file(file)
        part.close(self._tree_text([source.tree], source, scope))
        for item in source.imports():
            self._reach_import(part, item, file, whole=True)
        if scope:
            self._reach_names(part, source.tree, scope, {}, file)
        else:
            self._reach_unloaded(part, source.tree)
        return key

    def _of_project(self) -> Key:
        """Every source file below the root."""
        key = ("project", self._root)
        part, new = self._part(key, "project", "all project files")
        if new:
            texts: List[str] = []
            for file in project_files(self._root):
                content = file_digest(file) if len(texts) < MAXIMUM_HASHED_FILES else file_status(file)
                texts.append(f"{os.path.relpath(file, self._root)} {content}")
                if file.endswith(".py"):
                    part.modules[file] = None
            part.close("\n".join(texts))
        return key

    # Reaching.

    def _reach_names(self, part: Part, node: ast.AST, scope: Dict[str, Any], cells: Dict[str, Any], file: str) -> None:
        bound = bound_names(node)
        local_imports: Dict[str, Import] = {}
        for item in imports_in(node):
            local_imports[item.alias or (item.name or item.module.split(".")[0])] = item
            self._reach_import(part, item, file, whole=not self._is_loaded(item, scope))
        for chain in chains(node, lambda decorator: not is_stoker_decorator(decorator, scope)):
            if chain.root in local_imports:
                self._reach_imported(part, local_imports[chain.root], chain, scope)
            if chain.root not in local_imports or chain.root in scope:
                self._reach_chain(part, chain, scope, cells, bound)

    def _reach_chain(
        self, part: Part, chain: Chain, scope: Dict[str, Any], cells: Dict[str, Any], bound: Set[str]
    ) -> None:
        root = chain.root
        if root in cells:
            self._reach_object(part, cells[root], chain, scope, root)
        elif root in scope:
            self._reach_object(part, scope[root], chain, scope, root)
        elif root == "globals":
            self._widen_to_module(part, scope, f"{part.name} uses globals()")
        elif root in _DYNAMIC_BUILTINS and root not in bound:
            self._reach_dynamic(part, chain, root)
        elif root not in bound and not hasattr(builtins, root):
            self._widen_to_module(part, scope, f"{part.name} uses {root}, which is not defined yet")

    def _reach_object(self, part: Part, value: Any, chain: Chain, scope: Dict[str, Any], name: str) -> None:
        """A value and the attributes that follow: through modules to what is used of them."""
        attributes = list(chain.attributes)
        while isinstance(value, types.ModuleType):
            if not is_project_module(value):
                self._reach_library(part, value, attributes, chain)
                return
            if not attributes or attributes[0] not in vars(value):
                # The module itself is handed on (getattr, vars, an alias): any of its names may be meant.
                self._reach_module(part, value, f"{part.name} uses the module {value.__name__} as a value")
                return
            scope, name = vars(value), attributes.pop(0)
            value = scope[name]
        if is_code(value):
            self._reach_value(part, value)
        elif type(value).__module__ == "typing" and not getattr(value, "__args__", ()):
            return  # List, Any, a TypeVar: nothing of the project is in it
        elif scope.get("__name__") is not None:
            part.reaches[self._of_global(scope, name, value)] = None

    def _reach_library(self, part: Part, module: Any, attributes: List[str], chain: Chain) -> None:
        if self._reach_if_dynamic(part, [module.__name__, *attributes], chain):
            return
        # Something of the project may have been put into a library.
        value: Any = module
        for attribute in attributes:
            value = vars(value).get(attribute) if isinstance(value, types.ModuleType) else None
        if value is not None and is_code(value) and not isinstance(value, types.ModuleType):
            self._reach_value(part, value)

    def _reach_if_dynamic(self, part: Part, names: List[str], chain: Chain) -> bool:
        """By name alone: the library need not be loaded, and whether it is must not matter."""
        dotted = ".".join(names)
        dynamic = (
            dotted.partition(".")[0] in _DYNAMIC_MODULES
            or dotted in ("importlib", "importlib.import_module")
            or any(dotted == call or dotted.startswith(f"{call}.") for call in _DYNAMIC_CALLS)
        )
        if dynamic:
            self._reach_dynamic(part, chain, dotted)
        return dynamic

    def _reach_unloaded(self, part: Part, tree: ast.AST) -> None:
        """What a module that is not loaded reaches at run time, by the names that it imports."""
        bound = bound_names(tree)
        imports = {item.alias or (item.name or item.module.split(".")[0]): item for item in imports_in(tree)}
        for chain in chains(tree, lambda decorator: True):
            if chain.root in imports:
                self._reach_if_dynamic(part, imported_names(imports[chain.root], chain), chain)
            elif chain.root in _DYNAMIC_BUILTINS and chain.root not in bound:
                self._reach_dynamic(part, chain, chain.root)

    def _reach_dynamic(self, part: Part, chain: Chain, what: str) -> None:
        """exec, importlib and their like: a constant module name is followed, anything else means the whole project."""
        if (
            chain.argument is not None
            and what in ("importlib.import_module", "__import__")
            and not chain.argument.startswith(".")
        ):
            if self._find_file(chain.argument) is not None:
                self._reach_module_named(part, chain.argument)
                return
            if self._is_installed(chain.argument.split(".")[0]) or is_standard(chain.argument.split(".")[0]):
                return
        part.wide.append(f"{part.name} uses {what}: all project files")
        part.reaches[self._of_project()] = None

    def _reach_value(self, part: Part, value: Any) -> None:
        """A function, class, step or module found inside a value."""
        value = getattr(value, "function", value) if is_step(value) else value
        if isinstance(value, types.MethodType):
            self._reach_value(part, value.__self__ if isinstance(value.__self__, type) else type(value.__self__))
            value = value.__func__
        if isinstance(value, types.FunctionType):
            if is_own_file(value.__code__.co_filename):
                return
            if (
                has_project_source(value.__code__.co_filename)
                or is_made_code(value.__code__.co_filename)
                or wraps(value)
            ):
                part.reaches[self.of_function(value)] = None
                wrapped = getattr(value, "__wrapped__", None)
                if isinstance(wrapped, types.FunctionType):
                    self._reach_value(part, wrapped)
        elif isinstance(value, type):
            if is_project_class(value):
                part.reaches[self.of_class(value)] = None
        elif isinstance(value, types.ModuleType) and is_project_module(value):
            self._reach_module(part, value, f"{part.name} holds the module {value.__name__}")

    def _reach_module(self, part: Part, module: Any, why: str) -> None:
        file = getattr(module, "__file__", None)
        part.wide.append(why)
        if isinstance(file, str):
            part.reaches[self.of_module_file(file, module.__name__)] = None
        else:
            part.reaches[self._of_project()] = None

    def _widen_to_module(self, part: Part, scope: Dict[str, Any], why: str) -> None:
        file = scope.get("__file__")
        if isinstance(file, str) and is_project_file(file):
            part.wide.append(f"{why}: the whole module")
            part.reaches[self.of_module_file(file, str(scope.get("__name__", file)))] = None
        else:
            part.wide.append(why)

    # Imports inside functions and modules.

    def _is_loaded(self, item: Import, scope: Dict[str, Any]) -> bool:
        return absolute(item, scope) in sys.modules and item.name != "*"

    def _reach_import(self, part: Part, item: Import, file: str, whole: bool) -> None:
        if not whole:
            return
        scope = scope_of_file(file) or {"__name__": "", "__file__": file}
        name = absolute(item, scope) if item.level == 0 or scope.get("__name__") else ""
        candidates = [name] if name else []
        if item.name and item.name != "*" and name:
            candidates.append(f"{name}.{item.name}")
        if not name and item.level:
            part.wide.append(f"{part.name} imports relatively from a module that is not loaded: all project files")
            part.reaches[self._of_project()] = None
        for candidate in candidates:
            self._reach_module_named(part, candidate)

    def _reach_module_named(self, part: Part, name: str) -> None:
        """A whole module and the packages above it, which run when it is imported."""
        pieces = name.split(".")
        for end in range(1, len(pieces) + 1):
            found = self._find_file(".".join(pieces[:end]))
            if found is not None:
                part.reaches[self.of_module_file(found, ".".join(pieces[:end]))] = None

    def _reach_imported(self, part: Part, item: Import, chain: Chain, scope: Dict[str, Any]) -> None:
        """A name that the function imports itself, from a module that is loaded already."""
        module = sys.modules.get(absolute(item, scope))
        if module is None:  # what it has of the project is reached as a whole by its import
            self._reach_if_dynamic(part, imported_names(item, chain), chain)
            return
        if item.name is None:
            top = module if item.alias else sys.modules.get(item.module.split(".")[0])
            self._reach_object(part, top, chain, scope, chain.root)
        elif item.name in vars(module):
            if is_project_module(module):
                self._reach_object(
                    part, module, Chain("", (item.name, *chain.attributes), chain.argument, chain.called), scope, ""
                )
            else:
                self._reach_library(part, module, [item.name, *chain.attributes], chain)
        else:
            submodule = sys.modules.get(f"{module.__name__}.{item.name}")
            self._reach_object(part, submodule if submodule is not None else module, chain, scope, chain.root)

    def _find_file(self, name: str) -> Optional[str]:
        """The project file of a module, loaded or not; nothing is imported for the answer."""
        module = sys.modules.get(name)
        if module is not None:
            file = getattr(module, "__file__", None)
            return file if isinstance(file, str) and is_project_file(file) else None
        for entry in [*sys.path, self._root]:
            base = os.path.join(entry or os.getcwd(), *name.split("."))
            for candidate in (os.path.join(base, "__init__.py"), f"{base}.py"):
                if os.path.isfile(candidate):
                    return candidate if is_project_file(candidate) else None
        return None

    # Text of trees.

    def _tree_text(self, nodes: List[ast.AST], source: Source, scope: Dict[str, Any]) -> str:
        keep = source.reads_docstrings or any(self._may_read_docstrings(node, scope) for node in nodes)
        return normalised(nodes, lambda decorator: not is_stoker_decorator(decorator, scope), keep)

    def _may_read_docstrings(self, node: ast.AST, scope: Dict[str, Any]) -> bool:
        """Whether a decorator or base class of another library sees the docstring."""
        for inner in ast.walk(node):
            for used in [
                *getattr(inner, "decorator_list", []),
                *(inner.bases if isinstance(inner, ast.ClassDef) else []),
            ]:
                value = evaluated(used, scope)
                module = str(getattr(value, "__module__", None) or "")
                top = module.split(".")[0]
                if top in _DOCSTRING_SAFE or (top and is_standard(top)) or top == "builtins":
                    continue
                loaded = sys.modules.get(module)
                if loaded is None or not (is_project_module(loaded) or module == "__main__"):
                    return True
        return False
