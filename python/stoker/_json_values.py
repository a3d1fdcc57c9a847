"""Values as JSON, exactly: what JSON lacks (tuples, bytes, NaN, wide integers, dates, dataclasses …) is a map with one
`$` key.

Two forms of a value. *Exact* is self-describing and comes back as it was (manifests, `value`). *Plain* is what
expressions and other
languages see (results and bindings): tuples are lists, records are maps; it exists only where nothing else would be
lost.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import base64
import copyreg
import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import importlib
import json
import math
import os
import pathlib
import uuid
from typing import Any, Callable, Dict, List, Set, Tuple, Union

# Largest value that travels inside documents; api/step-protocol.md.
INLINE_LIMIT = 64 * 1024
_INTEGER_LIMIT = 2**63
# The program parses JSON at most 64 deep; some of it is the document around the value.
_DEPTH_LIMIT = 48

Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]


class NotEncodable(TypeError):
    """The value, or something in it, has no exact JSON form. The message says which and where."""


def is_record(value: Any) -> bool:
    return (isinstance(value, tuple) and hasattr(value, "_fields")) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def _class_name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def number_as_json(value: float) -> Union[float, str]:
    """A float for documents: what JSON cannot say becomes `NaN`, `Infinity` or `-Infinity` as text."""
    return value if math.isfinite(value) else _float_text(value)


_SIMPLE: Dict[type, Tuple[str, Callable[[Any], Any]]] = {
    bytes: ("$bytes", lambda value: base64.b64encode(value).decode("ascii")),
    datetime.datetime: ("$datetime", lambda value: _datetime_text(value)),
    datetime.date: ("$date", lambda value: value.isoformat()),
    datetime.time: ("$time", lambda value: _plain_zone(value).isoformat() + (";fold" if value.fold else "")),
    datetime.timedelta: ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    decimal.Decimal: ("$decimal", str),
    uuid.UUID: ("$uuid", str),
    complex: ("$complex", lambda value: [number_as_json(value.real), number_as_json(value.imag)]),
}


def _plain_zone(value: Any) -> Any:
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        raise NotEncodable(f"a {type(value).__name__} with the zone {value.tzinfo!r}")
    return value


def _datetime_text(value: datetime.datetime) -> Any:
    zone = value.tzinfo
    if zone is None or type(zone) is datetime.timezone:
        return value.isoformat() + (";fold" if value.fold else "")
    key = getattr(zone, "key", None)  # zoneinfo.ZoneInfo
    if not isinstance(key, str):
        raise NotEncodable(f"a datetime with the zone {zone!r}, which has no name to find it by")
    return [value.replace(tzinfo=None).isoformat() + (";fold" if value.fold else ""), key]


def encode(value: Any, where: str = "", depth: int = 0) -> Json:
    """The exact form. Raises NotEncodable."""
    if depth > _DEPTH_LIMIT:
        raise NotEncodable(f"{where or 'the value'} is nested deeper than {_DEPTH_LIMIT} (or contains itself)")
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return _text(value, where)
    if kind is int:
        return value if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else {"$int": _wide_text(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": _float_text(value)}
    if kind is list:
        return [encode(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if kind is dict:
        return _encode_map(value, where, depth)
    if kind is tuple:
        return {"$tuple": [encode(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]}
    if kind in (set, frozenset):
        items = [encode(item, f"{where} (an item)", depth + 1) for item in value]
        return {f"${kind.__name__}": sorted(items, key=canonical)}
    return _encode_other(value, kind, where, depth)


def _wide_text(value: int) -> str:
    return hex(value)  # str() of very wide integers is refused by newer Pythons


def _text(value: str, where: str) -> Json:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return {"$object": "str", "utf16": base64.b64encode(value.encode("utf-16-le", "surrogatepass")).decode()}
    return value


def _encode_map(value: Dict[Any, Any], where: str, depth: int) -> Json:
    plain = all(type(key) is str and _text(key, where) == key for key in value)
    if not plain:
        pairs = [
            [encode(k, f"{where} (a key)", depth + 2), encode(v, f"{where}[{k!r}]", depth + 2)]
            for k, v in value.items()
        ]
        return {"$map": pairs}
    encoded = {key: encode(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    return {"$value": encoded} if any(key.startswith("$") for key in encoded) else encoded


def _encode_other(value: Any, kind: type, where: str, depth: int) -> Json:
    simple = _SIMPLE.get(kind)
    if simple is not None:
        try:
            return {simple[0]: simple[1](value)}
        except NotEncodable as error:
            raise NotEncodable(f"{where or 'the value'} is {error}") from None
    if isinstance(value, enum.Enum):
        if kind.__members__.get(value.name) is value:  # type: ignore[attr-defined]
            return {"$enum": _class_name(kind), "name": value.name}
        return {
            "$enum": _class_name(kind),
            "value": encode(value.value, where, depth + 1),
        }  # combined flags, `_missing_`
    if isinstance(value, pathlib.PurePath):
        pure = {"class": kind.__name__} if kind in _PURE_PATHS.values() else {}
        return {"$path": os.fspath(value), **pure}
    if is_record(value):
        return _encode_record(value, kind, where, depth)
    return _refuse(value, where)


def _encode_record(value: Any, kind: type, where: str, depth: int) -> Json:
    if isinstance(value, _WITH_CONTENT) and not hasattr(kind, "_fields"):
        raise NotEncodable(f"{where or 'the value'} is a {kind.__qualname__}, which holds more than its fields")

    def encoded(items: Dict[str, Any]) -> Dict[str, Json]:
        return {name: encode(item, f"{where}.{name}", depth + 2) for name, item in items.items()}

    form: Dict[str, Any] = {"$object": _class_name(kind), "fields": encoded(record_items(value))}
    try:
        beside = encoded(_beside_fields(value))
    except NotEncodable:
        # A compiled pattern, say. Where calling the class makes the same value again, loading does that.
        if not _made_by_call(kind, record_items(value), encoded, form["fields"]):
            raise
        return {**form, "made": True}
    return {**form, "beside": beside} if beside else form


# What a class inherits from these is in no field.
_WITH_CONTENT = (list, dict, tuple, set, frozenset, str, bytes, bytearray, int, float, complex)


def record_names(cls: Any) -> Tuple[str, ...]:
    """The fields of a dataclass or NamedTuple."""
    return cls._fields if issubclass(cls, tuple) else tuple(field.name for field in dataclasses.fields(cls))


def record_items(value: Any) -> Dict[str, Any]:
    """Field -> value; one that was never set is not in it."""
    return {name: getattr(value, name) for name in record_names(type(value)) if hasattr(value, name)}


def _beside_fields(value: Any) -> Dict[str, Any]:
    """What a record has beside its fields, set in `__post_init__` as a rule; what it caches is made again."""
    kind = type(value)
    slots = copyreg._slotnames(kind)  # type: ignore[attr-defined]
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    found.update(getattr(value, "__dict__", {}))
    if isinstance(value, BaseException):
        found["args"] = value.args
    fields = record_names(kind)
    return {
        name: item
        for name, item in found.items()
        if name not in fields
        and not name.startswith("__")
        and not isinstance(getattr(kind, name, None), functools.cached_property)
    }


def _made_by_call(cls: Any, fields: Dict[str, Any], encoded: Callable[[Any], Any], wanted: Json) -> bool:
    try:
        return bool(encoded(record_items(call_with(cls, fields))) == wanted)
    except Exception:
        return False


def call_with(cls: Any, fields: Dict[str, Any]) -> Any:
    """A record made by calling its class; what its `__init__` does not take is set."""
    late = {} if issubclass(cls, tuple) else {field.name for field in dataclasses.fields(cls) if not field.init}
    made = cls(**{name: item for name, item in fields.items() if name not in late})
    for name in late & fields.keys() if late else ():
        object.__setattr__(made, name, fields[name])
    return made


def _refuse(value: Any, where: str) -> Json:
    kind = type(value)
    raise NotEncodable(
        f"{where or 'the value'} is a {kind.__module__}.{kind.__qualname__}, which JSON cannot hold exactly"
    )


def find_class(name: str) -> Any:
    """The class `module:Qualified.Name`."""
    module_name, _, path = name.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def classes_in(exact: Json) -> Set[str]:
    """The dataclasses, NamedTuples and Enums of an exact form: what their code does is no part of the content."""
    found: Set[str] = set()
    _add_classes([exact], found)
    return found


def _add_classes(exact: Union[List[Any], Dict[str, Any]], found: Set[str]) -> None:
    inner: Any = exact
    if isinstance(exact, dict) and "$value" in exact:
        inner = exact["$value"].values()  # a map whose keys only look like ours
    elif isinstance(exact, dict):
        inner = exact.values()
        named = exact.get("$enum") or (exact.get("$object") if "fields" in exact else None)
        if named:
            found.add(str(named))
    for item in inner:
        if isinstance(item, (list, dict)):
            _add_classes(item, found)


def can_be_found(name: str) -> bool:
    """Whether another process finds the class: one of a function or a notebook it does not."""
    try:
        return not name.startswith("__main__:") and isinstance(find_class(name), type)
    except (ImportError, AttributeError):
        return False


def decode(value: Json) -> Any:
    """The value of an exact form."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: decode(item) for key, item in value.items()}
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise ValueError(f"the value has the unknown form {tag!r}: was it written by a newer Stoker?")
    return decoder(value[tag], value)


