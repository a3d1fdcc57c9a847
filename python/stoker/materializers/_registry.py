"""Which materializer a value or an annotation has. Types are matched by qualified name along the class's bases: nothing
is imported to ask."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import importlib
import os
import pathlib
import typing
import uuid
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type

from stoker import _convert
from stoker._json_values import record_names
from stoker.materializers._base import Materializer, TypeName, qualified_name

_HOME = "stoker.materializers"
# Names of classes (some libraries moved theirs between versions) -> name in this package.
_BY_NAME: Dict[str, str] = {
    "pyspark.sql.dataframe.DataFrame": "SparkDataFrame",
    "pyspark.sql.connect.dataframe.DataFrame": "SparkDataFrame",
    "pyspark.ml.util.MLWritable": "SparkML",
    "pyspark.ml.base.Transformer": "SparkML",
    "pyspark.ml.base.Estimator": "SparkML",
    "pyspark.ml.evaluation.Evaluator": "SparkML",
    "pandas.DataFrame": "PandasDataFrame",
    "pandas.core.frame.DataFrame": "PandasDataFrame",
    "pandas.Series": "PandasSeries",
    "pandas.core.series.Series": "PandasSeries",
    "numpy.ndarray": "NumpyArray",
    "numpy.generic": "NumpyArray",
    "sklearn.base.BaseEstimator": "SklearnEstimator",
    "matplotlib.figure.Figure": "MatplotlibFigure",
    "stoker._values.File": "FileOutput",
    "stoker._values.Directory": "DirectoryOutput",
    "stoker.materializers._report.Html": "HtmlReport",
    "stoker.materializers._report.Markdown": "MarkdownReport",
    "stoker.materializers._report.Image": "ImageFile",
}
_JSON_CLASSES: Tuple[type, ...] = (
    *(bool, int, float, complex, list, tuple, dict, set, frozenset, type(None), enum.Enum),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID),
)
_BY_CLASS: Dict[type, str] = {
    str: "Text",
    bytes: "Bytes",
    bytearray: "Bytes",
    pathlib.PurePath: "PathOutput",
    **dict.fromkeys(_JSON_CLASSES, "JsonValue"),
}
# Types without exact JSON form of their own whose subclasses must not be taken for them.
_EXACT = (bool, int, float, complex, list, tuple, dict, set, frozenset, str, bytes, bytearray)
_REGISTERED: Dict[TypeName, Type[Materializer]] = {}


class NoMaterializer(TypeError):
    """No materializer fits a type. The message says how to add one."""


class Choice(NamedTuple):
    """What a declared type is saved with: `type` for people, `materializer` as `module:Class`, empty where the value
    decides at run time."""

    type: str
    materializer: str


def register(materializer: Type[Materializer], *types: TypeName) -> Type[Materializer]:
    """Use `materializer` for its `types` (and those given here), before the built-in ones. Works as a class
    decorator."""
    wanted = (*materializer.types, *types)
    if not wanted:
        raise TypeError(f"{materializer.__name__} names no types: set `types` to classes or their qualified names")
    for entry in wanted:
        _REGISTERED[entry] = materializer
    return materializer


def by_reference(reference: str) -> Type[Materializer]:
    """The materializer class of a manifest."""
    module_name, _, path = reference.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoMaterializer(f"the materializer {reference} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Materializer)):
        raise NoMaterializer(f"{reference} is no materializer")
    return found


def _builtin(name: str) -> Type[Materializer]:
    return by_reference(f"{_HOME}:{name}")


def for_class(cls: type) -> Optional[Type[Materializer]]:
    """The materializer of the values of a class."""
    for base in cls.__mro__:
        own = base.__dict__.get("__stoker_materializer__")
        if own is not None:
            return own  # type: ignore[no-any-return]
        found = _REGISTERED.get(base) or _REGISTERED.get(qualified_name(base))
        if found is not None:
            return found
        builtin = _BY_NAME.get(qualified_name(base)) or _BY_CLASS.get(base)
        if builtin is None and dataclasses.is_dataclass(base) and "__dataclass_fields__" in base.__dict__:
            builtin = "JsonValue"
        if builtin is not None:
            if base is not cls and base in _EXACT and not _is_record_or_enum(cls):
                return None
            return _builtin(builtin)
    return None


def _is_record_or_enum(cls: type) -> bool:
    return issubclass(cls, enum.Enum) or _convert.namedtuple_fields(cls) is not None or hasattr(cls, "__total__")


def for_value(value: Any) -> Type[Materializer]:
    found = for_class(type(value))
    if found is None:
        raise NoMaterializer(_how_to_add(qualified_name(type(value))))
    return found


def _how_to_add(name: str) -> str:
    return (
        f"there is no materializer for {name}; return a type that has one, or write one: subclass "
        f"stoker.materializers.Materializer "
        f'with types = ("{name}",), save() and load(), and register() it (docs/reference/materializers.md)'
    )


def for_annotation(annotation: Any) -> Choice:
    """How a declared output is saved. Raises NoMaterializer, with how to add one."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, type) and issubclass(extra, Materializer):
            return Choice(extra.type or extra.__name__, extra.reference())
    bare = _convert.strip(annotation)
    if bare is Any or bare is object or isinstance(bare, typing.TypeVar):
        return Choice("any", "")
    if bare is None:
        bare = type(None)
    members = _convert.union_members(bare)
    if members is not None:
        choices = list(dict.fromkeys(for_annotation(member) for member in members))
        if len(choices) == 1:
            return choices[0]
        return Choice(" | ".join(dict.fromkeys(choice.type for choice in choices)), "")
    if typing.get_origin(bare) is not None:
        return _for_generic(bare)
    if not isinstance(bare, type):
        raise NoMaterializer(f"{_convert.annotation_name(annotation)} is not a type that an output can have")
    return _for_plain_class(bare)


