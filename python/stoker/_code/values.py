"""Digests of live values that code reaches: globals, closure cells, defaults, class attributes.

A value is taken apart the way pickle does it. Functions and classes found inside are handed to the caller, which
digests their code; what
cannot be taken apart (locks, sockets, a Spark session) is `Opaque`, and the caller widens to the module.
"""

import copyreg
import enum
import hashlib
import sys
import types
from typing import Any, Callable, Dict, List

MAXIMUM_NODES = 200_000
MAXIMUM_DEPTH = 200

# Reducing these would talk to a JVM or open what they stand for.
_UNTOUCHABLE = (
    "py4j",
    "pyspark.context",
    "pyspark.sql.session",
    "pyspark.sql.dataframe",
    "pyspark.sql.classic",
    "pyspark.sql.connect",
)

_ATOMS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range)
_BUILTINS = (
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
)


class Opaque(Exception):
    """The value cannot be taken apart."""


class ValueWriter:
    """Writes a value as text that is equal for equal values. `reach` is told every function, class and module inside."""

    def __init__(self, reach: Callable[[Any], None]) -> None:
        self._reach = reach
        self._out: List[str] = []
        self._seen: Dict[int, int] = {}
        self._keep: List[Any] = []  # what has an id in `_seen` must stay alive
        self._count = 0

    def text(self, value: Any) -> str:
        self._write(value, 0)
        return "".join(self._out)

    def _write(self, value: Any, depth: int) -> None:
        self._count += 1
        if self._count > MAXIMUM_NODES or depth > MAXIMUM_DEPTH:
            raise Opaque("too large")
        kind = type(value)
        if kind in _ATOMS:
            self._out.append(f"{kind.__name__}:{_short(value)};")
            return
        known = self._seen.get(id(value))
        if known is not None:
            self._out.append(f"again:{known};")
            return
        self._seen[id(value)] = len(self._seen)
        self._keep.append(value)
        self._compound(value, kind, depth + 1)

    def _compound(self, value: Any, kind: Any, depth: int) -> None:
        if kind in (list, tuple):
            self._many(kind.__name__, value, depth)
        elif kind is dict:
            self._out.append("dict{")
            for key, item in value.items():
                self._write(key, depth)
                self._write(item, depth)
            self._out.append("}")
        elif kind in (set, frozenset):
            self._set(value, kind, depth)
        elif self._code(value, kind, depth):
            pass
        elif isinstance(value, enum.Enum):
            self._reach(kind)
            self._out.append(f"enum:{kind.__qualname__}.{value.name};")
            self._write(value.value, depth)
        elif kind is bytearray:
            self._out.append(f"bytearray:{bytes(value)!r};")
        else:
            self._object(value, kind, depth)

    def _many(self, name: str, items: Any, depth: int) -> None:
        self._out.append(f"{name}[")
        for item in items:
            self._write(item, depth)
        self._out.append("]")

    def _set(self, value: Any, kind: Any, depth: int) -> None:
        parts = []
        for item in value:
            inner = ValueWriter(self._reach)
            inner._count = self._count
            parts.append(inner.text(item))
            self._count = inner._count
        self._out.append(f"{kind.__name__}{{{'|'.join(sorted(parts))}}}")

    def _code(self, value: Any, kind: Any, depth: int) -> bool:
        """Functions, classes and modules: their code is the caller's matter."""
        if isinstance(value, types.FunctionType):
            self._reach(value)
            self._out.append(f"function:{value.__qualname__};")
        elif isinstance(value, type):
            self._reach(value)
            self._out.append(f"class:{value.__module__}.{value.__qualname__};")
        elif isinstance(value, types.ModuleType):
            self._reach(value)
            self._out.append(f"module:{value.__name__};")
        elif isinstance(value, types.MethodType):
            self._reach(value.__func__)
            self._out.append(f"method:{value.__func__.__qualname__};")
            self._write(value.__self__, depth)
        elif isinstance(value, (staticmethod, classmethod)):
            self._out.append(f"{kind.__name__}:")
            self._write(value.__func__, depth)
        elif isinstance(value, property):
            self._many("property", (value.fget, value.fset, value.fdel), depth)
        elif isinstance(value, _BUILTINS):
            self._out.append(f"builtin:{getattr(value, '__module__', '')}.{value.__qualname__};")
            self._bound_to(value, depth)
        elif isinstance(value, (types.GetSetDescriptorType, types.MemberDescriptorType)):
            self._out.append(f"descriptor:{value.__qualname__};")
        elif isinstance(value, types.CodeType):
            self._out.append(f"code:{value.co_code!r}")
            self._many("", [*value.co_consts, *value.co_names], depth)
        elif isinstance(value, types.MappingProxyType):
            self._write(dict(value), depth)
        else:
            return False
        return True

    def _bound_to(self, value: Any, depth: int) -> None:
        """The object of a bound method, as in `PRICE = {"a": 1}.get`. What a module offers as its own function
        (`random.random`) is named by its module: the object behind it has a state that differs in each process."""
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return
        module = sys.modules.get(getattr(type(owner), "__module__", ""))
        if getattr(module, value.__name__, None) == value:
            return
        self._write(owner, depth)

    def _object(self, value: Any, kind: Any, depth: int) -> None:
        module = getattr(kind, "__module__", "")
        if module == "stoker._authoring" and hasattr(value, "function"):
            self._write(value.function, depth)
            return
        if str(module).startswith(_UNTOUCHABLE):
            raise Opaque(f"{module}.{kind.__qualname__}")
        if module == "functools" and kind.__name__ == "cached_property":  # has a lock before Python 3.12
            self._write(value.func, depth)
            return
        try:
            reducer = copyreg.dispatch_table.get(kind)
            reduced = reducer(value) if reducer is not None else value.__reduce_ex__(4)
        except Exception as error:
            raise Opaque(f"{module}.{kind.__qualname__}: {error}")
        self._reach(kind)
        self._out.append(f"object:{module}.{kind.__qualname__}(")
        if isinstance(reduced, str):
            # By name, as functools.lru_cache does: what it wraps and was given is not in the name.
            self._out.append(reduced)
            self._write(getattr(value, "__wrapped__", None), depth)
            self._write(getattr(value, "__dict__", None), depth)
        else:
            for part in reduced[:3]:
                self._write(part, depth)
            for items in reduced[3:5]:
                if items is not None:
                    self._many("items", list(items), depth)
        self._out.append(")")


def _short(value: Any) -> str:
    """The text of an atom; long ones by digest."""
    if isinstance(value, (str, bytes)) and len(value) > 200:
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        return f"{len(value)}:{hashlib.sha256(data).hexdigest()}"
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python refuses to write it in decimal digits
        return hex(value)
    return repr(value)


def function_text(code: types.CodeType) -> str:
    """A function without source: its byte code, names and constants, inner functions included."""
    consts = [function_text(item) if isinstance(item, types.CodeType) else repr(item) for item in code.co_consts]
    return f"{code.co_name}|{code.co_code!r}|{code.co_names!r}|{code.co_varnames!r}|{'|'.join(consts)}"
