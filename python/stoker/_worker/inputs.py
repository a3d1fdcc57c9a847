"""From bindings to arguments: artifacts loaded, files and secrets wrapped, plain values converted by annotation."""

from __future__ import annotations

import os
import re
import typing
from typing import Any, Dict, List, Optional

from stoker import _artifacts, _convert
from stoker._values import Directory, File, Secret, Table, is_uri
from stoker._worker.errors import INFRASTRUCTURE, StepError

# A resumed run keeps its finished steps, and with them what they made; a new run looks before it takes something from the cache.
_MAKE_AGAIN = (
    "start a new run with stoker run: it makes again what is missing or damaged, and takes the rest from the cache"
)


class Inputs:
    """Builds the arguments of one invocation; remembers what they name, for the observer and for redaction."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.locations: List[str] = []
        self.secrets: List[str] = []
        self.tables: List[str] = []  # their versions stand for what is read of them

    def arguments(self, bindings: Dict[str, Any], annotations: Dict[str, Any]) -> Dict[str, Any]:
        found = {}
        for name, binding in bindings.items():
            annotation = annotations.get(name, Any)
            value = self.resolve(binding, annotation, name)
            try:
                found[name] = _convert.convert(value, annotation, name)
            except _convert.ConversionError as error:
                raise StepError(f"the input {error}", name="TypeError") from None
        return found

    def check_files(self, bindings: Any, where: str = "") -> None:
        """A local file that is missing is said before anything is started or loaded."""
        if isinstance(bindings, list):
            for item in bindings:
                self.check_files(item, where)
        elif isinstance(bindings, dict):
            special = next(iter(bindings)) if len(bindings) == 1 else ""
            if special == "$file":
                path = str(bindings["$file"]["path"])
                if not is_uri(path) and not os.path.lexists(path):
                    raise StepError(f"the input {where} is {path}, which does not exist", name="FileNotFoundError")
                return
            inner = bindings["$value"] if special == "$value" else bindings
            for name, item in inner.items() if isinstance(inner, dict) else ():
                self.check_files(item, where or name)

    def resolve(self, binding: Any, annotation: Any, where: str) -> Any:
        if isinstance(binding, list):
            inner = _element(annotation)
            return [self.resolve(item, inner, f"{where}[{index}]") for index, item in enumerate(binding)]
        if not isinstance(binding, dict):
            return binding
        special = next(iter(binding)) if len(binding) == 1 else ""
        if special == "$artifact":
            return self._artifact(binding["$artifact"], annotation, where)
        if special == "$file":
            return self._file(binding["$file"], annotation)
        if special == "$table":
            self.tables.append(str(binding["$table"]["name"]))
            return Table(self.tables[-1], version=binding["$table"].get("version"))
        if special == "$secret":
            return self._secret(binding["$secret"], annotation)
        if special == "$value":
            binding = binding["$value"]
        elif special.startswith("$"):
            raise StepError(
                f"the input {where} has the unknown form {special!r}: the engine is newer than the worker",
                INFRASTRUCTURE,
            )
        return {key: self.resolve(item, Any, f"{where}[{key!r}]") for key, item in binding.items()}

    def _artifact(self, binding: Dict[str, Any], annotation: Any, where: str) -> Any:
        uri = str(binding["uri"])
        self.locations.append(uri)
        try:
            return _artifacts.load(uri, bool(binding.get("trust")), project=self.project, expected=annotation)
        except _artifacts.ArtifactError as error:
            raise StepError(
                f"the input {where} cannot be loaded: {error}", INFRASTRUCTURE, "ArtifactError", _MAKE_AGAIN
            ) from error

    def _file(self, binding: Dict[str, Any], annotation: Any) -> Any:
        path = str(binding["path"])
        self.locations.append(path)
        digest = binding.get("digest")
        wanted = _convert.strip(annotation)
        members = _convert.union_members(wanted) or (wanted,)
        if Directory in members or (File not in members and os.path.isdir(path)):
            return Directory(path, digest=digest)
        return File(path, digest=digest)

    def _secret(self, name: str, annotation: Any) -> Any:
        variable = "STOKER_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        value = os.environ.get(variable)
        if value is None:
            raise StepError(f"the secret {name!r} is not available: {variable} is not set", INFRASTRUCTURE)
        self.secrets.append(value)
        return value if _convert.strip(annotation) is str else Secret(name, value)


def _element(annotation: Any) -> Any:
    bare = _convert.strip(annotation)
    arguments: Optional[Any] = typing.get_args(bare)
    return arguments[0] if arguments and typing.get_origin(bare) in (list, tuple, set) else Any
