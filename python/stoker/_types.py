"""Annotations: from a function's signature to parameters, inputs and outputs of the document.

`inspect` is not used: importing it costs as much as everything else here. Annotations written as text are evaluated
one at a time, and
names that only a type checker imports (`if TYPE_CHECKING:`) become stand-ins with the right qualified name.
"""

import collections.abc
import enum
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Literal, NamedTuple, NoReturn, Optional, Tuple

from stoker._errors import CompileError
from stoker._text import nearest
from stoker._values import Directory, File, Secret, Table

if TYPE_CHECKING:
    from stoker import _document_types as document


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_LISTS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_SCALARS: "Dict[Any, Literal['string', 'integer', 'number', 'boolean']]" = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
}
_LOCATIONS: "Dict[Any, Literal['file', 'directory', 'table', 'secret']]" = {
    File: "file",
    Directory: "directory",
    Table: "table",
    Secret: "secret",
}
_UNION_TYPE = getattr(types, "UnionType", typing.Union)


class NoResult:
    """The type of the result of a step that returns None."""


class Argument(NamedTuple):
    name: str
    annotation: Any  # MISSING when there is none
    default: Any  # MISSING when it is required


class Signature(NamedTuple):
    arguments: Tuple[Argument, ...]
    result: Any  # MISSING when there is no annotation

    def names(self) -> List[str]:
        return [argument.name for argument in self.arguments]


