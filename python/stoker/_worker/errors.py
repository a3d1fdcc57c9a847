"""What went wrong, for a person: the class, the real cause, and only the user's own frames (api/step-protocol.md,
section 6)."""

from __future__ import annotations

import errno
import os
import re
import traceback
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from stoker._worker.observe import is_library

MESSAGE_LIMIT = 8192
TRACEBACK_LIMIT = 32768
_CHAIN_LIMIT = 4

USER_CODE, OUT_OF_MEMORY, INFRASTRUCTURE, CANCELLED = "userCode", "outOfMemory", "infrastructure", "cancelled"


class StepError(Exception):
    """An error that the worker itself finds: the message is complete, our frames say nothing."""

    def __init__(self, message: str, failure: str = USER_CODE, name: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.failure = failure
        self.name = name or "StepError"
        self.hint = hint


class Cancelled(BaseException):
    """SIGTERM arrived: unwinds the user's code as KeyboardInterrupt would."""


class Cause(NamedTuple):
    """The real cause of an error that came out of Spark."""

    type: str
    message: str
    failure: str = USER_CODE
    frames: str = ""  # of a UDF, which ran in another process


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from or while handling, newest first."""
    seen = set()
    current: Optional[BaseException] = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as inner:
        return f"<the message cannot be shown: {type(inner).__name__}>"


def describe(error: BaseException, secrets: Tuple[str, ...] = ()) -> Dict[str, Any]:
    """The `error` of a result document."""
    cause = spark_cause(error)
    message = cause.message if cause else text_of(error)
    described: Dict[str, Any] = {
        "class": failure_class(error, cause),
        "type": cause.type
        if cause
        else getattr(error, "name", None)
        if isinstance(error, StepError)
        else type(error).__qualname__,
        "message": _cut(redact(message, secrets), MESSAGE_LIMIT),
        "traceback": _cut_head(redact(_traceback(error, cause), secrets), TRACEBACK_LIMIT),
    }
    place = _place(error)
    if place is not None:
        described["file"], described["line"] = place
    hint = _hint(error, described)
    if hint:
        described["hint"] = hint
    return described


def redact(text: str, secrets: Tuple[str, ...]) -> str:
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 2] + " …"


def _cut_head(text: str, limit: int) -> str:
    """The end of a traceback is what matters."""
    if len(text) <= limit:
        return text
    return "…\n" + text[-(limit - 2) :]


# --- class ----------------------------------------------------------------------------------------------------------
# ----------------

_NETWORK = ("Py4JNetworkError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError", "EOFError")
_LOST_MESSAGES = (
    "Answer from Java side is empty",
    "Error while sending or receiving",
    "An error occurred while trying to connect to the Java server",
)
_JVM_MEMORY = re.compile(r"java\.lang\.OutOfMemoryError|SparkOutOfMemoryError|GC overhead limit exceeded")
_NODE_LOST = re.compile(r"ExecutorLostFailure|Executor heartbeat timed out|worker lost|Remote RPC client disassociated")
_CONTAINER_MEMORY = re.compile(r"exceeding (?:physical )?memory limits|OOMKilled|exit code:? 137")


def failure_class(error: BaseException, cause: Optional[Cause] = None) -> str:
    if isinstance(error, (Cancelled, KeyboardInterrupt)):
        return CANCELLED
    for link in chain(error):
        if isinstance(link, StepError):
            return link.failure
        if isinstance(link, MemoryError):
            return OUT_OF_MEMORY
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT):
            return INFRASTRUCTURE
        if isinstance(link, OSError) and link.errno == errno.ENOMEM:
            return OUT_OF_MEMORY
        if type(link).__name__ == "SparkUnavailable" or _jvm_lost(link):
            return INFRASTRUCTURE
    return cause.failure if cause else USER_CODE


def _from_py4j(error: BaseException) -> bool:
    if type(error).__module__.startswith("py4j."):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return any(f"{os.sep}py4j{os.sep}" in frame.filename for frame in frames)


def _jvm_lost(error: BaseException) -> bool:
    if not _from_py4j(error):
        return False
    name = type(error).__name__
    if name in _NETWORK or any(text in text_of(error) for text in _LOST_MESSAGES):
        return True
    # py4j turns a lost connection into an error without a cause.
    return name == "Py4JError" and "Trace:" not in text_of(error) and not _jvm_alive()


def _jvm_alive() -> bool:
    from stoker import _spark

    session = _spark.active_session()
    if session is None:
        return True
    try:
        session._jvm.java.lang.System.nanoTime()
        return True
    except Exception:
        return False


# --- Spark ----------------------------------------------------------------------------------------------------------
# ----------------

_LOST_TASK = re.compile(
    r"Lost task [^(]*\(TID \d+\)(?: \([^)]*\))?: (.*?)(?=\n\s*at |\n\n?Driver stacktrace|\Z)", re.DOTALL
)
_JAVA_NAME = re.compile(r"^((?:[a-z_][\w$]*\.)+[A-Z][\w$]*)(?:: ?|$)")
_UDF = "Traceback (most recent call last):"
_PLAN = re.compile(r";\n(?:'|\+- |[A-Z])")


def spark_cause(error: BaseException) -> Optional[Cause]:
    """The cause in a line or a few, for errors of Spark and py4j; None for all others."""
    module = type(error).__module__
    if _jvm_lost(error) and (module.startswith(("py4j.", "builtins"))):
        return Cause("JvmLost", "the Spark JVM is gone: it crashed, was killed or ran out of memory", INFRASTRUCTURE)
    if module.startswith("py4j.") and hasattr(error, "java_exception"):
        return _java_cause(error.java_exception, text_of(error))
    if module.startswith(("pyspark.errors", "pyspark.sql.utils")):
        text = text_of(error)
        if _UDF in text:
            return _udf_cause(text)
        return _of_text(type(error).__name__, text)
    return None


def _java_cause(java: Any, fallback: str) -> Cause:
    """Down the chain of causes to the first one."""
    try:
        texts = []
        link = java
        for _ in range(20):
            texts.append((link.getClass().getSimpleName(), link.getMessage() or "", link.toString()))
            following = link.getCause()
            if following is None:
                break
            link = following
    except Exception:  # the JVM went away meanwhile
        texts = [("JavaError", fallback, fallback)]
    for _, message, _ in texts:
        if _UDF in message:
            return _udf_cause(message)
    name, message, whole = texts[-1]
    everything = "\n".join(text for _, _, text in texts)
    lost = _LOST_TASK.search(message)
    if lost:
        inner = lost.group(1).strip()
        java_name = _JAVA_NAME.match(inner)
        if java_name:
            name, message = java_name.group(1).rpartition(".")[2], inner[java_name.end() :]
        else:
            message = inner
    return _of_text(name, message or whole, everything)


def _of_text(name: str, message: str, everything: str = "") -> Cause:
    everything = everything or message
    failure = USER_CODE
    if _JVM_MEMORY.search(everything) or name == "OutOfMemoryError":
        failure = OUT_OF_MEMORY
    elif _NODE_LOST.search(everything):
        failure = OUT_OF_MEMORY if _CONTAINER_MEMORY.search(everything) else "nodeLost"
    elif "No space left on device" in everything:
        failure = INFRASTRUCTURE
    return Cause(name, _first_words(message), failure)


def _first_words(message: str) -> str:
    """A message without the plan and the JVM's stack that Spark appends."""
    message = message.strip()
    for marker in ("\n\nJVM stacktrace:", "\nJVM stacktrace:", "\n\nDriver stacktrace:", "\n\tat "):
        message = message.partition(marker)[0]
    plan = _PLAN.search(message)
    if plan:
        message = message[: plan.start()]
    lines = message.rstrip().splitlines()
    return "\n".join(lines[:12])


def _udf_cause(message: str) -> Cause:
    """The Python traceback of a worker process inside a Spark error: the exception, and its frames in the user's
    code."""
    block = message[message.rindex(_UDF) :].splitlines()[1:]
    frames: List[str] = []
    last = 0
    for index, line in enumerate(block):
        if line.startswith("  "):
            last = index
        elif line.strip():
            last = index
            break
    for index, line in enumerate(block[: last + 1]):
        place = re.match(r'  File "([^"]+)", line (\d+)', line)
        if place and not is_library(place.group(1)):
            frames.append(line)
            frames += [code for code in block[index + 1 : index + 2] if code.startswith("    ")]
    ending = []
    for line in block[last:]:
        if not line.strip() or line.startswith("\tat "):
            break
        ending.append(line)
    name, _, text = "\n".join(ending).partition(": ")
    failure = OUT_OF_MEMORY if name == "MemoryError" else USER_CODE
    return Cause(name.rpartition(".")[2] or "PythonException", text or name, failure, "\n".join(frames))


# --- frames ---------------------------------------------------------------------------------------------------------
# ----------------


def _traceback(error: BaseException, cause: Optional[Cause]) -> str:
    if isinstance(error, StepError) and error.__cause__ is None:
        return ""
    blocks: List[str] = []
    for link in list(chain(error))[:_CHAIN_LIMIT]:
        if isinstance(link, StepError):
            continue
        frames = _user_frames(link)
        linked = cause if link is error else spark_cause(link)
        ending = f"{linked.type}: {linked.message}" if linked else "".join(_only(link)).rstrip("\n")
        inside = f"\nin a Python worker of Spark:\n{linked.frames}" if linked and linked.frames else ""
        head = "Traceback (most recent call last):\n" if frames else ""
        blocks.append(f"{head}{frames}{inside.lstrip() + chr(10) if inside else ''}{ending}\n")
    return "\nwhich came from:\n\n".join(blocks)


def _only(error: BaseException) -> List[str]:
    try:
        return traceback.format_exception_only(type(error), error)
    except Exception:
        return [f"{type(error).__qualname__}: {text_of(error)}\n"]


def _user_frames(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not is_library(frame.filename)]
    text = "".join(traceback.StackSummary.from_list(own).format())
    if own and frames[-1] is not own[-1]:
        inner = frames[-1]
        parts = inner.filename.split(os.sep)
        package = next(
            (index for index, part in enumerate(parts) if part in ("site-packages", "dist-packages")), len(parts) - 3
        )
        if not any(part in ("pyspark", "py4j", "stoker") for part in parts) and not inner.filename.startswith(
            "<frozen"
        ):
            text += f"  (raised in {'/'.join(parts[package + 1 :])}, line {inner.lineno}, in {inner.name})\n"
    return text


def _place(error: BaseException) -> Optional[Tuple[str, int]]:
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    for link in chain(error):
        own = [frame for frame in traceback.extract_tb(link.__traceback__) if not is_library(frame.filename)]
        if own:
            return own[-1].filename, own[-1].lineno or 0
    return None


def _hint(error: BaseException, described: Dict[str, Any]) -> str:
    if isinstance(error, StepError):
        return error.hint
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"the step's interpreter has no module {error.name!r}: install it there, or choose another with --python"
    if described["class"] == OUT_OF_MEMORY and described["type"] != "MemoryError":
        return "give the step more memory: Spark(driver_memory=…)"
    return ""
