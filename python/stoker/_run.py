"""`pipeline.run(…)`: runs the `stoker` program, follows its events, and gives back the run with its outputs."""

import enum
import json
import os
import signal
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional

from stoker import _state
from stoker._errors import RunFailed, StokerError
from stoker._program import find_program
from stoker._text import nearest
from stoker._values import Directory, File, Secret, Table, is_uri

if TYPE_CHECKING:
    import subprocess

TERMINAL = ("succeeded", "failed", "skipped", "cancelled")
_EXIT_CANCELLED = 130


class StepRun:
    """One step of a run: state, outputs, metrics, error."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = "waiting"
        self.cached = False
        self.attempt = 0
        self.duration_ms: Optional[int] = None
        self.metrics: Dict[str, float] = {}
        self.error: Optional[Dict[str, Any]] = None
        self.reason = ""
        self.log = ""
        self.progress: Dict[str, Any] = {}
        self._records: Dict[str, Any] = {}
        self._loaded: Dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<step {self.name}: {self.state}{', cached' if self.cached else ''}>"

    @property
    def outputs(self) -> Dict[str, Any]:
        """All outputs by name, loaded."""
        return {name: self[name] for name in self._records}

    @property
    def output(self) -> Any:
        """The output of a step with a single one."""
        if len(self._records) == 1:
            return self[next(iter(self._records))]
        names = ", ".join(self._records) or "none"
        raise StokerError(f"step '{self.name}' ({self.state}) has no single output; it has {names}")

    def __getitem__(self, name: str) -> Any:
        if name not in self._records:
            raise KeyError(f"step '{self.name}' has no output '{name}'{nearest(name, self._records)}")
        if name not in self._loaded:
            self._loaded[name] = load_record(self._records[name])
        return self._loaded[name]


class _Steps(Dict[str, StepRun]):
    def __missing__(self, name: str) -> StepRun:
        raise KeyError(f"the run has no step '{name}'{nearest(name, self)}")


class Run:
    """A run that was started from Python."""

    def __init__(self) -> None:
        self.id = ""
        self.pipeline = ""
        self.state = "running"
        self.duration_ms: Optional[int] = None
        self.parameters: Dict[str, Any] = {}
        self.steps: Dict[str, StepRun] = _Steps()
        self._outputs: Dict[str, Any] = {}

    @property
    def outputs(self) -> Dict[str, Any]:
        """The pipeline's outputs by name, loaded."""
        return {name: load_record(value) for name, value in self._outputs.items()}

    @property
    def output(self) -> Any:
        """The output of a pipeline with a single one."""
        if len(self._outputs) != 1:
            raise StokerError(f"the run has no single output; it has {', '.join(self._outputs) or 'none'}")
        return load_record(next(iter(self._outputs.values())))

    @property
    def metrics(self) -> Dict[str, float]:
        """The metrics of all steps, later steps winning."""
        return {name: value for step in self.steps.values() for name, value in step.metrics.items()}

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.pipeline}: {self.state}>"

    def __str__(self) -> str:
        from stoker._view import summary

        return summary(self)

    def _repr_html_(self) -> str:
        from stoker._view import html

        return html(self)

    def step(self, name: str) -> StepRun:
        if name not in self.steps:
            self.steps[name] = StepRun(name)
        return self.steps[name]

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the program."""
        kind = str(event.get("type", ""))
        if kind == "run.started":
            self.id = event.get("run", self.id)
            self.pipeline = event.get("pipeline", self.pipeline)
            self.parameters = event.get("parameters") or {}
        elif kind == "run.finished":
            self.id = event.get("run", self.id)
            self.state = event.get("state", self.state)
            self.duration_ms = event.get("duration_ms")
            self._outputs = event.get("outputs") or {}
        elif kind.startswith("step.") and event.get("step"):
            self._apply_step(self.step(event["step"]), kind[len("step.") :], event)
        elif kind == "progress" and event.get("step"):
            self.step(event["step"]).progress = dict(event)

    def _apply_step(self, step: StepRun, what: str, event: Mapping[str, Any]) -> None:
        states = {"started": "running", "expanded": "running"}
        if what in states or what in ("ready", "retrying", *TERMINAL):
            step.state = states.get(what, what)
        step.attempt = event.get("attempt", step.attempt)
        step.duration_ms = event.get("duration_ms", step.duration_ms)
        step.log = event.get("log", step.log)
        if what == "succeeded":
            step.cached = bool(event.get("cached"))
            step.metrics = dict(event.get("metrics") or {})
            step._records = dict(event.get("outputs") or {})
        elif what in ("failed", "retrying"):
            step.error = dict(event.get("error") or {})
        elif what == "skipped":
            step.reason = event.get("reason", "")


# Outputs back to values.


def load_record(record: Any) -> Any:
    """An output as events have it: `{artifact, value}`, or a list of them."""
    if isinstance(record, list):
        return [load_record(item) for item in record]
    if not isinstance(record, dict) or not ("artifact" in record or "value" in record):
        return load_binding(record)
    value = record.get("value")
    if record.get("typed"):
        return _load_artifact(record["artifact"])
    if "value" in record and (value is None or isinstance(value, (bool, int, float, str))):
        return value
    if record.get("artifact"):
        return _load_artifact(record["artifact"])
    return load_binding(value)


def load_binding(value: Any) -> Any:
    """A value as the document's encoding has it."""
    if isinstance(value, list):
        return [load_binding(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == "$artifact":
            return _load_artifact(inner)
        if key == "$file":
            return (Directory if os.path.isdir(inner["path"]) else File)(inner["path"])
        if key == "$table":
            return Table(inner["name"], version=inner.get("version"))
        if key == "$secret":
            return Secret(inner)
        if key == "$value":
            return {name: load_binding(item) for name, item in inner.items()}
    return {name: load_binding(item) for name, item in value.items()}


def _load_artifact(artifact: Mapping[str, Any]) -> Any:
    from stoker import _artifacts

    uri = str(artifact["uri"])
    # This process ran the pipeline: its pickles are no stranger's.
    return _artifacts.load(uri[len("file://") :] if uri.startswith("file://") else uri, trust=True)


# Running.


def run_pipeline(maker: Any, parameters: Mapping[str, Any]) -> Run:
    """Run `maker` with the program, show how it goes, return the run. Raises RunFailed when it does not succeed."""
    if _state.importing_for_program:
        raise StokerError(
            f"{maker.name}.run() is called while the file is imported to be run\n  put it under `if __name__ == '__main__':`"
        )
    program = find_program()
    with tempfile.TemporaryDirectory(prefix="stoker-run-") as folder:
        target = _target(maker, folder)
        command = [program, "run", target.file, "--json", "--python", sys.executable]
        if target.pipeline is not None:
            command += ["--pipeline", target.pipeline]
        if parameters:
            path = os.path.join(folder, "parameters.json")
            with open(path, "w", encoding="utf-8") as stream:
                json.dump({name: _parameter(value) for name, value in parameters.items()}, stream)
            command += ["--set-file", path]
        try:
            return _follow(command, folder)
        finally:
            target.remove()


class _Target:
    def __init__(self, file: str, pipeline: Optional[str], temporary: bool = False) -> None:
        self.file = file
        self.pipeline = pipeline
        self._temporary = temporary

    def remove(self) -> None:
        if self._temporary and os.path.exists(self.file):
            os.unlink(self.file)


def _target(maker: Any, folder: str) -> _Target:
    """The file that the program compiles itself, or a document made here for what is in no file."""
    module = sys.modules.get(maker.function.__module__)
    file = getattr(module, "__file__", None)
    if isinstance(file, str) and file.endswith(".py") and os.path.isfile(file) and _is_global(module, maker):
        code_file = maker.function.__code__.co_filename
        if os.path.realpath(code_file) == os.path.realpath(file):
            return _Target(os.path.abspath(file), maker.name)
    return _document_target(maker, folder)


def _is_global(module: Any, maker: Any) -> bool:
    return any(value is maker for value in vars(module).values())


def _document_target(maker: Any, folder: str) -> _Target:
    """The document goes into the current folder: project root, store and relative paths are found from there."""
    from stoker._compile import Target, compile_pipeline
    from stoker._project import project_root

    base = os.getcwd()
    name = os.path.join(base, f".{maker.name}-{os.getpid()}.stoker.json")
    document = compile_pipeline(maker, Target(project_root(name), base))
    try:
        stream: IO[str] = open(name, "x", encoding="utf-8")  # noqa: SIM115 - closed by the `with` below
    except OSError:
        name = os.path.join(folder, "document.json")
        stream = open(name, "w", encoding="utf-8")  # noqa: SIM115
    with stream:
        json.dump(document, stream)
    return _Target(name, None, temporary=True)


def _parameter(value: Any) -> Any:
    """A parameter as the program reads it from a file."""
    if isinstance(value, (File, Directory)):
        return value.path if is_uri(value.path) else os.path.abspath(value.path)
    if isinstance(value, os.PathLike):
        return os.path.abspath(os.fspath(value))
    if isinstance(value, Table):
        return {"name": value.name, "version": value.version}
    if isinstance(value, Secret):
        return value.name
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_parameter(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_parameter(item) for item in value)
    if isinstance(value, dict):
        return {key: _parameter(item) for key, item in value.items()}
    return value


class _Interrupts:
    """Ctrl-C while a program runs: the first one asks it to stop, the second ends it, the third does as anywhere.

    Before the third nothing is raised while events are read, so that none is lost, the last ones of a stopped run least of all.
    Python runs handlers in the main thread alone; elsewhere, and where interrupts are ignored, this does nothing.
    """

    def __init__(self) -> None:
        self.count = 0
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._before: Any = None

    def __enter__(self) -> "_Interrupts":
        import threading

        before = signal.getsignal(signal.SIGINT)
        if callable(before) and threading.current_thread() is threading.main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def reach(self, process: "subprocess.Popen[bytes]") -> None:
        """From now on interrupts reach this process; so does one that came before it was there."""
        self._process = process
        if self.count:
            self._pass_on()

    def hand_over(self) -> None:
        """Do, after the run, what an interrupt does here: Python's own handler raises KeyboardInterrupt."""
        if self.count and self._before is not None:
            self._before(signal.SIGINT, None)

    def _note(self, *_: Any) -> None:
        self.count += 1
        self._pass_on()
        if self.count > 2:
            self.hand_over()

    def _pass_on(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if self.count == 1 else signal.SIGKILL)


def _follow(command: List[str], folder: str) -> Run:
    import subprocess

    from stoker._view import view

    run = Run()
    shown = view()
    errors = os.path.join(folder, "errors.txt")
    with open(errors, "w+", encoding="utf-8", errors="replace") as error_stream, _Interrupts() as interrupts:
        # A session of its own: an interrupt reaches this process only, which passes it on.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=error_stream, start_new_session=True
        )
        interrupts.reach(process)
        assert process.stdout is not None
        with process.stdout as lines:
            for event in _events(lines):
                run.apply(event)
                shown.update(run, event)
        code = process.wait()
        error_stream.seek(0)
        said = error_stream.read()
    shown.finish(run)
    interrupts.hand_over()
    if code == 0:
        return run
    raise RunFailed(_failure(run, code, said), run)


def _events(stream: IO[bytes]) -> Iterator[Dict[str, Any]]:
    while True:
        line = stream.readline()
        if not line:
            return
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _failure(run: Run, code: int, said: str) -> str:
    from stoker._view import failure

    if run.id and code in (1, _EXIT_CANCELLED):
        return failure(run)
    return said.strip() or f"the stoker program ended with exit code {code}"