def place_of(function: Callable[..., Any]) -> Tuple[Optional[str], Optional[int]]:
    code = getattr(function, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (None, None)


def refuse_function(function: Callable[..., Any], message: str, hint: str = "") -> NoReturn:
    file, line = place_of(function)
    raise CompileError(message, hint, file, line)


def signature_of(function: Callable[..., Any], what: str) -> Signature:
    """Arguments in order, with evaluated annotations. `*args` and `**kwargs` have no place in a document."""
    code = getattr(function, "__code__", None)
    if code is None:
        raise CompileError(
            f"{what} needs a plain function, not {function!r}", "wrap it: def step_name(…): return it(…)"
        )
    wrapped = function
    while hasattr(wrapped, "__wrapped__"):
        # A decorator that says what it wraps: the signature is the inner function's.
        wrapped = wrapped.__wrapped__
    code = wrapped.__code__
    if code.co_flags & (_VARARGS | _VARKEYWORDS):
        refuse_function(
            wrapped,
            f"{what} '{wrapped.__name__}' takes *args or **kwargs",
            "name each argument: the document knows them by name",
        )
    if code.co_posonlyargcount:
        refuse_function(
            wrapped,
            f"{what} '{wrapped.__name__}' has positional-only arguments",
            "drop the `/`: arguments are given by name",
        )
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    defaults = wrapped.__defaults__ or ()
    given = dict(zip(names[count - len(defaults) : count], defaults))
    given.update(wrapped.__kwdefaults__ or {})
    annotations = getattr(wrapped, "__annotations__", {})
    arguments = tuple(
        Argument(
            name,
            evaluate(annotations[name], wrapped, f"argument '{name}'") if name in annotations else MISSING,
            given.get(name, MISSING),
        )
        for name in names
    )
    result = evaluate(annotations["return"], wrapped, "the result") if "return" in annotations else MISSING
    return Signature(arguments, result)


def evaluate(annotation: Any, function: Callable[..., Any], what: str) -> Any:
    """The annotation itself; text is evaluated in the function's module."""
    if not isinstance(annotation, str):
        return type(None) if annotation is None else annotation
    scope = _Names(function)
    try:
        value = eval(annotation, {"__builtins__": {}}, scope)
    except Exception as error:
        hint = "import the name at the top of the file, where it can be seen when the function is defined"
        if isinstance(error, TypeError) and "|" in annotation and sys.version_info < (3, 10):
            hint = "Python 3.9 cannot evaluate X | None: write Optional[X]"
        refuse_function(
            function,
            f"{what} of '{function.__name__}': the annotation {annotation!r} is not understood ({error})",
            hint,
        )
    if isinstance(value, str):
        return evaluate(value, function, what)
    return type(None) if value is None else value


class _Names(Dict[str, Any]):
    """Names as the function sees them: closure, globals, builtins, then imports that only type checkers run."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function: Any = function

    def __missing__(self, name: str) -> Any:
        function = self._function
        closure = function.__closure__ or ()
        for free, cell in zip(function.__code__.co_freevars, closure):
            if free == name:
                return cell.cell_contents
        builtins = function.__globals__.get("__builtins__", {})
        builtins = builtins if isinstance(builtins, dict) else vars(builtins)
        for scope in (function.__globals__, builtins):
            if name in scope:
                return scope[name]
        stand_in = _type_checking_import(function, name)
        if stand_in is None:
            raise NameError(f"name '{name}' is not defined")
        return stand_in


def _type_checking_import(function: Callable[..., Any], name: str) -> Any:
    import ast
    import linecache

    try:
        tree = ast.parse("".join(linecache.getlines(function.__code__.co_filename, function.__globals__)))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            continue
        for inner in node.body:
            for alias in getattr(inner, "names", []):
                if isinstance(inner, ast.ImportFrom) and (alias.asname or alias.name) == name:
                    return _stand_in(inner.module or "", alias.name)
                if isinstance(inner, ast.Import) and (alias.asname or alias.name.split(".")[0]) == name:
                    return _ModuleStandIn(alias.name if alias.asname else name)
    return None


def _stand_in(module: str, name: str) -> Any:
    return type(name, (), {"__module__": module, "__qualname__": name, "__stoker_stand_in__": True})


class _ModuleStandIn:
    def __init__(self, name: str) -> None:
        self.__name = name

    def __getattr__(self, name: str) -> Any:
        if name[:1].isupper():
            return _stand_in(self.__name, name)
        return _ModuleStandIn(f"{self.__name}.{name}")


# Taking annotations apart.


def stripped(annotation: Any) -> Any:
    """Without Annotated, Final and NewType."""
    while True:
        if hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation


def optional(annotation: Any) -> Tuple[Any, bool]:
    """(X, True) for Optional[X], (annotation, False) otherwise."""
    bare = stripped(annotation)
    if typing.get_origin(bare) in (typing.Union, _UNION_TYPE):
        members = [member for member in typing.get_args(bare) if member is not type(None)]
        if len(members) < len(typing.get_args(bare)):
            return (members[0] if len(members) == 1 else typing.Union[tuple(members)]), True
    return bare, False


def origin(annotation: Any) -> Any:
    bare, _ = optional(annotation)
    found = typing.get_origin(bare) or bare
    if found in _MAPS:
        return dict
    return list if found in _LISTS else found


def item_of(annotation: Any, key: Any) -> Any:
    """The type of `value[key]`, None when unknown."""
    bare, _ = optional(annotation)
    args = typing.get_args(bare)
    if origin(bare) is dict and len(args) == 2:
        return args[1]
    if typing.get_origin(bare) is tuple and args and args[-1] is not Ellipsis:
        return args[key] if isinstance(key, int) and -len(args) <= key < len(args) else None
    return args[0] if origin(bare) is list and args else None


def is_named_tuple(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def named_tuple_fields(annotation: Any) -> Dict[str, Any]:
    """Field names and types; text annotations are evaluated in the class's module."""
    module = sys.modules.get(annotation.__module__)
    hints = {}
    for base in reversed(annotation.__mro__):
        hints.update(base.__dict__.get("__annotations__", {}))
    fields = {}
    for name in annotation._fields:
        hint = hints.get(name, Any)
        if isinstance(hint, typing.ForwardRef):
            hint = hint.__forward_arg__
        if isinstance(hint, str):
            probe = types.FunctionType(annotation.__new__.__code__, vars(module) if module else {}, annotation.__name__)
            code = _module_code(module)
            if code is not None:
                probe.__code__ = probe.__code__.replace(co_filename=code)
            hint = evaluate(hint, probe, f"field '{name}'")
        fields[name] = hint
    return fields


def _module_code(module: Any) -> Optional[str]:
    return getattr(module, "__file__", None)


def is_session(annotation: Any) -> bool:
    """Whether this is a SparkSession, without importing pyspark."""
    if isinstance(annotation, str):
        return annotation.rsplit(".", 1)[-1] == "SparkSession"
    return getattr(annotation, "__name__", "") == "SparkSession" and str(
        getattr(annotation, "__module__", "")
    ).startswith("pyspark.")


def is_value(annotation: Any) -> bool:
    """Whether values of this type are JSON, so that expressions can use them. Unknown types may be."""
    bare, _ = optional(annotation)
    if bare is None or bare in (MISSING, Any, type(None), object) or bare in _SCALARS:
        return True
    found = typing.get_origin(bare) or bare
    if found in (typing.Literal, typing.Union, _UNION_TYPE) or found in _LISTS or found in _MAPS:
        return True
    return isinstance(bare, type) and issubclass(bare, (str, int, float, enum.Enum, dict, list, tuple))


def is_artifact(annotation: Any) -> bool:
    bare, _ = optional(annotation)
    return isinstance(bare, type) and not is_value(bare)


_FRAME_LIBRARIES = ("pyspark", "pandas", "sklearn", "matplotlib", "polars", "pyarrow")
_NUMBERS = (bool, int, float)
# A value of each plain type: what it becomes for another type, a run's own conversion tells.
_SAMPLES: Dict[Any, Any] = {str: "1", int: 1, float: 1.5, bool: True, list: [], dict: {}}


def never_fits(produced: Any, wanted: Any) -> bool:
    """Whether no result annotated `produced` can be an argument annotated `wanted`. Only where that is certain: between
    plain types, a plain type and a class of a library, and classes of two libraries."""
    sides = []
    for annotation in (produced, wanted):
        bare, _ = optional(annotation)
        sides.append(typing.get_origin(bare) or bare)
    left, right = sides
    if not isinstance(left, type) or not isinstance(right, type):
        return False
    if left in _NUMBERS and right in _NUMBERS:
        return False  # 3.0 is an int's, 1 a bool's: the value decides
    if left in _SAMPLES and right in _SAMPLES:
        from stoker._convert import ConversionError, convert

        try:
            convert(_SAMPLES[left], right, "")
        except ConversionError:
            return True
        return False
    libraries = [side.__module__.partition(".")[0] for side in sides]
    foreign = [library in _FRAME_LIBRARIES for library in libraries]
    if all(foreign):
        return libraries[0] != libraries[1] and not issubclass(left, right) and not issubclass(right, left)
    return any(foreign) and (left in _SAMPLES or right in _SAMPLES)


def type_text(annotation: Any) -> str:
    """As a person writes it: DataFrame, list[int], Optional[str]."""
    if annotation is MISSING or annotation is None:
        return "unannotated"
    if annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")


# Parameters of a pipeline.


def parameter_document(argument: Argument, function: Callable[..., Any]) -> "document.Parameter":
    """`{type, default, …}` of one argument of a pipeline function."""
    from stoker._options import Parameter

    annotation = argument.annotation
    if annotation is MISSING:
        if argument.default is MISSING or argument.default is None:
            refuse_function(
                function, f"parameter '{argument.name}' has no type", f"annotate it, for example {argument.name}: int"
            )
        annotation = type(argument.default)
    bounds: document.ParameterKeys = {}
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, Parameter):
            bounds = {**bounds, **extra.to_document()}
        elif isinstance(extra, str):
            bounds.setdefault("description", extra)
    bare, may_be_none = optional(annotation)
    out = _parameter_type(bare, argument.name, function)
    default = argument.default
    if default is MISSING:
        if may_be_none:
            out["required"] = True
    elif default is None:
        if not may_be_none:
            refuse_function(
                function, f"parameter '{argument.name}' has the default None but not the type", "write Optional[…]"
            )
        out["required"] = False
    else:
        out["default"] = _default(default, out, argument.name, function)
    return {**out, **bounds}


