"""`context()`: what a step says about itself while it runs. Runs on Python 3.8, because workers import it.

Outside a run everything is collected in memory and nothing fails, so a step can be called from a test or a notebook.
"""

import os
import tempfile
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

Send = Callable[[Dict[str, Any]], None]


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
    ) -> None:
        self.run = run
        self.pipeline = pipeline
        self.step = step
        self.attempt = attempt
        self.metrics: Dict[str, float] = {}
        self.history: List[Tuple[str, float, Optional[int]]] = []
        self._scratch = scratch
        self._send = send

    @property
    def in_run(self) -> bool:
        return self._send is not None

    @property
    def scratch(self) -> str:
        """A folder of this attempt's own, removed after the run."""
        if self._scratch is None:
            self._scratch = tempfile.mkdtemp(prefix="stoker-")
        os.makedirs(self._scratch, exist_ok=True)
        return self._scratch

    def log_metric(self, name: str, value: float, step: Optional[int] = None) -> None:
        """Record a number. With `step` (an epoch, say) the values make a curve; the last one stands for the metric."""
        number = float(value)
        self.metrics[name] = number
        self.history.append((name, number, step))
        if self._send is not None:
            message: Dict[str, Any] = {"type": "metric", "name": name, "value": number}
            if step is not None:
                message["step"] = int(step)
            self._send(message)

    def log_metrics(self, metrics: Optional[Mapping[str, float]] = None, **more: float) -> None:
        """Record several numbers: `context().log_metrics(auc=0.99, accuracy=0.97)`."""
        for name, value in {**(metrics or {}), **more}.items():
            self.log_metric(name, value)

    def progress(self, done: float, total: Optional[float] = None, label: str = "") -> None:
        """Say how far the step is; shown live."""
        if self._send is not None:
            message: Dict[str, Any] = {"type": "progress", "done": done}
            if total is not None:
                message["total"] = total
            if label:
                message["label"] = label
            self._send(message)


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
