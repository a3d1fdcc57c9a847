"""The host's compile: import the user's file, find the pipeline, make the document, say what it depended on."""

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Tuple

from stoker import _bytecode, _saved_files, _state
from stoker._place import is_framework
from stoker._project import import_file, project_root
from stoker._record import Recorder
from stoker._watched.environment import digest_of
from stoker._watched.paths import now

if TYPE_CHECKING:
    from stoker import _document_types as types


class UserError(Exception):
    """Something of the user's failed; `reply` is what the program is told."""

    def __init__(self, kind: str, error: Optional[BaseException], message: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.error = error
        self.message = message
        self.hint = hint

    def reply(self) -> Dict[str, Any]:
        file, line, text = (None, None, "") if self.error is None else described(self.error)
        message = self.message or (str(self.error) if self.error is not None else "")
        hint = self.hint or str(getattr(self.error, "hint", "") or "")
        if self.kind == "compile" and getattr(self.error, "message", None):
            message = str(self.error.message)  # type: ignore[union-attr]
        error: Dict[str, Any] = {
            "type": type(self.error).__name__ if self.error is not None else "UsageError",
            "message": message,
            "traceback": text,
            "file": getattr(self.error, "file", None) or file,
            "line": getattr(self.error, "line", None) or line,
            "kind": self.kind,
        }
        if hint:
            error["hint"] = hint
        return {"op": "failed", "error": error}


def compile_file(file: str, name: Optional[str], argv: List[str]) -> Dict[str, Any]:
    """The reply to `compile`."""
    file = os.path.abspath(file)
    root = project_root(file)
    recorder = Recorder(root)
    began = now()
    recorder.start()
    try:
        module = import_user_file(file, root, argv)
        document = _document(module, file, root, name)
        _note_files_saved(document, recorder, _saved_files.look(began, began, recorder.found_files()))
        _note_variables_set(document, recorder)
        # A file that is new, or that nobody opened yet, can then change a step's digest: only a new compile tells.
        recorder.unfit.update(dict.fromkeys(_whole_project(document)))
    except UserError as error:
        return error.reply()
    finally:
        recorder.stop()
    return {"op": "compiled", "document": document, "root": root, "dependencies": recorder.dependencies()}


def _note_variables_set(document: "types.Pipeline", recorder: Recorder) -> None:
    """Environment variables that importing the file sets: steps that read them see these values, not the program's."""
    variables = {name: digest_of(name) for name in sorted(recorder.variables.written)}
    if variables:
        for step in _steps(document):
            code = step["python"].get("code") if "python" in step else None
            if code:
                code["variables"] = variables


def _note_files_saved(document: "types.Pipeline", recorder: Recorder, files: Dict[str, str]) -> None:
    """What was saved while it was compiled: the digests may be those of other code than what runs."""
    for file in files:
        reason = f"{file} was saved while the pipeline was compiled"
        recorder.unfit[reason] = None
        for step in _steps(document):
            if "code" in step.get("python", {}):
                step["python"]["code"] = {"unknown": reason}


def _steps(document: "types.Pipeline") -> "List[types.Step]":
    found = [*document["steps"], *document.get("finally", ())]
    for pipeline in document.get("pipelines", {}).values():
        if not isinstance(pipeline, str):
            found += [*pipeline["steps"], *pipeline.get("finally", ())]
    return found


def _whole_project(document: "types.Pipeline") -> List[str]:
    """Why steps of the document count all files of the project as their code."""
    python = [step["python"] for step in _steps(document) if "python" in step]
    reasons = [reason for each in python for reason in each.get("code", {}).get("wide", ())]
    return [reason for reason in reasons if not reason.endswith(": the whole module")]


def import_user_file(file: str, root: str, argv: List[str]) -> Any:
    """Import the file as its project would; the user's own failure is a UserError with the user's traceback."""
    sys.argv = [file, *argv]
    _state.importing_for_program = True
    _bytecode.watch()
    try:
        return import_file(file, root)
    except SystemExit as error:
        raise UserError(
            "import", error, f"the file ended Python while it was imported (exit code {error.code})", _GUARD
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError("compile" if _is_compile_error(error) else "import", error)
    finally:
        _bytecode.unwatch()
        _state.importing_for_program = False


_GUARD = "keep what runs things under `if __name__ == '__main__':`"


def _document(module: Any, file: str, root: str, name: Optional[str]) -> "types.Pipeline":
    from stoker._compile import Target, compile_pipeline

    maker = _choose(module, name, file)
    try:
        return compile_pipeline(maker, Target(root, os.path.dirname(file)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError("compile", error)


def _is_compile_error(error: BaseException) -> bool:
    from stoker._errors import StokerError

    return isinstance(error, StokerError)


def _choose(module: Any, name: Optional[str], file: str) -> Any:
    """The pipeline of that name; without a name the only one that no other pipeline of the file uses."""
    from stoker._authoring import Pipeline
    from stoker._text import nearest

    found: Dict[str, Any] = {}
    for variable, value in vars(module).items():
        if isinstance(value, Pipeline):
            found.setdefault(value.name, value)
            if variable == name:
                return value
    own = {key: value for key, value in found.items() if value.__module__ == module.__name__} or found
    if name is not None:
        if name not in found:
            _usage(
                f"{os.path.basename(file)} has no pipeline '{name}'{nearest(name, found)}",
                f"it has {', '.join(found) or 'none'}",
            )
        return found[name]
    if not own:
        _usage(f"{os.path.basename(file)} has no pipeline", "put @stoker.pipeline on the function that calls the steps")
    if len(own) == 1:
        return next(iter(own.values()))
    used = _used_by_others(list(own.values()))
    top = [key for key, value in own.items() if id(value) not in used]
    if len(top) != 1:
        _usage(
            f"{os.path.basename(file)} has several pipelines: {', '.join(top or own)}", "say which one: --pipeline NAME"
        )
    return own[top[0]]


def _used_by_others(makers: List[Any]) -> Dict[int, None]:
    """Pipelines that are called by name in the function of another."""
    used: Dict[int, None] = {}
    for maker in makers:
        names = maker.function.__code__.co_names
        for other in makers:
            if other is not maker and any(maker.function.__globals__.get(name) is other for name in names):
                used[id(other)] = None
    return used


def _usage(message: str, hint: str) -> NoReturn:
    raise UserError("usage", None, message, hint)


def described(error: BaseException) -> Tuple[Optional[str], Optional[int], str]:
    """(file, line, traceback) of an exception with the user's frames only."""
    import traceback

    lines: List[str] = []
    place: Tuple[Optional[str], Optional[int]] = (None, None)
    for part in _chain(error):
        frames = [frame for frame in traceback.extract_tb(part.__traceback__) if not is_framework(frame.filename)]
        if frames:
            lines.append("Traceback (most recent call last):\n")
            lines += traceback.format_list(frames)
        lines += traceback.format_exception_only(type(part), part)
        if part is error:
            if isinstance(part, SyntaxError) and part.filename:
                place = (part.filename, part.lineno)
            elif frames:
                place = (frames[-1].filename, frames[-1].lineno)
        else:
            lines.append("\n")
    return place[0], place[1], "".join(lines)


def _chain(error: BaseException) -> List[BaseException]:
    """The exception after those that led to it."""
    chain: List[BaseException] = [error]
    while True:
        last = chain[-1]
        following = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if following is None or any(following is seen for seen in chain):
            return chain[::-1]
        chain.append(following)