def _parameter_type(bare: Any, name: str, function: Callable[..., Any]) -> "document.Parameter":
    if bare in _SCALARS:
        return {"type": _SCALARS[bare]}
    if bare in _LOCATIONS:
        return {"type": _LOCATIONS[bare]}
    found = typing.get_origin(bare) or bare
    if found is typing.Literal:
        return {"type": "enum", "values": list(typing.get_args(bare))}
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return {"type": "enum", "values": [member.value for member in bare]}
    if found in _MAPS:
        return {"type": "map"}
    if found in _LISTS:
        return {"type": "list"}
    kinds = (
        "str, int, float, bool, list, dict, an Enum, Literal, File, Directory, Table, Secret or Optional of one of them"
    )
    hint = f"a parameter is {kinds}"
    if type_text(bare) in ("Path", "PathLike", "PosixPath", "PurePath"):
        hint = "write File or Directory, which are os.PathLike in the step and hashed by content"
    elif isinstance(bare, type):
        hint += nearest(bare.__name__, ["File", "Directory", "Table", "Secret"]).replace(",", ";", 1)
    refuse_function(function, f"parameter '{name}' has the type {type_text(bare)}, which a run cannot be given", hint)


def _default(default: Any, declared: "document.Parameter", name: str, function: Callable[..., Any]) -> Any:
    from stoker import _graph
    from stoker._reference import Reference

    if isinstance(default, Reference):
        refuse_function(function, f"the default of parameter '{name}' is a reference", "give a constant")
    kind = declared["type"]
    if kind in ("file", "directory"):
        location = default if isinstance(default, (File, Directory)) else File(default)
        return _graph.relative_location(location, function)
    if kind == "table":
        table = default if isinstance(default, Table) else Table(default)
        if any(isinstance(part, Reference) for part in (table.name, table.version)):
            refuse_function(function, f"the default of parameter '{name}' holds a reference", "give a constant")
        return {"name": table.name} if table.version is None else {"name": table.name, "version": table.version}
    if isinstance(default, Secret):
        return default.name
    if isinstance(default, enum.Enum):
        default = default.value
    fits = {
        "string": isinstance(default, str),
        "integer": isinstance(default, int) and not isinstance(default, bool),
        "number": isinstance(default, (int, float)) and not isinstance(default, bool),
        "boolean": isinstance(default, bool),
        "list": isinstance(default, (list, tuple, set, frozenset)),
        "map": isinstance(default, dict),
    }
    if not fits.get(kind, True) or (kind == "enum" and default not in declared["values"]):
        refuse_function(
            function, f"the default {default!r} of parameter '{name}' is no {kind}", "change type or default"
        )
    if isinstance(default, (set, frozenset)):
        default = sorted(default)
    if kind == "number" and isinstance(default, int):
        default = float(default)
    return _plain(default, name, function)


def _plain(value: Any, name: str, function: Callable[..., Any]) -> Any:
    """JSON of a default: what is text stays as it is, defaults are no templates."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, function) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, name, function) for key, item in value.items()}
    refuse_function(function, f"the default of parameter '{name}' holds {value!r}, which JSON does not know")
