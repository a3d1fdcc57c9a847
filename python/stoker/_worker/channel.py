"""The worker's end of the protocol socket: frames, the rate limit, heartbeats (api/step-protocol.md, section 3)."""

from __future__ import annotations

import json
import math
import os
import stat
import struct
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

FRAME_LIMIT = 64 * 1024
RATE = 20.0
BURST = 20.0
_FLUSH_SECONDS = 0.25


class Channel:
    """Sends messages; never raises and, once the socket is lost, does nothing. A message that comes too fast is merged
    and sent later."""

    def __init__(self, descriptor: Optional[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = BURST
        self._refilled = clock()
        self._pending: Dict[Tuple[str, str], Dict[str, Any]] = {}
        self._flusher: Optional[threading.Thread] = None
        self._closed = threading.Event()
        self._identity: Optional[Tuple[int, int]] = None
        if descriptor is not None:
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISSOCK(found.st_mode):
                    raise OSError("not a socket")
                os.set_inheritable(descriptor, False)
                self._identity = (found.st_dev, found.st_ino)
            except OSError:
                self._descriptor = None

    @classmethod
    def from_environment(cls) -> Channel:
        """Takes STOKER_PROTOCOL away, so that processes of the user's code do not think it theirs."""
        text = os.environ.pop("STOKER_PROTOCOL", "")
        return cls(int(text) if text.isdigit() else None)

    def send(self, message: Dict[str, Any]) -> None:
        """For hello and started: at once, whatever the rate."""
        with self._lock:
            self._write(message)

    def post(self, message: Dict[str, Any]) -> None:
        """For progress and metrics: at most 20 a second; above it the newest wins."""
        if self._descriptor is None or os.getpid() != self._owner:
            return
        value = message.get("value")
        if isinstance(value, float) and not math.isfinite(value):
            message = {**message, "value": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
        with self._lock:
            if not self._pending and self._take():
                self._write(message)
                return
            self._pending[(message["type"], str(message.get("name", "")))] = message
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_later, name="stoker-messages", daemon=True)
                self._flusher.start()

    def beat(self, seconds: float) -> None:
        """A heartbeat every so often, until the end."""

        def run() -> None:
            while not self._closed.wait(seconds):
                self.post({"type": "heartbeat"})

        threading.Thread(target=run, name="stoker-heartbeat", daemon=True).start()

    def close(self) -> None:
        """Send what waits, then be silent. The socket stays open: its end tells the engine that the process is gone."""
        self._closed.set()
        with self._lock:
            self._flush(everything=True)
            self._descriptor = None

    def _take(self) -> bool:
        now = self._clock()
        self._tokens = min(BURST, self._tokens + (now - self._refilled) * RATE)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _flush(self, everything: bool = False) -> None:
        waiting: List[Tuple[str, str]] = list(self._pending)
        for key in waiting:
            if not everything and not self._take():
                return
            self._write(self._pending.pop(key))

    def _flush_later(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            with self._lock:
                self._flush()
                if not self._pending:
                    self._flusher = None
                    return

    def _write(self, message: Dict[str, Any]) -> None:
        descriptor = self._descriptor
        if descriptor is None or os.getpid() != self._owner:
            return
        try:
            body = json.dumps(message, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")
            if len(body) > FRAME_LIMIT:
                return
            found = os.fstat(descriptor)
            if (
                found.st_dev,
                found.st_ino,
            ) != self._identity:  # the user's code closed it, and the number is somebody else's now
                raise OSError("the descriptor is not the socket any more")
            view = memoryview(struct.pack(">I", len(body)) + body)
            while view:
                view = view[os.write(descriptor, view) :]
        except (OSError, ValueError, TypeError):
            self._descriptor = None
