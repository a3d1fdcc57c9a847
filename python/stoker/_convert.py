"""Annotations at run time: what a plain value becomes for a parameter, and whether an output is what its step declares.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import base64
import collections.abc
import copy
import dataclasses
import datetime
import decimal
import enum
import inspect
import os
import pathlib
import sys
import typing
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from stoker._json_values import call_with, is_record, record_items, record_names

_UNION_TYPES: Tuple[Any, ...] = (Union, type(int | str)) if sys.version_info >= (3, 10) else (Union,)
# Deep checks of an output's elements stop here: a list of a million numbers is believed after the first ones.
_CHECKED_ITEMS = 1000


class ConversionError(TypeError):
    """A value does not fit an annotation."""


def annotation_name(annotation: Any) -> str:
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")


def strip(annotation: Any) -> Any:
    """Without `Annotated`, `Final`, `NewType`, `Required`, `NotRequired`."""
    while True:
        if getattr(typing.get_origin(annotation), "_name", "") in ("Final", "Required", "NotRequired", "ReadOnly"):
            annotation = typing.get_args(annotation)[0]
            continue
        if hasattr(annotation, "__metadata__") and hasattr(annotation, "__origin__"):
            annotation = annotation.__origin__
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def union_members(annotation: Any) -> Optional[Tuple[Any, ...]]:
    return typing.get_args(annotation) if typing.get_origin(annotation) in _UNION_TYPES else None


def hints(function: Callable[..., Any]) -> Dict[str, Any]:
    """Annotations by name, `return` included. One that cannot be evaluated (a name under TYPE_CHECKING) is left out."""
    options: Dict[str, Any] = {"include_extras": True} if sys.version_info >= (3, 9) else {}
    try:
        return typing.get_type_hints(function, **options)
    except Exception:
        found = {}
        scope = getattr(function, "__globals__", {})
        for name, annotation in getattr(function, "__annotations__", {}).items():
            holder = type("_Holder", (), {"__annotations__": {name: annotation}})
            try:
                found.update(typing.get_type_hints(holder, scope, **options))
            except Exception:
                continue
        return found


def _is_any(annotation: Any) -> bool:
    return (
        annotation is Any
        or annotation is inspect.Parameter.empty
        or annotation is object
        or isinstance(annotation, typing.TypeVar)
    )


def namedtuple_fields(annotation: Any) -> Optional[Tuple[str, ...]]:
    annotation = strip(annotation)
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        return tuple(annotation._fields)
    return None


# --- inputs ---------------------------------------------------------------------------------------------------------
# --------------

_FROM_TEXT: Dict[type, Callable[[str], Any]] = {
    datetime.datetime: lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")),
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
    complex: complex,
    bytes: lambda text: base64.b64decode(text, validate=True),
}


def _mismatch(value: Any, annotation: Any, where: str) -> ConversionError:
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return ConversionError(f"{where}: expected {annotation_name(annotation)}, got {type(value).__name__} {shown}")


def convert(value: Any, annotation: Any, where: str) -> Any:
    """What a parameter annotated `annotation` gets for a plain JSON value (already loaded artifacts inside are left as
    they are)."""
    annotation = strip(annotation)
    if _is_any(annotation):
        return value
    members = union_members(annotation)
    if members is not None:
        return _convert_union(value, annotation, members, where)
    if annotation is None or annotation is type(None):
        if value is None:
            return None
        raise _mismatch(value, annotation, where)
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _convert_generic(value, annotation, origin, where)
    if isinstance(annotation, type):
        return _convert_class(value, annotation, where)
    return value


def _convert_union(value: Any, annotation: Any, members: Tuple[Any, ...], where: str) -> Any:
    for member in members:
        if fits(value, member):
            return convert(value, member, where) if isinstance(value, enum.Enum) else value
    found: List[Any] = []
    for member in members:
        try:
            made = convert(value, member, where)
        except (ConversionError, ValueError):
            continue
        # Of numbers and texts the first that fits is meant; which class a map of fields was, nobody can tell.
        if not _has_a_plain_form(made):
            return found[0] if found else made
        found.append(made)
    if len(found) > 1:
        names = " and ".join(type(made).__qualname__ for made in found)
        raise ConversionError(
            f"{where}: {value!r} fits {names}; annotate one of them, or give the class a field that tells which it is"
        )
    if not found:
        raise _mismatch(value, annotation, where)
    return found[0]


def _has_a_plain_form(value: Any) -> bool:
    return isinstance(value, enum.Enum) or is_record(value)


def as_plain(value: Any) -> Any:
    """A value as expressions and other languages see it: maps, lists, numbers and text."""
    if isinstance(value, enum.Enum):
        return as_plain(value.value)
    if (isinstance(value, tuple) and not hasattr(value, "_fields")) or isinstance(value, list):
        return [as_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if is_record(value):
        return {name: as_plain(item) for name, item in record_items(value).items()}
    return value


def _convert_generic(value: Any, annotation: Any, origin: Any, where: str) -> Any:
    arguments = typing.get_args(annotation)
    if _has_a_plain_form(value) and not fits(value, annotation):
        value = as_plain(value)
    if origin is typing.Literal:
        for choice in arguments:
            if type(choice) is type(value) and choice == value:
                return value
            if isinstance(choice, enum.Enum) and value in (choice.value, choice.name):
                return choice
        raise ConversionError(f"{where}: {value!r} is none of {', '.join(repr(choice) for choice in arguments)}")
    if not isinstance(origin, type):
        return value
    if issubclass(origin, tuple):
        return _convert_tuple(value, annotation, arguments, where)
    if issubclass(origin, collections.abc.Mapping):
        if not isinstance(value, collections.abc.Mapping):
            raise _mismatch(value, annotation, where)
        of_key, of_value = (*arguments, Any, Any)[:2] if arguments else (Any, Any)
        return {
            _convert_key(key, of_key, where): convert(item, of_value, f"{where}[{key!r}]")
            for key, item in value.items()
        }
    if issubclass(origin, collections.abc.Collection) and not issubclass(origin, str):
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise _mismatch(value, annotation, where)
        of = strip(arguments[0]) if arguments else Any
        if of in _SIMPLE and all(kind is of for kind in set(map(type, value))):
            items = list(value)  # a long list of what it says is not gone through
        else:
            items = [convert(item, of, f"{where}[{index}]") for index, item in enumerate(value)]
        if issubclass(origin, frozenset):
            return frozenset(items)
        return set(items) if issubclass(origin, collections.abc.Set) else items
    return value


def _convert_key(key: Any, annotation: Any, where: str) -> Any:
    if strip(annotation) is int and isinstance(key, str):
        try:
            return int(key)
        except ValueError:
            raise _mismatch(key, annotation, f"{where} (a key)") from None
    return convert(key, annotation, f"{where} (a key)")


def _convert_tuple(value: Any, annotation: Any, arguments: Tuple[Any, ...], where: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise _mismatch(value, annotation, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    elif arguments in ((), ((),)):
        arguments = () if arguments else (Any,) * len(value)
    if len(arguments) != len(value):
        raise ConversionError(
            f"{where}: expected {len(arguments)} items for {annotation_name(annotation)}, got {len(value)}"
        )
    return tuple(convert(item, of, f"{where}[{index}]") for index, (item, of) in enumerate(zip(value, arguments)))


def _convert_class(value: Any, cls: Any, where: str) -> Any:
    if cls in (bool, int, float, str) and isinstance(value, enum.Enum):
        value = as_plain(value)  # an IntEnum is a number, but not as text, and not to who compares types
    if cls is float and type(value) is int:
        return float(value)
    if cls is int and type(value) is float and value.is_integer():
        return int(value)
    if cls in (int, float) and isinstance(value, bool):
        raise _mismatch(value, cls, where)
    if _is_typed_dict(cls):
        return _convert_typed_dict(value, cls, where)
    if isinstance(value, cls) if not _is_protocol(cls) else True:
        return value
    if _has_a_plain_form(value) or (cls is list and isinstance(value, tuple)):
        value = as_plain(value)
        if type(value) is cls:
            return value
    if cls is complex and isinstance(value, (int, float)):
        return complex(value)
    if issubclass(cls, enum.Enum):
        return _convert_enum(value, cls, where)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _convert_namedtuple(value, cls, where)
    if dataclasses.is_dataclass(cls) and isinstance(value, dict):
        return _convert_record(value, cls, list(record_names(cls)), where)
    if issubclass(cls, (tuple, set, frozenset)) and isinstance(value, (list, tuple)):
        return cls(value)
    if isinstance(value, str) and _is_named(cls):
        return cls(value)
    if cls is str and _is_named(type(value)):
        return str(value)
    if isinstance(value, str) and _is_location(cls):
        return cls(value)
    if isinstance(value, os.PathLike) and (_is_location(cls) or cls is str):
        return cls(os.fspath(value)) if not hasattr(value, "is_uri") else cls(str(value))
    if isinstance(value, str) and cls in _FROM_TEXT:
        try:
            return _FROM_TEXT[cls](value)
        except (ValueError, ArithmeticError):
            raise _mismatch(value, cls, where) from None
    if cls is decimal.Decimal and type(value) in (int, float):
        return decimal.Decimal(str(value))
    if cls is datetime.timedelta and type(value) in (int, float):
        return datetime.timedelta(seconds=value)
    raise _mismatch(value, cls, where)


def _convert_typed_dict(value: Any, cls: Any, where: str) -> Any:
    value = as_plain(value) if is_record(value) else value
    if not isinstance(value, dict):
        raise _mismatch(value, cls, where)
    of = hints(cls)
    return {key: convert(item, of.get(key, Any), f"{where}[{key!r}]") for key, item in value.items()}


def _is_protocol(cls: type) -> bool:
    return bool(getattr(cls, "_is_protocol", False))


def _is_typed_dict(cls: type) -> bool:
    return issubclass(cls, dict) and hasattr(cls, "__total__")


def _is_location(cls: type) -> bool:
    from stoker._values import Directory, File

    return issubclass(cls, (pathlib.PurePath, File, Directory)) or cls is os.PathLike


def _is_named(cls: type) -> bool:
    from stoker._values import Table

    return cls is Table


def _convert_enum(value: Any, cls: Any, where: str) -> Any:
    for member in cls:
        if type(member.value) is type(value) and member.value == value:
            return member
    if isinstance(value, str) and value in cls.__members__:
        return cls[value]
    raise ConversionError(f"{where}: {value!r} is none of {', '.join(cls.__members__)}")


def _convert_namedtuple(value: Any, cls: Any, where: str) -> Any:
    if isinstance(value, dict):
        return _convert_record(value, cls, list(cls._fields), where)
    if isinstance(value, (list, tuple)) and len(value) == len(cls._fields):
        of = hints(cls)
        return cls(*(convert(item, of.get(name, Any), f"{where}.{name}") for name, item in zip(cls._fields, value)))
    raise _mismatch(value, cls, where)


def _convert_record(value: Dict[str, Any], cls: Any, names: List[str], where: str) -> Any:
    unknown = [key for key in value if key not in names]
    if unknown:
        raise ConversionError(f"{where}: {cls.__qualname__} has no field {unknown[0]!r}")
    of = hints(cls)
    try:
        return call_with(cls, {key: convert(item, of.get(key, Any), f"{where}.{key}") for key, item in value.items()})
    except ConversionError:
        raise
    except TypeError as error:
        raise ConversionError(f"{where}: {error}") from None


# --- outputs --------------------------------------------------------------------------------------------------------
# --------------


_SIMPLE = (bool, int, float, complex, str)
# Deeper than a value can be stored; one that contains itself is refused by who stores it.
_SIMPLIFIED_DEPTH = 64


def _simplify_parts(value: Any, annotation: Any, depth: int) -> Any:
    """Of what a list, tuple, set, map or record of that type holds, only what a library dressed up: an int there stays one.
    The value itself where nothing changes."""
    kind = type(value)
    arguments = typing.get_args(annotation)

    def part(item: Any, of: Any) -> Any:
        if type(item) in _SIMPLE or depth >= _SIMPLIFIED_DEPTH:
            return item
        return _undressed(item) if _is_any(strip(of)) and _is_numpy_scalar(item) else simplify(item, of, depth + 1)

    if is_record(value):
        of = hints(kind)
        items = {name: part(item, of.get(name, Any)) for name, item in record_items(value).items()}
        changed = {name: item for name, item in items.items() if item is not getattr(value, name)}
        return _with_fields(value, changed) if changed else value
    if kind is dict:
        of_key, of_item = arguments if len(arguments) == 2 else (Any, Any)
        if _all_simple(value) and _all_simple(value.values()):
            return value
        pairs = [(part(key, of_key), part(item, of_item)) for key, item in value.items()]
        same = all(key is old and item is value[old] for (key, item), old in zip(pairs, value))
        return value if same else dict(pairs)
    if kind is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            of_items = (arguments[0],) * len(value)
        else:
            of_items = arguments if len(arguments) == len(value) else (Any,) * len(value)
        made: Any = tuple(map(part, value, of_items))
    elif kind in (list, set, frozenset):
        # A long list of what it says is looked at, not made again.
        if _all_simple(value):
            return value
        made = [part(item, arguments[0] if len(arguments) == 1 else Any) for item in value]
    else:
        return value
    return value if all(new is old for new, old in zip(made, value)) else kind(made)


def _all_simple(items: Any) -> bool:
    return set(map(type, items)) <= set(_SIMPLE)


def _is_numpy_scalar(value: Any) -> bool:
    """A number, truth value or text of NumPy."""
    kind = type(value)
    return (
        kind.__module__ == "numpy"
        and getattr(getattr(value, "dtype", None), "kind", "") in tuple("biufcU")
        and (getattr(value, "ndim", 1) == 0 and hasattr(value, "item"))
    )


def _undressed(value: Any) -> Any:
    """Python's own value; itself where Python has none so wide."""
    plain = value.item()
    return plain if type(plain) in _SIMPLE else value


