"""Artifacts on disk: a directory per output with its content and `manifest.json`, written last (api/step-protocol.md,
section 7).

Python 3.8; imports no library before a value of its type is saved or loaded.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pathlib
import shutil
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Type, Union

from stoker import _json_values
from stoker._errors import StokerError
from stoker._json_values import INLINE_LIMIT, Json
from stoker.materializers._base import Materializer, Preview, Saved
from stoker.materializers._registry import by_reference, for_value

MANIFEST = "manifest.json"
VERSION = 1
# Content above this is not hashed: the identity is the step run that made it.
_HASHED_BYTES = 1 << 30
# Content that need not be hashed is, below this: it costs nothing and finds damage.
_ALWAYS_HASHED_BYTES = 16 << 20
_PREVIEW_BYTES = 16 * 1024
_CHUNK = 1 << 20

PathText = Union[str, "os.PathLike[str]"]


class ArtifactError(StokerError):
    """An artifact is missing, damaged, or may not be loaded."""


class Origin(NamedTuple):
    """Who makes an artifact; `identity` stands for the step run in cache keys."""

    run: str = ""
    pipeline: str = ""
    step: str = ""
    attempt: int = 1
    project: str = ""
    identity: str = ""
    worker: str = "stoker-python"


class Output(NamedTuple):
    """A saved output as the result document has it."""

    artifact: Dict[str, Any]
    value: Json
    has_value: bool
    # The artifact has types that `value` lacks: of a dataclass that is the map of its fields.
    typed: bool = False

    def as_json(self) -> Dict[str, Any]:
        record: Dict[str, Any] = {"artifact": self.artifact}
        if self.has_value:
            record["value"] = self.value
        if self.typed:
            record["typed"] = True
        return record


# --- writing --------------------------------------------------------------------------------------------------------
# ----------------


def save(
    value: Any, directory: PathText, name: str, origin: Origin, materializer: Optional[Type[Materializer]] = None
) -> Output:
    """Write `value` as the artifact `directory`; its manifest comes last."""
    folder = pathlib.Path(directory)
    if folder.exists():  # what an attempt of this number that died has left: without a manifest it is rubbish
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    maker = (materializer or for_value(value))()
    exact = _exact(value, maker)
    inline = exact if exact is not None and exact.is_small else None
    saved = Saved() if inline is not None else (maker.save(value, folder) or Saved())
    if saved.preview is None:
        saved.preview = _preview(value, maker)
    manifest = _manifest(folder, name, origin, maker, saved, inline)
    classes = set() if exact is None else _json_values.classes_in(exact.form)
    if classes:
        # Content does not say what the classes do: who uses the value depends on the step run that made it.
        manifest["identity"] = _step_run(origin, name)
    _write_json(folder / MANIFEST, manifest)
    has_value, plain = _plain(inline, value)
    typed = inline is not None and has_value and plain != inline.form and all(map(_json_values.can_be_found, classes))
    return Output(reference(folder, manifest), plain, has_value, typed)


def _preview(value: Any, maker: Materializer) -> Optional[Preview]:
    """A value that cannot be shown is saved all the same."""
    try:
        return maker.preview(value)
    except Exception:
        return None


class _Exact(NamedTuple):
    """The exact form of a plain value; a small one lives in the manifest."""

    form: Json
    is_small: bool


def _exact(value: Any, maker: Materializer) -> Optional[_Exact]:
    if maker.reference() not in ("stoker.materializers:JsonValue", "stoker.materializers:Text"):
        return None
    form = _json_values.encode(value)
    return _Exact(form, len(_json_values.compact(form).encode("utf-8")) <= INLINE_LIMIT)


def _plain(inline: Optional[_Exact], value: Any) -> Any:
    if inline is None:
        return False, None
    try:
        return True, _json_values.plain(inline.form, value)
    except _json_values.NoPlainForm:
        return False, None


def _manifest(
    folder: pathlib.Path, name: str, origin: Origin, maker: Materializer, saved: Saved, inline: Optional[_Exact]
) -> Dict[str, Any]:
    paths = sorted(_files(folder))
    sizes = {path: (folder / path).stat().st_size for path in paths}
    total = sum(sizes.values())
    hashed = total < (_HASHED_BYTES if maker.hashed else _ALWAYS_HASHED_BYTES)
    files: List[Dict[str, Any]] = []
    for path in paths:
        entry: Dict[str, Any] = {"path": path, "size": sizes[path]}
        if hashed:
            entry["sha256"] = file_digest(folder / path)
        files.append(entry)
    manifest: Dict[str, Any] = {
        "version": VERSION,
        "type": maker.type or type(maker).__name__,
        "class": maker.reference(),
    }
    if saved.details:
        manifest["details"] = saved.details
    if saved.schema is not None:
        manifest["schema"] = saved.schema
    if inline is not None:
        manifest["value"] = inline.form
        total = len(_json_values.compact(inline.form).encode("utf-8"))
    digest = content_digest(manifest, files)
    manifest["digest"] = digest
    manifest["identity"] = digest if hashed and maker.hashed else _step_run(origin, name)
    manifest["bytes"] = total
    if saved.rows is not None:
        manifest["rows"] = saved.rows
    if saved.pickle:
        manifest["pickle"] = True
    preview = _small(saved.preview)
    if preview is not None:
        manifest["preview"] = preview
    manifest["files"] = files
    manifest["createdBy"] = {
        "worker": origin.worker,
        "project": origin.project,
        "pipeline": origin.pipeline,
        "run": origin.run,
        "step": origin.step,
        "attempt": origin.attempt,
        "output": name,
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return manifest


def _step_run(origin: Origin, name: str) -> str:
    return f"{origin.identity or '/'.join((origin.run, origin.step, str(origin.attempt)))}/{name}"


def _files(folder: pathlib.Path) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(root, name), folder).replace(os.sep, "/")


def file_digest(path: PathText) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)


def content_digest(manifest: Mapping[str, Any], files: List[Dict[str, Any]]) -> str:
    head = {key: manifest[key] for key in ("class", "details", "schema", "value") if key in manifest}
    lines = "".join(f"{entry.get('sha256', '-')} {entry['size']} {entry['path']}\n" for entry in files)
    return _json_values.sha256((_json_values.canonical(head) + "\n" + lines).encode("utf-8", "surrogateescape"))


def _small(preview: Optional[Preview]) -> Optional[Preview]:
    if preview is None:
        return None
    try:
        while len(_json_values.compact(preview).encode("utf-8", "replace")) > _PREVIEW_BYTES:
            rows = preview.get("rows") or preview.get("names")
            if not rows:
                return None
            rows.pop()
    except (TypeError, ValueError):
        return None
    return preview


def reference(folder: PathText, manifest: Mapping[str, Any]) -> Dict[str, Any]:
    """What `$artifact` holds."""
    found = {"uri": os.path.abspath(folder)}
    found.update(
        {key: manifest[key] for key in ("type", "class", "digest", "identity", "bytes", "rows") if key in manifest}
    )
    return found


def _write_json(path: pathlib.Path, document: Any) -> None:
    write_atomically(
        path,
        (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode("utf-8", "surrogateescape"),
    )


def write_atomically(path: PathText, content: bytes) -> None:
    """Temporary file beside it, synced, renamed; mode 0600 whatever the umask.

    The folder is not synced: what a loss of power takes away again is as if it had not been written, and is made anew.
    """
    text = os.fspath(path)
    temporary = f"{text}.{os.getpid()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, text)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


# Up to this size the content of an artifact's files is compared with its manifest before it is loaded: disks lie, people edit. Above it only
# their sizes are; a file that then cannot be read is compared all the same, to name it.
_COMPARED_BYTES = 16 * 1024 * 1024

# --- reading --------------------------------------------------------------------------------------------------------
# ----------------


def read_manifest(directory: PathText) -> Dict[str, Any]:
    path = os.path.join(os.fspath(directory), MANIFEST)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            manifest = json.load(stream)
    except FileNotFoundError:
        raise ArtifactError(f"there is no artifact at {os.fspath(directory)}: {MANIFEST} is missing") from None
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged: {error}") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("version"), int):
        raise ArtifactError(f"{path} is damaged: it is no manifest")
    if manifest["version"] > VERSION:
        raise ArtifactError(
            f"{path} was written by a newer Stoker (manifest version {manifest['version']}, known: {VERSION})"
        )
    for key in ("class", "type", "files", "digest"):
        if key not in manifest:
            raise ArtifactError(f"{path} is damaged: it has no {key}")
    return manifest


def check_files(directory: PathText, manifest: Mapping[str, Any], *, contents: bool = False) -> None:
    """Each file of the manifest is there with its size (and its content, when asked)."""
    for entry in manifest["files"]:
        path = os.path.join(os.fspath(directory), *entry["path"].split("/"))
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            raise ArtifactError(f"the artifact {os.fspath(directory)} is damaged: {entry['path']} is missing") from None
        if size != entry["size"]:
            raise ArtifactError(
                f"the artifact {os.fspath(directory)} is damaged: {entry['path']} has {size} bytes, "
                f"its manifest says {entry['size']}"
            )
        if contents and "sha256" in entry and file_digest(path) != entry["sha256"]:
            raise ArtifactError(
                f"the artifact {os.fspath(directory)} is damaged: the content of {entry['path']} has changed"
            )


def load(directory: PathText, trust: bool = False, *, project: Optional[str] = None, expected: Any = None) -> Any:
    """The value of the artifact, by the class in its manifest. `project`: whose pickles are loaded without `trust`."""
    folder = pathlib.Path(os.path.abspath(directory))
    manifest = read_manifest(folder)
    maker = by_reference(manifest["class"])()
    if manifest.get("pickle") and not trust:
        made_by = str(manifest.get("createdBy", {}).get("project", ""))
        if project is None or made_by != project:
            raise ArtifactError(
                f"loading {folder} would run code that it brings along (it is a pickle) and it was made by "
                f"{'the project ' + made_by if made_by else 'an unnamed project'}; "
                f"load it with trust=True if you trust it"
            )
    if "value" in manifest:
        return _json_values.decode(manifest["value"])
    check_files(folder, manifest, contents=sum(entry["size"] for entry in manifest["files"]) <= _COMPARED_BYTES)
    details = manifest.get("details", {})
    saved = Saved(
        details=details, schema=manifest.get("schema"), rows=manifest.get("rows"), pickle=bool(manifest.get("pickle"))
    )
    saved.expected = expected
    try:
        return maker.load(folder, saved)
    except Exception:
        check_files(folder, manifest, contents=True)
        raise


class Artifact:
    """An output of a finished run: what it is at once, its value on `load()`."""

    def __init__(self, uri: PathText, project: Optional[str] = None) -> None:
        self.path = pathlib.Path(os.path.abspath(uri))
        self._project = project
        self._manifest: Optional[Dict[str, Any]] = None

    @property
    def manifest(self) -> Dict[str, Any]:
        if self._manifest is None:
            self._manifest = read_manifest(self.path)
        return self._manifest

    @property
    def type(self) -> str:
        return str(self.manifest["type"])

    @property
    def rows(self) -> Optional[int]:
        return self.manifest.get("rows")

    @property
    def bytes(self) -> int:
        return int(self.manifest["bytes"])

    @property
    def preview(self) -> Optional[Preview]:
        return self.manifest.get("preview")

    def load(self, trust: bool = False) -> Any:
        """The value. A pickle of another project's run needs `trust=True`."""
        return load(self.path, trust, project=self._project)

    def verify(self) -> None:
        """Raise ArtifactError when a file is missing or not what was written."""
        check_files(self.path, self.manifest, contents=True)

    def __repr__(self) -> str:
        return f"Artifact({str(self.path)!r})"
