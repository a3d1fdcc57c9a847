"""Steps that are no Python function: Spark applications, commands, waits, cluster resources."""

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Union

from stoker import _graph
from stoker._options import Cache, Duration, Resources, Retry, StepOptions, duration, text_list
from stoker._reference import Reference, to_template
from stoker._refuse import refuse
from stoker._text import nearest
from stoker._types import _SCALARS
from stoker._values import Directory, File

if TYPE_CHECKING:
    from datetime import datetime

    from stoker import _document_types as types
    from stoker._values import Secret

_KINDS: Dict[Any, str] = {**_SCALARS, list: "list", dict: "map", File: "file", Directory: "directory"}


class Output:
    """A declared output of a Spark application or command."""

    __slots__ = ("document", "type")

    def __init__(self, type: Any, document: "types.Output") -> None:
        self.type = type
        self.document = document

    @classmethod
    def from_log(cls, pattern: str, type: Any = str) -> "Output":
        """The last match of a regular expression with one group in the step's log."""
        return cls(type, {"from": "log", "pattern": pattern, "type": _kind(type)})

    @classmethod
    def from_file(cls, path: Union[str, "os.PathLike[str]"], type: Any = File) -> "Output":
        """A file or directory that the step writes."""
        return cls(type, {"from": "file", "path": to_template(_path_text(path)), "type": _kind(type)})

    @classmethod
    def from_result(cls, type: Any = str) -> "Output":
        """A `name=value` line that the step writes to `$STOKER_RESULT`."""
        return cls(type, {"from": "result", "type": _kind(type)})


def _kind(type: Any) -> str:
    if type not in _KINDS:
        refuse(
            f"{type!r} is no type of a declared output",
            "it is one of str, int, float, bool, list, dict, File, Directory",
        )
    return _KINDS[type]


def _path_text(path: Any) -> Any:
    return path if isinstance(path, (str, Reference)) else os.fspath(path)


