"""From what a function returned to outputs: named, checked against the declaration, saved."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Type

from stoker import _artifacts, _convert
from stoker._json_values import NotEncodable
from stoker._worker.errors import StepError
from stoker.materializers._base import Materializer, qualified_name
from stoker.materializers._registry import NoMaterializer, by_reference, for_value


def named(returned: Any, declared: Dict[str, Any], annotation: Any, function: str) -> Dict[str, Any]:
    """Output name -> value."""
    if not declared:
        return {}
    names = list(declared)
    fields = _convert.namedtuple_fields(annotation)
    several = names != ["output"] or (fields is not None and set(fields) == set(names))
    if not several:
        return {"output": returned}
    found = _convert.namedtuple_fields(type(returned))
    if found is None or set(found) != set(names):
        wanted = (
            f"{_convert.annotation_name(annotation)}({', '.join(names)})"
            if fields
            else f"a NamedTuple with {', '.join(names)}"
        )
        raise StepError(f"{function} returned {_article(returned)}, expected {wanted}", name="TypeError")
    return {name: getattr(returned, name) for name in names}


def annotations_of(names: Dict[str, Any], annotation: Any) -> Dict[str, Any]:
    fields = _convert.namedtuple_fields(annotation)
    if fields is not None and set(fields) == set(names):
        return _convert.hints(_convert.strip(annotation))
    return {"output": annotation} if "output" in names else {}


def check(name: str, value: Any, annotation: Any, function: str) -> Any:
    """The value as it is saved. A wrong type is the step's error."""
    value = _convert.simplify(value, annotation)
    if not _convert.fits(value, annotation) and not _path_for(value, annotation):
        what = "" if name == "output" else f" for the output {name!r}"
        raise StepError(
            f"{function} returned {_article(value)}{what}, expected {_convert.annotation_name(_convert.strip(annotation))}",
            name="TypeError",
            hint=f"the output is declared in {function}'s return annotation",
        )
    return value


def _path_for(value: Any, annotation: Any) -> bool:
    """A path where a file or directory is declared."""
    from stoker._values import Directory, File

    return isinstance(value, os.PathLike) and _convert.strip(annotation) in (File, Directory)


def _article(value: Any) -> str:
    if value is None:
        return "None"
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else qualified_name(cls)
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def materializer_of(value: Any, annotation: Any, declared: Dict[str, Any]) -> Optional[Type[Materializer]]:
    """Named by the annotation or by the declaration; None: the value decides."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, type) and issubclass(extra, Materializer):
            return extra
    reference = declared.get("materializer") or ""
    if not reference:
        return None
    if reference.startswith("stoker.materializers:"):
        # Built in: a value of a more special class has the more special one, except where a path stands for a file.
        from stoker._values import Directory, File

        if reference.endswith((":FileOutput", ":DirectoryOutput")) and not isinstance(value, (File, Directory)):
            return by_reference(reference)
        return None
    return by_reference(reference)


def save(
    name: str,
    value: Any,
    annotation: Any,
    declared: Dict[str, Any],
    folder: str,
    origin: _artifacts.Origin,
    function: str,
) -> _artifacts.Output:
    try:
        maker = materializer_of(value, annotation, declared) or for_value(value)
        return _artifacts.save(value, os.path.join(folder, name), name, origin, maker)
    except (NoMaterializer, NotEncodable) as error:
        raise StepError(f"the output {name!r} of {function} cannot be saved: {error}", name="TypeError") from None
