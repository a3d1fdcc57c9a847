"""What a step or a pipeline can be told: Spark settings, retry, cache, resources, bounds of parameters.

Plain classes, no dataclasses: that module would double the time of `import stoker`.
"""

import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union, cast

from stoker._refuse import refuse

if TYPE_CHECKING:
    from datetime import timedelta

    from stoker import _document_types as types

Duration = Union[str, int, float, "timedelta"]

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
FAILURE_CLASSES = (
    "userCode",
    "outOfMemory",
    "nodeLost",
    "image",
    "unschedulable",
    "submission",
    "timeout",
    "cancelled",
    "infrastructure",
)


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def duration(value: Duration, what: str) -> str:
    """A duration as the document writes it: `90s`, `1h30m`; numbers are seconds."""
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            refuse(f"{what}: '{value}' is not a duration", "write for example '10s', '30m' or '1h30m'")
        return value
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e12:
        refuse(f"{what}: {value!r} is not a duration", "give text like '30m', seconds or a timedelta")
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


class _Settings:
    """Settings given by keyword; those left out stay out of the document."""

    _fields: Dict[str, Any]

    def to_document(self) -> Any:
        return dict(self._fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._fields.items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(repr(self))


class Spark(_Settings):
    """What a Spark step asks of its session. Sizes are written as Spark does: `2g`, `512m`.

    `profile="heavy"` starts the JVM with its full compiler, for long computations; the default start is tuned for small data.
    """

    def __init__(
        self,
        *,
        master: Optional[str] = None,
        executors: Optional[int] = None,
        executor_cores: Optional[int] = None,
        executor_memory: Optional[str] = None,
        driver_cores: Optional[int] = None,
        driver_memory: Optional[str] = None,
        packages: Sequence[str] = (),
        jars: Sequence[str] = (),
        profile: Optional[str] = None,
        conf: Optional[Mapping[str, object]] = None,
    ) -> None:
        given: Dict[str, Any] = {
            "master": master,
            "executors": executors,
            "executorCores": executor_cores,
            "executorMemory": executor_memory,
            "driverCores": driver_cores,
            "driverMemory": driver_memory,
            "packages": list(packages) or None,
            "jars": list(jars) or None,
            "profile": profile,
            "conf": {str(k): _conf_text(v) for k, v in (conf or {}).items()} or None,
        }
        self._fields = {name: value for name, value in given.items() if value is not None}

    def to_document(self) -> "types.Session":
        return cast("types.Session", dict(self._fields))


def _conf_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Retry(_Settings):
    """How often and after what pause a failed attempt is tried again. `attempts` counts the tries beyond the first.

    `on` gives a class of failure a budget of its own: `Retry(2, on={"user_code": 0, "out_of_memory": 1})`.
    """

    def __init__(
        self,
        attempts: int = 1,
        *,
        backoff: Optional[Duration] = None,
        maximum_backoff: Optional[Duration] = None,
        on: Optional[Mapping[str, int]] = None,
    ) -> None:
        self._fields = {"attempts": attempts}
        if backoff is not None:
            self._fields["backoff"] = duration(backoff, "backoff")
        if maximum_backoff is not None:
            self._fields["maximumBackoff"] = duration(maximum_backoff, "maximum_backoff")
        if on:
            self._fields["on"] = {_failure_class(name): count for name, count in on.items()}


def _failure_class(name: str) -> str:
    spelled = camel(name)
    if spelled not in FAILURE_CLASSES:
        refuse(f"'{name}' is no class of failure", "they are " + ", ".join(snake(known) for known in FAILURE_CLASSES))
    return spelled


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


class Cache(_Settings):
    """Caching of one step: entries older than `max_age` do not count; `key` is text of your own in the cache key."""

    def __init__(self, *, max_age: Optional[Duration] = None, key: Optional[str] = None) -> None:
        self._fields = {}
        if max_age is not None:
            self._fields["maxAge"] = duration(max_age, "max_age")
        if key is not None:
            self._fields["key"] = key


class Resources(_Settings):
    """What a plain step needs: `Resources(memory="2Gi", cpus=1)`."""

    def __init__(self, *, memory: Optional[str] = None, cpus: Optional[float] = None) -> None:
        given = {"memory": memory, "cpus": cpus}
        self._fields = {name: value for name, value in given.items() if value is not None}


class Parameter(_Settings):
    """Bounds and description of a pipeline parameter: `trees: Annotated[int, Parameter(minimum=1, maximum=500)] = 20`."""

    def __init__(
        self,
        description: Optional[str] = None,
        *,
        minimum: Optional[float] = None,
        maximum: Optional[float] = None,
        min_length: Optional[int] = None,
        max_length: Optional[int] = None,
        pattern: Optional[str] = None,
        min_items: Optional[int] = None,
        max_items: Optional[int] = None,
    ) -> None:
        given = {
            "description": description,
            "minimum": minimum,
            "maximum": maximum,
            "minLength": min_length,
            "maxLength": max_length,
            "pattern": pattern,
            "minItems": min_items,
            "maxItems": max_items,
        }
        self._fields = {name: value for name, value in given.items() if value is not None}

    def to_document(self) -> "types.ParameterKeys":
        return cast("types.ParameterKeys", dict(self._fields))


class StepOptions:
    """The options of a step, from the decorator or from one call; a call's win."""

    __slots__ = ("_given",)

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}

    def get(self, name: str) -> Any:
        return self._given.get(name)

    def overlaid(self, other: "StepOptions") -> "StepOptions":
        return StepOptions({**self._given, **other._given})

    def to_document(self) -> "types.StepKeys":
        """The keys that are the same for all kinds of step."""
        out: types.StepKeys = {}
        retry = self._given.get("retry")
        if retry is not None:
            out["retry"] = _as_document(retry, "retry", int)
        if "timeout" in self._given:
            out["timeout"] = duration(self._given["timeout"], "timeout")
        cache = self._given.get("cache")
        if cache is not None:
            out["cache"] = _as_document(cache, "cache", bool)
        resources = self._given.get("resources")
        if resources is not None:
            out["resources"] = _as_document(resources, "resources")
        if self._given.get("env"):
            out["env"] = _text_map(self._given["env"])
        if self._given.get("secrets"):
            out["secrets"] = _text_map(self._given["secrets"])
        if self._given.get("labels"):
            out["labels"] = _text_map(self._given["labels"])
        if self._given.get("continue_on_failure"):
            out["continueOnFailure"] = True
        return out


def _as_document(value: Any, what: str, *plain: type) -> Any:
    if isinstance(value, _Settings):
        return value.to_document()
    if isinstance(value, Mapping):
        return dict(value)
    if plain and type(value) in plain:
        return value
    names = [kind.__name__ for kind in plain] + [what.capitalize()]
    refuse(f"{what}={value!r} is not {' or '.join(names)}")


def _text_map(values: Mapping[str, Any]) -> Dict[str, Any]:
    from stoker._reference import to_template
    from stoker._values import Secret

    out: Dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Secret):
            value = value.name
        template = to_template(value)
        if not isinstance(template, str):
            template = str(template).lower() if isinstance(template, bool) else str(template)
        out[str(name)] = template
    return out


def text_list(value: Union[str, Sequence[Any]]) -> List[Any]:
    from stoker._reference import to_template

    template = to_template(list(value))
    return [item if isinstance(item, str) else str(item) for item in template]