def _decode_object(name: str, whole: Dict[str, Any]) -> Any:
    if name == "str":
        return base64.b64decode(whole["utf16"]).decode("utf-16-le", "surrogatepass")
    cls = find_class(name)
    if not (
        isinstance(cls, type)
        and (dataclasses.is_dataclass(cls) or (issubclass(cls, tuple) and hasattr(cls, "_fields")))
    ):
        raise ValueError(f"{name} is neither a dataclass nor a NamedTuple (any more)")
    fields = {key: decode(item) for key, item in whole["fields"].items()}
    gone = [key for key in fields if key not in record_names(cls)]
    if gone:
        raise ValueError(f"{name} has no field {gone[0]} (any more)")
    if whole.get("made"):
        return call_with(cls, fields)
    # Not by calling the class: what it does with its arguments was done when the value was made.
    made = _new_tuple(cls, fields) if issubclass(cls, tuple) else _new_object(cls, fields)
    for key, item in whole.get("beside", {}).items():
        object.__setattr__(made, key, decode(item))
    return made


def _new_tuple(cls: Any, fields: Dict[str, Any]) -> Any:
    return cls._make({**getattr(cls, "_field_defaults", {}), **fields}[key] for key in cls._fields)


def _new_object(cls: Any, fields: Dict[str, Any]) -> Any:
    made = cls.__new__(cls) if issubclass(cls, BaseException) else object.__new__(cls)
    for field in dataclasses.fields(cls):
        # One that the class has only by now gets its default.
        if field.name in fields:
            object.__setattr__(made, field.name, fields[field.name])
        elif field.default is not dataclasses.MISSING:
            object.__setattr__(made, field.name, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            object.__setattr__(made, field.name, field.default_factory())
    return made


def _decode_enum(name: str, whole: Dict[str, Any]) -> Any:
    cls = find_class(name)
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise ValueError(f"{name} is no Enum (any more)")
    return cls(decode(whole["value"])) if "value" in whole else cls[whole["name"]]


def _decode_datetime(text: Any, _: Any) -> datetime.datetime:
    zone = None
    if isinstance(text, list):
        import zoneinfo  # Python 3.9; only there could it have been written

        text, zone = text[0], zoneinfo.ZoneInfo(text[1])
    text, _, fold = text.partition(";")
    made = datetime.datetime.fromisoformat(text)
    if zone is not None:
        made = made.replace(tzinfo=zone)
    return made.replace(fold=1) if fold else made


_PURE_PATHS: Dict[Any, Any] = {cls.__name__: cls for cls in (pathlib.PurePosixPath, pathlib.PureWindowsPath)}

_DECODERS: Dict[str, Callable[[Any, Dict[str, Any]], Any]] = {
    "$value": lambda items, _: {key: decode(item) for key, item in items.items()},
    "$map": lambda pairs, _: {decode(key): decode(item) for key, item in pairs},
    "$tuple": lambda items, _: tuple(decode(item) for item in items),
    "$set": lambda items, _: {decode(item) for item in items},
    "$frozenset": lambda items, _: frozenset(decode(item) for item in items),
    "$int": lambda text, _: int(text, 16),
    "$float": lambda text, _: float(text),
    "$bytes": lambda text, _: base64.b64decode(text),
    "$datetime": _decode_datetime,
    "$date": lambda text, _: datetime.date.fromisoformat(text),
    "$time": lambda text, _: datetime.time.fromisoformat(text.partition(";")[0]).replace(fold=text.endswith(";fold")),
    "$timedelta": lambda parts, _: datetime.timedelta(*parts),
    "$decimal": lambda text, _: decimal.Decimal(text),
    "$uuid": lambda text, _: uuid.UUID(text),
    "$complex": lambda parts, _: complex(float(parts[0]), float(parts[1])),
    "$path": lambda text, whole: {**_PURE_PATHS, None: pathlib.Path}[whole.get("class")](text),
    "$enum": _decode_enum,
    "$object": _decode_object,
}


class NoPlainForm(Exception):
    """The exact form says something that plain JSON cannot."""


def plain(exact: Json, value: Any) -> Json:
    """What expressions see of `value`, whose exact form is given. Raises NoPlainForm."""
    if isinstance(exact, list):
        return [plain(item, inner) for item, inner in zip(exact, value)]
    if not isinstance(exact, dict):
        return exact
    if "$tuple" in exact:
        return [plain(item, inner) for item, inner in zip(exact["$tuple"], value)]
    if "$value" in exact:
        return {"$value": {key: plain(item, value[key]) for key, item in exact["$value"].items()}}
    if "fields" in exact and "$object" in exact:
        return {key: plain(item, getattr(value, key)) for key, item in exact["fields"].items()}
    if "$enum" in exact:
        inner = value.value
        try:
            return plain(encode(inner), inner)
        except NotEncodable:
            raise NoPlainForm from None
    if any(key.startswith("$") for key in exact):
        raise NoPlainForm
    return {key: plain(item, value[key]) for key, item in exact.items()}


def canonical(value: Json) -> str:
    """One text per JSON value: the program's canonical_json (sorted keys, no spaces, floats with a point or an
    exponent)."""
    return json.dumps(_sorted_by_bytes(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _sorted_by_bytes(value: Json) -> Json:
    if isinstance(value, list):
        return [_sorted_by_bytes(item) for item in value]
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-8", "surrogatepass"))
        return {key: _sorted_by_bytes(value[key]) for key in keys}
    return value


def sha256(data: Union[bytes, str]) -> str:
    return "sha256:" + hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
