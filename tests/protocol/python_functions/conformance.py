"""The functions of tests/protocol/README.md, for the Python worker."""

import os
import sys
import threading
import time
from typing import Any, NamedTuple

from stoker import File, context


class Pair(NamedTuple):
    first: int
    second: str


def echo(value: Any) -> Any:
    return value


def pair() -> Pair:
    return Pair(1, "two")


def nothing() -> None:
    print("nothing to return")


def fail(message: str) -> int:
    raise ValueError(message)


def leave(code: int) -> int:
    os._exit(code)


def leave_politely() -> int:
    sys.exit(0)


def sleep(seconds: float, ready: str) -> None:
    with open(ready, "w"):
        pass
    time.sleep(seconds)


def chatter(count: int) -> int:
    for done in range(1, count + 1):
        context().progress(done, count, "talking")
        context().log_metric("loss", 1 / done, step=done)
    context().log_metric("odd", float("nan"))
    return count


def noise() -> int:
    os.write(1, b"\xff\xfe\x00 out\n")
    os.write(2, b"\xc3\x28 err\n")
    print("\udcff and a lone surrogate")
    return 4


def close_streams() -> int:
    sys.stdout.close()
    sys.stderr.close()
    sys.stdin.close()
    os.closerange(0, 3)
    return 5


def close_everything() -> int:
    os.closerange(3, 1024)
    here = [open(os.devnull, "wb") for _ in range(40)]  # noqa: SIM115 - kept open
    context().progress(1, 2)
    context().log_metric("after", 1.0)
    return 6 + 0 * len(here)


def large(size: int) -> str:
    return "x" * size


def linger() -> int:
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 7


def read(path: File) -> str:
    return path.read_text()


def size_of(name: str, value: str) -> int:
    return len(value)


def wrong() -> int:
    return "text"  # type: ignore[return-value]
