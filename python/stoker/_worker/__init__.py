"""The worker: runs one attempt of a step (api/step-protocol.md).

`python -m stoker._worker INVOCATION`, or `run(path)` in a process that was forked for it. Standard library only, Python
3.8.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import inspect
import json
import os
import signal
import sys
import traceback
from typing import Any, Callable, Dict, List, Optional, Tuple

from stoker import _artifacts, _bytecode, _context, _convert, _json_values, _saved_files, _spark
from stoker._worker import errors as worker_errors
from stoker._worker import outputs as worker_outputs
from stoker._worker.channel import Channel
from stoker._worker.errors import CANCELLED, INFRASTRUCTURE, Cancelled, StepError
from stoker._worker.inputs import Inputs
from stoker._worker.observe import Observer
from stoker.materializers import _plain  # noqa: F401 - loaded before a fork server forks

PROTOCOL_VERSIONS = (1,)
NAME = "stoker-python/0.1"
RESULT_LIMIT = 16 * 1024 * 1024

SUCCEEDED, FAILED, UNREADABLE, NO_RESULT, TERMINATED = 0, 1, 2, 3, 143


def run(invocation_path: str) -> int:
    """Run the attempt and return the exit code. The result document is written when this returns, whatever the user's
    code did."""
    channel = Channel.from_environment()
    hello = {"type": "hello", "versions": list(PROTOCOL_VERSIONS), "worker": NAME, "pid": os.getpid()}
    channel.send(hello)
    _prepare_streams()
    try:
        invocation = _read_invocation(invocation_path)
    except StepError as error:
        print(f"stoker worker: {error}", file=sys.stderr, flush=True)
        channel.close()
        return UNREADABLE
    attempt = _Attempt(invocation, channel)
    code = attempt.execute()
    channel.close()
    _flush_streams()
    return code


def finish(code: int) -> None:
    """End the process now: what the user's code left running (threads) does not keep it."""
    try:
        atexit._run_exitfuncs()
    except BaseException:
        pass
    _flush_streams()
    os._exit(code)


def main() -> None:
    arguments = sys.argv[1:]
    path = arguments[0] if arguments else os.environ.get("STOKER_INVOCATION", "")
    if len(arguments) > 1 or not path:
        print("usage: python -m stoker._worker INVOCATION", file=sys.stderr)
        os._exit(UNREADABLE)
    finish(run(path))


# --- the process
# ------------------------------------------------------------------------------------------------------------------


def _prepare_streams() -> None:
    """Lines appear in the log as they are printed, and text that the encoding lacks is escaped instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            options: Any = stream
            options.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        except Exception:
            pass


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def _guard_standard_descriptors() -> None:
    """Where the user's code closed 0, 1 or 2, the next file opened would get the number, and somebody's print would go
    into it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            try:
                handle = os.open(os.devnull, os.O_RDWR)
                if handle != number:
                    os.dup2(handle, number)
                    os.close(handle)
            except OSError:
                pass