class Outputs:
    """The declared outputs of a step, by attribute or by name in brackets."""

    __slots__ = ("_outputs", "_step")

    def __init__(self, step: Reference, outputs: Dict[str, Any]) -> None:
        self._step = step
        self._outputs = outputs

    def __getitem__(self, name: str) -> Any:
        if name not in self._outputs:
            known = ", ".join(self._outputs) or "none"
            refuse(f"the step declares no output '{name}'{nearest(name, self._outputs)}", f"it declares {known}")
        return self._outputs[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def _add(
    kind: str, wanted: str, body: Any, outputs: Optional[Mapping[str, Output]], inputs: Any, options: Dict[str, Any]
) -> Outputs:
    scope = _graph.required(f"{wanted}()")
    for name, output in (outputs or {}).items():
        if not isinstance(output, Output):
            refuse(
                f"the output '{name}' is declared as {output!r}",
                "write Output.from_log(…), from_file(…) or from_result(…)",
            )
    node = scope.add(
        None,
        wanted,
        kind,
        body,
        inputs=dict(inputs or {}),
        outputs={name: output.document for name, output in (outputs or {}).items()},
        options=StepOptions(options),
    )
    made = {name: _graph.output(scope, node.name, name, output.type) for name, output in (outputs or {}).items()}
    return Outputs(Reference(f"steps.{node.name}", label=f"'{node.name}'", scope=scope), made)


def spark_application(
    manifest: Union[str, "os.PathLike[str]", Mapping[str, Any]],
    *,
    name: Optional[str] = None,
    outputs: Optional[Mapping[str, Output]] = None,
    after: Optional[object] = None,
    retry: Union[int, Retry, Mapping[str, Any], None] = None,
    timeout: Optional[Duration] = None,
    cache: Union[bool, Cache, None] = None,
    env: Optional[Mapping[str, object]] = None,
    secrets: "Optional[Mapping[str, Union[str, Secret]]]" = None,
    labels: Optional[Mapping[str, str]] = None,
    continue_on_failure: Optional[bool] = None,
) -> Outputs:
    """Run a SparkApplication: its manifest as a map (which may hold references) or the path of a YAML file."""
    if isinstance(manifest, Mapping):
        _graph.check_scope(dict(manifest))
        body: Any = to_template(dict(manifest))
    else:
        location = manifest if isinstance(manifest, File) else File(manifest)
        body = _graph.relative_location(location)
    options = {
        "name": name,
        "after": after,
        "retry": retry,
        "timeout": timeout,
        "cache": cache,
        "env": env,
        "secrets": secrets,
        "labels": labels,
        "continue_on_failure": continue_on_failure,
    }
    return _add("spark", "spark_application", {"manifest": body}, outputs, None, options)


def command(
    run: Optional[Sequence[object]] = None,
    *,
    script: Optional[str] = None,
    interpreter: Optional[Sequence[str]] = None,
    working_directory: Optional[str] = None,
    stdin: Optional[str] = None,
    inputs: Optional[Mapping[str, object]] = None,
    name: Optional[str] = None,
    outputs: Optional[Mapping[str, Output]] = None,
    after: Optional[object] = None,
    retry: Union[int, Retry, Mapping[str, Any], None] = None,
    timeout: Optional[Duration] = None,
    cache: Union[bool, Cache, None] = None,
    resources: Union[Resources, Mapping[str, Any], None] = None,
    env: Optional[Mapping[str, object]] = None,
    secrets: "Optional[Mapping[str, Union[str, Secret]]]" = None,
    labels: Optional[Mapping[str, str]] = None,
    continue_on_failure: Optional[bool] = None,
) -> Outputs:
    """Run a program: a list of arguments (`["sort", "-u", path]`), or a `script` for a shell.

    Arguments may be references or `text("…{x}…", x=reference)`.
    """
    if (run is None) == (script is None):
        refuse(
            "command() takes either a list of arguments or script=",
            "write command(['sort', path]) or command(script='…')",
        )
    if isinstance(run, str):
        refuse("command() takes a list of arguments, not one text", f"write command(script={run!r}) for a shell line")
    body: types.Command = {}
    for given in (run, script, interpreter, working_directory, stdin):
        _graph.check_scope(given)
    if run is not None:
        body["run"] = text_list([os.fspath(item) if isinstance(item, (File, Directory)) else item for item in run])
    if script is not None:
        body["script"] = to_template(script)
    if interpreter is not None:
        body["interpreter"] = text_list(interpreter)
    if working_directory is not None:
        body["workingDirectory"] = to_template(working_directory)
    if stdin is not None:
        body["stdin"] = to_template(stdin)
    options = {
        "name": name,
        "after": after,
        "retry": retry,
        "timeout": timeout,
        "cache": cache,
        "resources": resources,
        "env": env,
        "secrets": secrets,
        "labels": labels,
        "continue_on_failure": continue_on_failure,
    }
    return _add("command", "command", body, outputs, inputs, options)


def wait(
    time: Optional[Duration] = None,
    *,
    until: "Union[str, datetime, None]" = None,
    file: Union[str, "os.PathLike[str]", None] = None,
    name: Optional[str] = None,
    after: Optional[object] = None,
    timeout: Optional[Duration] = None,
) -> Outputs:
    """Wait for a time (`wait("5m")`), until a time, or until a file exists. No process is used."""
    length: Any = time
    given = [part for part in (time, until, file) if part is not None]
    if len(given) != 1:
        refuse("wait() takes one of: a duration, until=, file=")
    body: types.Wait
    if isinstance(length, Reference):
        body = {"duration": to_template(length)}
    elif length is not None:
        body = {"duration": duration(length, "wait")}
    elif until is not None:
        body = {"until": _moment(until)}
    else:
        body = {"file": to_template(_path_text(file))}
    return _add("wait", "wait", body, None, None, {"name": name, "after": after, "timeout": timeout})


def _moment(until: Any) -> Any:
    if isinstance(until, (str, Reference)):
        return to_template(until)
    if not hasattr(until, "isoformat") or getattr(until, "tzinfo", None) is None:
        refuse(f"until={until!r} is no moment", "give a datetime with a time zone, or RFC 3339 text")
    text: str = until.isoformat()
    return text.replace("+00:00", "Z")


def resource(
    manifest: Mapping[str, Any],
    *,
    name: Optional[str] = None,
    outputs: Optional[Mapping[str, Output]] = None,
    after: Optional[object] = None,
    timeout: Optional[Duration] = None,
    retry: Union[int, Retry, Mapping[str, Any], None] = None,
) -> Outputs:
    """Apply a Kubernetes object. Local runs refuse it."""
    _graph.check_scope(dict(manifest))
    options = {"name": name, "after": after, "timeout": timeout, "retry": retry}
    return _add("resource", "resource", {"manifest": to_template(dict(manifest))}, outputs, None, options)
