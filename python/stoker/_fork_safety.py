"""Whether a process that has imported the user's module may be forked for each step."""

import os
import sys
from typing import Dict, Tuple

# Libraries that their makers say must not be used on both sides of a fork once imported or initialised.
_UNSAFE: Dict[str, str] = {
    "tensorflow": "TensorFlow's runtime does not survive a fork",
    "jax": "JAX's runtime does not survive a fork",
    "polars": "Polars may hang after a fork",
    "cupy": "CUDA does not survive a fork",
    "jpype": "a JVM inside the process does not survive a fork",
    "ray": "Ray does not survive a fork",
    "grpc": "gRPC may hang after a fork",
    "duckdb": "DuckDB's connections do not survive a fork",
}
# Their thread pools (OpenBLAS, MKL, OpenMP) register fork handlers: threads of theirs are no obstacle.
_POOLED = ("numpy", "scipy", "mkl", "pyarrow", "torch")


def fork_safety() -> Tuple[bool, str]:
    """(safe, reason why not)."""
    reason = _python_threads() or _gateway() or _libraries() or _native_threads()
    return not reason, reason


def _python_threads() -> str:
    threading = sys.modules.get("threading")
    if threading is None:
        return ""
    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    return f"a thread is running after the imports ({', '.join(names[:3])})" if names else ""


def _gateway() -> str:
    context = getattr(sys.modules.get("pyspark.context"), "SparkContext", None) or getattr(
        sys.modules.get("pyspark"), "SparkContext", None
    )
    if context is None:
        return ""
    if getattr(context, "_gateway", None) is not None or getattr(context, "_active_spark_context", None) is not None:
        return "the file starts Spark while it is imported"
    return ""


def _libraries() -> str:
    for name, why in _UNSAFE.items():
        if name in sys.modules:
            return why
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and getattr(cuda, "is_initialized", bool)():
        return "CUDA does not survive a fork"
    return ""


def _native_threads() -> str:
    if any(name in sys.modules for name in _POOLED):
        return ""
    try:
        count = len(os.listdir("/proc/self/task"))
    except OSError:
        return ""
    return f"{count - 1} native threads are running after the imports" if count > 1 else ""