def _with_fields(record: Any, changed: Dict[str, Any]) -> Any:
    if isinstance(record, tuple):
        return record._replace(**changed)  # type: ignore[attr-defined]
    made = copy.copy(record)
    for name, item in changed.items():
        object.__setattr__(made, name, item)
    return made


def simplify(value: Any, annotation: Any, depth: int = 0) -> Any:
    """The declared plain type of a number or text that a library dressed up: numpy.float64 for `float`, an int for
    `float`."""
    annotation = strip(annotation)
    members = union_members(annotation)
    if members is not None:
        if any(strip(member) is type(value) for member in members):
            return value
        for member in members:
            simpler = simplify(value, member, depth)
            if simpler is not value:
                return simpler
        return value
    if annotation not in _SIMPLE:
        return _simplify_parts(value, annotation, depth)
    if type(value) is annotation:
        return value
    if _is_numpy_scalar(value):
        value = _undressed(value)
    if annotation is float and type(value) is int:
        return float(value)
    if annotation is not bool and isinstance(value, annotation) and not isinstance(value, (bool, enum.Enum)):
        return annotation(value)
    return value


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is what an annotation says, as far as it can be told cheaply."""
    annotation = strip(annotation)
    if _is_any(annotation):
        return True
    if annotation is None:
        return value is None
    members = union_members(annotation)
    if members is not None:
        return any(fits(value, member) for member in members)
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Literal:
        return any(type(choice) is type(value) and choice == value for choice in arguments)
    if origin is not None:
        return _fits_generic(value, origin, arguments)
    if not isinstance(annotation, type) or _is_protocol(annotation):
        return True
    if _is_typed_dict(annotation):
        return isinstance(value, dict)
    if annotation is float and type(value) is int:
        return True
    if annotation in (int, float) and isinstance(value, bool):
        return False
    try:
        return isinstance(value, annotation)
    except TypeError:
        return True


def _fits_generic(value: Any, origin: Any, arguments: Tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return True
    items: Any = value
    if not isinstance(value, origin) or (isinstance(value, str) and not issubclass(origin, str)):
        return False
    if not arguments:
        return True
    if issubclass(origin, tuple) and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return arguments == ((),) or (len(items) == len(arguments) and all(map(fits, items, arguments)))
    if isinstance(value, dict) and len(arguments) == 2:
        pairs = list(value.items())[:_CHECKED_ITEMS]
        return all(fits(key, arguments[0]) and fits(item, arguments[1]) for key, item in pairs)
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(fits(item, arguments[0]) for item, _ in zip(value, range(_CHECKED_ITEMS)))
    return True
