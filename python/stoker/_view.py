"""How a run looks from Python: lines in a terminal, a tree drawn in place in Jupyter."""

import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Protocol

if TYPE_CHECKING:
    from stoker._run import Run, StepRun

_MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "–", "cancelled": "■", "running": "●", "retrying": "↻"}
_COLOURS = {"succeeded": "#1a7f37", "failed": "#cf222e", "running": "#0969da", "retrying": "#9a6700"}
_REDRAW_SECONDS = 0.2


class View(Protocol):
    def update(self, run: "Run", event: Mapping[str, Any]) -> None: ...
    def finish(self, run: "Run") -> None: ...


def view() -> View:
    shell = _notebook()
    return NotebookView(shell) if shell is not None else LinesView()


def _notebook() -> Any:
    """IPython's shell when it belongs to a kernel with a front end that draws."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if shell is not None and hasattr(shell, "kernel") else None


class LinesView:
    """One line per step that ended, on standard error."""

    def update(self, run: "Run", event: Mapping[str, Any]) -> None:
        kind = str(event.get("type", ""))
        if kind == "run.started":
            print(f"run {run.id} of {run.pipeline}", file=sys.stderr)
        elif kind in ("step.succeeded", "step.failed", "step.skipped", "step.cancelled", "step.retrying"):
            print(f"  {line(run.steps[event['step']])}", file=sys.stderr, flush=True)

    def finish(self, run: "Run") -> None:
        if run.id:
            print(f"run {run.id} {run.state}{_time(run.duration_ms)}", file=sys.stderr)


class NotebookView:
    """The tree, redrawn in the cell's output."""

    def __init__(self, shell: Any) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._display = display
        self._handle: Any = None
        self._drawn = 0.0

    def update(self, run: "Run", event: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_SECONDS:
            self._draw(run)
            self._drawn = now

    def finish(self, run: "Run") -> None:
        if run.id:
            self._draw(run)

    def _draw(self, run: "Run") -> None:
        drawing = self._html(html(run))
        if self._handle is None:
            self._handle = self._display(drawing, display_id=True)
        else:
            self._handle.update(drawing)


def _time(milliseconds: Any) -> str:
    if milliseconds is None:
        return ""
    seconds = float(milliseconds) / 1000
    return f" in {seconds:.1f} s" if seconds < 90 else f" in {seconds / 60:.1f} min"


def line(step: "StepRun") -> str:
    note = "cached" if step.cached else _time(step.duration_ms).replace(" in ", "")
    metrics = " ".join(f"{name}={value:.4g}" for name, value in step.metrics.items() if isinstance(value, (int, float)))
    why = step.reason or (str((step.error or {}).get("message", "")) if step.state != "succeeded" else "")
    parts = [_MARKS.get(step.state, "·"), step.name, step.state, note, metrics, why.splitlines()[0] if why else ""]
    return "  ".join(part for part in parts if part)


def summary(run: "Run") -> str:
    head = f"run {run.id} of {run.pipeline}: {run.state}{_time(run.duration_ms)}"
    return "\n".join([head, *(f"  {line(step)}" for step in run.steps.values())])


def html(run: "Run") -> str:
    rows: List[str] = []
    for step in run.steps.values():
        colour = _COLOURS.get(step.state, "inherit")
        indent = 1 + step.name.count("/")
        done = _progress(step.progress) if step.state == "running" else ""
        rows.append(f'<div style="padding-left:{indent}em;color:{colour}">{escape(line(step))}{done}</div>')
    head = f"{escape(run.pipeline)} <b>{escape(run.state)}</b>{_time(run.duration_ms)} <small>{escape(run.id)}</small>"
    return f'<div style="font-family:monospace;white-space:pre-wrap">{head}{"".join(rows)}</div>'


def _progress(progress: Dict[str, Any]) -> str:
    done, total = progress.get("done"), progress.get("total")
    if not isinstance(done, (int, float)) or not isinstance(total, (int, float)) or total <= 0:
        return ""
    return f' <progress max="{total}" value="{done}"></progress> {done:g}/{total:g}'


def failure(run: "Run") -> str:
    """Step, the user's own traceback, log and the command that resumes, in a few lines."""
    failed = [step for step in run.steps.values() if step.state == "failed"]
    lines = [f"run {run.id} {run.state}"]
    for step in failed[:1]:
        error = step.error or {}
        lines.append(f"step {step.name}: {error.get('type', '')}: {error.get('message', '')}".replace(": : ", ": "))
        lines += str(error.get("traceback") or "").rstrip().splitlines()[-12:]
        if step.log:
            lines.append(f"log: {step.log}")
    if len(failed) > 1:
        lines.append(f"and {len(failed) - 1} more failed: {', '.join(step.name for step in failed[1:6])}")
    lines.append(f"to go on from here: stoker runs resume {run.id}")
    return "\n".join(lines)