def _read_invocation(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            invocation = json.load(stream)
    except (OSError, ValueError) as error:
        raise StepError(f"the invocation {path} cannot be read: {error}", INFRASTRUCTURE) from None
    if not isinstance(invocation, dict) or not isinstance(invocation.get("result"), str):
        raise StepError(f"the invocation {path} is no invocation: it has no `result`", INFRASTRUCTURE)
    return invocation


# --- the attempt
# --------------------------------------------------------------------------------------------------------------------


class _Attempt:
    def __init__(self, invocation: Dict[str, Any], channel: Channel) -> None:
        self.invocation = invocation
        self.channel = channel
        self.inputs = Inputs(str(invocation.get("project", "")))
        self.group = f"stoker-{invocation.get('run')}/{invocation.get('step')}/{invocation.get('attempt')}"
        self.observer: Optional[Observer] = None
        self.context = _context.Context()
        self.logged: Dict[str, Any] = {}
        self.over = False
        self.cancelled = False
        self.origin = _artifacts.Origin()

    def execute(self) -> int:
        outputs: Dict[str, Any] = {}
        error: Optional[Dict[str, Any]] = None
        code = SUCCEEDED
        self._handle_signals()
        try:
            outputs = self._run()
            if self.cancelled:  # the user's code caught it and went on
                raise Cancelled
        except BaseException as raised:
            self.over = True
            # What unwinding through Spark's calls makes of it hides what happened.
            error = self._describe(Cancelled() if self.cancelled else raised)
            code = TERMINATED if error["class"] == CANCELLED else FAILED
            if error.pop("unreadable", False):
                code = UNREADABLE
        self.over = True
        _guard_standard_descriptors()
        observed = self._observed()
        return self._write_result(outputs, error, observed, code)

    def _handle_signals(self) -> None:
        def terminate(number: int, frame: Any) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends the process at once
            if not self.over:
                self.cancelled = True
                _spark.cancel_jobs(self.group)
                raise Cancelled

        try:
            signal.signal(signal.SIGTERM, terminate)
            if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.SIG_IGN, None):
                signal.signal(signal.SIGINT, signal.default_int_handler)
        except ValueError:  # not the main thread: a host that looks after signals itself
            pass

    def _run(self) -> Dict[str, Any]:
        invocation = self.invocation
        self._check()
        os.makedirs(invocation["scratch"], mode=0o700, exist_ok=True)
        self.origin = _artifacts.Origin(
            run=str(invocation["run"]),
            pipeline=str(invocation["pipeline"]),
            step=str(invocation["step"]),
            attempt=int(invocation["attempt"]),
            project=str(invocation.get("project", "")),
            identity=str(invocation.get("identity", "")),
            worker=NAME,
        )
        self.context = _context.Context(
            run=self.origin.run,
            pipeline=self.origin.pipeline,
            step=self.origin.step,
            attempt=self.origin.attempt,
            scratch=invocation["scratch"],
            send=self.channel.post,
            keep=self._keep,
        )
        _context.install(self.context)
        root = str(invocation["entry"].get("root") or "")
        _spark.configure(invocation.get("session"), f"{self.origin.pipeline}/{self.origin.step}", root)
        self.channel.send({"type": "started"})
        if invocation.get("heartbeat_seconds"):
            self.channel.beat(float(invocation["heartbeat_seconds"]))
        function = self._function()
        name = getattr(function, "__name__", "the function")
        annotations = _convert.hints(function)
        positional, keywords = self._arguments(function, annotations)
        returned = self._call(function, positional, keywords)
        return self._save(returned, annotations.get("return", Any), name)

    def _check(self) -> None:
        invocation = self.invocation
        version = invocation.get("version")
        if version not in PROTOCOL_VERSIONS:
            raise _Unreadable(
                f"the worker {NAME} speaks version {PROTOCOL_VERSIONS[-1]} of the step protocol, not {version!r}"
            )
        missing = [key for key in _REQUIRED if key not in invocation]
        if missing:
            raise _Unreadable(f"the invocation has no {missing[0]!r}")
        if invocation["kind"] != "python":
            raise _Unreadable(f"the worker {NAME} runs steps of kind 'python', not {invocation['kind']!r}")

    def _function(self) -> Callable[..., Any]:
        entry = self.invocation["entry"]
        _bytecode.watch()
        try:
            with _saved_files.watched_import(entry.get("root") or os.getcwd(), self.invocation.get("compiled_at")):
                found = _unpickled(entry) if "pickle" in entry else _imported(entry)
        finally:
            _bytecode.unwatch()
        # A decorated function is a Step; what it decorates is its `function`.
        inner = getattr(found, "function", None)
        found = inner if callable(inner) else found
        if not callable(found):
            raise StepError(
                f"{entry.get('function', 'the entry')} is no function: it is {type(found).__name__}", name="TypeError"
            )
        return found  # type: ignore[no-any-return]

    def _arguments(self, function: Callable[..., Any], annotations: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
        parameters = _parameters(function)
        positional: List[Any] = []
        self.inputs.check_files(self.invocation["inputs"])
        if self.invocation.get("injectSession") or self.invocation.get("session") is not None:
            session = _spark.session_for_step()
            _spark.set_job_group(session, self.group, f"{self.origin.pipeline}/{self.origin.step}")
            if self.invocation.get("injectSession"):
                positional.append(session)
                parameters = parameters[1:]
        rest = next((annotations[p.name] for p in parameters if p.kind is p.VAR_KEYWORD and p.name in annotations), Any)
        known = {name: annotations.get(name, rest) for name in self.invocation["inputs"]}
        keywords = self.inputs.arguments(self.invocation["inputs"], known)
        for parameter in parameters:  # those that take no keyword: `def f(x, /)`
            if parameter.kind is parameter.POSITIONAL_ONLY and parameter.name in keywords:
                positional.append(keywords.pop(parameter.name))
        return positional, keywords

    def _call(self, function: Callable[..., Any], positional: List[Any], keywords: Dict[str, Any]) -> Any:
        invocation = self.invocation
        excluded = [invocation.get("store", ""), invocation["artifacts"], invocation["scratch"], *self.inputs.locations]
        self.observer = Observer(
            invocation["entry"].get("root") or os.getcwd(), excluded, invocation.get("environment") or ()
        )
        self.observer.start()
        try:
            returned = function(*positional, **keywords)
            if inspect.iscoroutine(returned):
                import asyncio

                returned = asyncio.run(returned)
            return returned
        except SystemExit as error:
            if error.code in (None, 0) and not invocation["outputs"]:
                return None
            shown = f"sys.exit({'' if error.code is None else repr(error.code)})"
            raise StepError(f"the step called {shown} before it returned its output", name="SystemExit") from error

    def _save(self, returned: Any, annotation: Any, function: str) -> Dict[str, Any]:
        declared = self.invocation["outputs"]
        values = worker_outputs.named(returned, declared, annotation, function)
        annotations = worker_outputs.annotations_of(declared, annotation)
        for name in values:
            values[name] = worker_outputs.check(name, values[name], annotations.get(name, Any), function)
        saved: Dict[str, Any] = {}
        for name, value in values.items():
            output = worker_outputs.save(
                name,
                value,
                annotations.get(name, Any),
                declared[name],
                self.invocation["artifacts"],
                self.origin,
                function,
            )
            saved[name] = output.as_json()
        return saved

    def _keep(self, name: str, value: Any) -> None:
        if not name.isidentifier() or name in self.invocation["outputs"]:
            raise ValueError(f"{name!r} cannot name an artifact: it is no identifier, or the name of an output")
        saved = worker_outputs.save(name, value, None, {}, self.invocation["artifacts"], self.origin, "log_artifact")
        self.logged[name] = {"artifact": saved.artifact}

    def _describe(self, raised: BaseException) -> Dict[str, Any]:
        try:
            if not isinstance(raised, (Cancelled, StepError)):
                text = "".join(traceback.format_exception(type(raised), raised, raised.__traceback__))
                print(worker_errors.redact(text, tuple(self.inputs.secrets)), file=sys.stderr)  # all of it, in the log
            error = worker_errors.describe(raised, tuple(self.inputs.secrets))
            if isinstance(raised, Cancelled):
                error.update(message="the step was cancelled (SIGTERM)", type="Cancelled")
            elif isinstance(raised, StepError):
                print(f"stoker: {worker_errors.redact(str(raised), tuple(self.inputs.secrets))}", file=sys.stderr)
        except BaseException as inner:
            error = {
                "class": worker_errors.USER_CODE,
                "type": type(raised).__qualname__,
                "message": f"(not shown: {inner!r})",
                "traceback": "",
            }
        if isinstance(raised, _Unreadable):
            error["unreadable"] = True
        return error

    def _observed(self) -> Dict[str, Any]:
        observer = self.observer
        if observer is None:
            return {"files": [], "outsideReads": []}
        observer.stop()
        outside = list(observer.outside)
        try:
            outside += [read for read in self._outside_reads(observer) if read not in observer.outside]
        except BaseException:
            pass
        if observer.overflow:
            outside.append(f"{self.invocation['entry'].get('root')} (more files than are tracked)")
        files = observer.files()
        if "compiled_at" in self.invocation:
            files = self._with_saved_files(files)
        observed: Dict[str, Any] = {"files": files, "outsideReads": outside}
        if observer.environment():
            observed["environment"] = observer.environment()
        return observed

    def _with_saved_files(self, files: List[Dict[str, str]]) -> List[Dict[str, str]]:
        saved = _saved_files.saved_later()
        if _spark.functions_sent():
            saved.update(_saved_files.saved_since_imported())
        others = [file for file in files if file["path"] not in saved]
        return others + [
            {"path": path, "digest": digest, "kind": "module" if path.endswith(".py") else "file"}
            for path, digest in sorted(saved.items())
        ]

    def _outside_reads(self, observer: Observer) -> List[str]:
        places = (*self.inputs.locations, self.invocation["scratch"], self.invocation["artifacts"])
        # As it is named too: what a linked folder of an input leads to is part of that input.
        known = {named for place in map(_local, places) for named in (os.path.abspath(place), os.path.realpath(place))}
        outside = []
        for read in _spark.reads(self.inputs.tables):
            path = _local(read)
            real = os.path.realpath(path) if path.startswith("/") else ""
            ways = {real} if os.pardir in path.split(os.sep) else {real, path}
            if real and any(way == place or way.startswith(place + os.sep) for place in known for way in ways):
                continue
            noted = real and observer.in_project(path) and (observer.note(path) or observer.knows(path))
            if not noted:
                outside.append(read)
        return outside

    def _write_result(
        self, outputs: Dict[str, Any], error: Optional[Dict[str, Any]], observed: Dict[str, Any], code: int
    ) -> int:
        invocation = self.invocation
        result: Dict[str, Any] = {
            "version": 1,
            "run": str(invocation.get("run", "")),
            "step": str(invocation.get("step", "")),
            "attempt": invocation.get("attempt", 0),
            "state": "succeeded" if error is None else "failed",
            "outputs": outputs if error is None else {},
            "metrics": {name: _json_values.number_as_json(value) for name, value in self.context.metrics.items()},
            "observed": observed,
        }
        if self.logged:
            result["logged"] = self.logged
        if error is not None:
            result["error"] = error
        try:
            text = json.dumps(result, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
            if len(text) > RESULT_LIMIT:
                result["observed"] = {"files": [], "outsideReads": ["(too many to list)"]}
                text = json.dumps(result, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
            _artifacts.write_atomically(invocation["result"], text)
        except Exception as failure:
            try:
                print(
                    f"stoker worker: the result {invocation['result']} cannot be written: {failure}",
                    file=sys.stderr,
                    flush=True,
                )
            except Exception:
                pass
            return NO_RESULT
        try:
            _spark.stop_if_ours()
        except BaseException:
            pass
        return code


_REQUIRED = (
    "run",
    "pipeline",
    "step",
    "attempt",
    "kind",
    "entry",
    "inputs",
    "outputs",
    "artifacts",
    "result",
    "scratch",
)


class _Unreadable(StepError):
    """The invocation is not one that this worker can run."""

    def __init__(self, message: str) -> None:
        super().__init__(message, INFRASTRUCTURE)


def _local(uri: str) -> str:
    """`file:/x`, `file:///x` -> `/x`."""
    if uri.startswith("file:"):
        path = uri[len("file:") :]
        return "/" + path.lstrip("/")
    return uri


def _parameters(function: Callable[..., Any]) -> List[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _imported(entry: Dict[str, Any]) -> Any:
    """The function of a module under the project root; a module of that name from elsewhere is not taken for it."""
    root, file, module_name = entry["root"], entry["file"], entry["module"]
    # As a script would find its neighbours: the folder above the file's packages first, the root after it.
    base = os.path.dirname(os.path.abspath(file))
    for _ in range(module_name.count(".") + (os.path.basename(file) == "__init__.py")):
        base = os.path.dirname(base)
    wanted = [folder for folder in (base, root) if folder and folder not in sys.path]
    sys.path[:0] = wanted
    module = sys.modules.get(module_name)
    if module is None or not _same_file(module, file):
        module = _import_module(module_name, file)
    sys.argv = [file]
    found: Any = module
    for part in entry["function"].split("."):
        if part == "<locals>":
            raise StepError(
                f"{entry['function']} is defined inside a function and cannot be imported", name="TypeError"
            )
        try:
            found = getattr(found, part)
        except AttributeError:
            raise StepError(f"{file} has no function {entry['function']!r} (any more)", name="AttributeError") from None
    return found


def _same_file(module: Any, file: str) -> bool:
    own = getattr(module, "__file__", None)
    return isinstance(own, str) and os.path.realpath(own) == os.path.realpath(file)


def _import_module(name: str, file: str) -> Any:
    spec = None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        pass
    if (
        spec is not None
        and spec.origin
        and os.path.realpath(spec.origin) == os.path.realpath(file)
        and name not in sys.modules
    ):
        return importlib.import_module(name)
    if not os.path.exists(file):
        raise StepError(f"the pipeline file {file} does not exist (any more)", name="FileNotFoundError")
    by_file = importlib.util.spec_from_file_location(name, file)
    if by_file is None or by_file.loader is None:
        raise StepError(f"{file} is no Python file", name="ImportError")
    module = importlib.util.module_from_spec(by_file)
    sys.modules[name] = module
    by_file.loader.exec_module(module)
    return module


def _publish_main(function: Any) -> None:
    """Classes of a notebook that the function uses, where readers that go by name look: `__main__`."""
    main = sys.modules["__main__"]
    for name, value in getattr(function, "__globals__", {}).items():
        if isinstance(value, type) and value.__module__ == "__main__" and not hasattr(main, name):
            setattr(main, name, value)


def _unpickled(entry: Dict[str, Any]) -> Any:
    """A function by value; the modules that it imports by name are found from the project's root."""
    import pickle

    path, root = entry["pickle"], entry.get("root") or os.getcwd()
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        with open(path, "rb") as stream:
            function = pickle.load(stream)
        _publish_main(function)
        return function
    except ModuleNotFoundError as error:
        if error.name == "cloudpickle":
            raise StepError(
                f"functions of a notebook need cloudpickle: {sys.executable} -m pip install cloudpickle", INFRASTRUCTURE
            ) from None
        raise
