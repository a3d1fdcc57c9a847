"""`context()`: what a step says about itself while it runs. Runs on Python 3.8, because workers import it.

Outside a run everything is collected in memory and nothing fails, so a step can be called from a test or a notebook.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

Send = Callable[[Dict[str, Any]], None]
# Saves an artifact beside the outputs: (name, value).
Keep = Callable[[str, Any], None]

# api/step-protocol.md, sections 3 and 6.
METRIC_NAME_LIMIT = 256
METRIC_LIMIT = 1000
LABEL_LIMIT = 200
# Values of curves that are kept in memory; the engine has seen the others.
_HISTORY_LIMIT = 100_000


class Context:
    """The running step: its names, its metrics, its progress."""

    def __init__(
        self,
        *,
        run: str = "",
        pipeline: str = "",
        step: str = "",
        attempt: int = 1,
        scratch: Optional[str] = None,
        send: Optional[Send] = None,
        keep: Optional[Keep] = None,
    ) -> None:
        self.run = run
        self.pipeline = pipeline
        self.step = step
        self.attempt = attempt
        self.metrics: Dict[str, float] = {}
        self.history: List[Tuple[str, float, Optional[int]]] = []
        # Outside a run: what log_artifact was given.
        self.artifacts: Dict[str, Any] = {}
        self._scratch = scratch
        self._send = send
        self._keep = keep

    @property
    def in_run(self) -> bool:
        return self._send is not None

    @property
    def scratch(self) -> str:
        """A folder of this attempt's own, removed after the run."""
        if self._scratch is None:
            import tempfile  # here: it brings a dozen modules along

            self._scratch = tempfile.mkdtemp(prefix="stoker-")
        os.makedirs(self._scratch, exist_ok=True)
        return self._scratch

    def log_metric(self, name: str, value: float, step: Optional[int] = None) -> None:
        """Record a number. With `step` (an epoch, say) the values make a curve; the last one stands for the metric."""
        if not isinstance(name, str) or not 0 < len(name) <= METRIC_NAME_LIMIT:
            raise ValueError(f"a metric's name is a text of 1 to {METRIC_NAME_LIMIT} characters, not {name!r}")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"the metric {name!r} is a {type(value).__name__}, not a number") from None
        if name not in self.metrics and len(self.metrics) >= METRIC_LIMIT:
            raise ValueError(
                f"a step records at most {METRIC_LIMIT} different metrics; "
                f"use log_metric(name, value, step=…) for a curve"
            )
        self.metrics[name] = number
        if len(self.history) < _HISTORY_LIMIT:
            self.history.append((name, number, step))
        if self._send is not None:
            message: Dict[str, Any] = {"type": "metric", "name": name, "value": number}
            if step is not None:
                message["step"] = int(step)
            self._send(message)

    def log_metrics(
        self, metrics: Optional[Mapping[str, float]] = None, step: Optional[int] = None, **more: float
    ) -> None:
        """Record several numbers: `context().log_metrics(auc=0.99, accuracy=0.97)`."""
        for name, value in {**(metrics or {}), **more}.items():
            self.log_metric(name, value, step)

    def progress(self, done: float, total: Optional[float] = None, label: str = "") -> None:
        """Say how far the step is; shown live."""
        if self._send is not None:
            message: Dict[str, Any] = {"type": "progress", "done": done}
            if total is not None:
                message["total"] = total
            if label:
                message["label"] = str(label)[:LABEL_LIMIT]
            self._send(message)

    def log_artifact(self, name: str, value: Any) -> None:
        """Keep a value (a figure, a table, a report) beside the step's outputs, for people; no other step gets it."""
        self.artifacts[name] = value
        if self._keep is not None:
            self._keep(name, value)


_current: Optional[Context] = None


def context() -> Context:
    """The context of the running step; outside a run one that collects in memory."""
    global _current
    if _current is None:
        _current = Context()
    return _current


def install(current: Optional[Context]) -> None:
    """Make `current` what `context()` returns: the worker's side."""
    global _current
    _current = current