def _for_plain_class(cls: type) -> Choice:
    if hasattr(cls, "__total__") and issubclass(cls, dict):  # TypedDict
        _check_fields(cls)
        return _json_choice()
    if cls is os.PathLike:
        return Choice("path", f"{_HOME}:PathOutput")
    if cls.__module__ == "collections.abc" and issubclass(cls, collections.abc.Iterable):
        return _json_choice()
    found = for_class(cls)
    if found is None:
        raise NoMaterializer(_how_to_add(qualified_name(cls)))
    if found.reference() == f"{_HOME}:JsonValue" and _is_record(cls):
        _check_fields(cls)
    return Choice(found.type or found.__name__, found.reference())


def _json_choice() -> Choice:
    return Choice("json", f"{_HOME}:JsonValue")


def _is_record(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) or _convert.namedtuple_fields(cls) is not None


_checking: List[type] = []


def _check_fields(cls: type) -> None:
    """A class may hold itself, as a tree does: that part is being looked at."""
    if cls in _checking:
        return
    _checking.append(cls)
    try:
        of = _convert.hints(cls)
        names = record_names(cls) if _is_record(cls) else tuple(of)  # a TypedDict has keys
        _check_parts(cls, [of[name] for name in names if name in of])
    finally:
        _checking.pop()


_JSON_PARTS = ("JsonValue", "Text", "Bytes", "PathOutput")


def _check_parts(whole: Any, parts: List[Any]) -> None:
    for part in parts:
        if part is Ellipsis or part == ():
            continue
        choice = for_annotation(part)
        names = tuple(f"{_HOME}:{name}" for name in _JSON_PARTS)
        if choice.materializer and choice.materializer not in names:
            raise NoMaterializer(
                f"{_convert.annotation_name(whole)} holds {_convert.annotation_name(part)}, which is no plain value; "
                f"return it as an output of its own (several outputs are a NamedTuple)"
            )


def _for_generic(annotation: Any) -> Choice:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _json_choice()
    if isinstance(origin, type) and (origin in _EXACT or origin.__module__ == "collections.abc"):
        _check_parts(annotation, [argument for argument in arguments if not isinstance(argument, list)])
        return _json_choice()
    if isinstance(origin, type):
        return _for_plain_class(origin)
    raise NoMaterializer(f"{_convert.annotation_name(annotation)} is not a type that an output can have")


def registered_types() -> Tuple[TypeName, ...]:
    return (*_REGISTERED, *_BY_NAME, *_BY_CLASS)
