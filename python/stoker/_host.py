"""`python -m stoker._host`: compiles pipelines and forks plain steps for the program.

A private protocol over the socket named by STOKER_HOST: frames of a 4-byte big-endian length and JSON, `run` with
three descriptors
attached. One thread, no asyncio: it must be safe to fork. Everything ends when the socket or standard input does.
"""

import gc
import json
import os
import select
import signal
import socket
import stat
import struct
import sys
from typing import Any, Dict, List, NoReturn, Optional, Set

MAXIMUM_FRAME = 64 << 20
_DESCRIPTORS = 3
_PR_SET_PDEATHSIG = 1
# An ended child is reaped at once by SIGCHLD; this is the safety net.
_SAFETY_MILLISECONDS = 1000


class Closed(Exception):
    """The program went away."""


class Host:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._children: Dict[int, int] = {}  # pid -> id
        self._descriptors: List[int] = []
        self._files: Set[str] = set()
        self._root = ""
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    # The loop.

    def serve(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C in a terminal reaches the whole group; the program decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        if _is_pipe(0):
            poll.register(0, select.POLLIN | select.POLLHUP)
        try:
            while True:
                for descriptor, event in poll.poll(_SAFETY_MILLISECONDS if self._children else None):
                    if descriptor == self._wake_read:
                        _drain(self._wake_read)
                    elif descriptor == 0:
                        if event & select.POLLHUP or not os.read(0, 4096):
                            return
                    else:
                        self._handle(self._receive())
                self._reap()
        except Closed:
            return
        finally:
            self._end_children()

    def _handle(self, message: Dict[str, Any]) -> None:
        operation = message.get("op")
        if operation == "compile":
            self._send(self._compile(message))
        elif operation == "load":
            self._send(self._load(message))
        elif operation == "run":
            self._run(message)
        else:
            self._send(_failed("usage", "ProtocolError", f"unknown operation {operation!r}"))

    # Frames.

    def _receive(self) -> Dict[str, Any]:
        header = self._exactly(4)
        (length,) = struct.unpack(">I", header)
        if length > MAXIMUM_FRAME:
            raise Closed
        message = json.loads(self._exactly(length))
        if not isinstance(message, dict):
            raise Closed
        return message

    def _exactly(self, count: int) -> bytes:
        """So many bytes; descriptors that come along are kept for the message."""
        parts = []
        while count:
            space = socket.CMSG_SPACE(_DESCRIPTORS * 4)
            try:
                data, ancillary, _, _ = self._connection.recvmsg(
                    min(count, 1 << 20), space, getattr(socket, "MSG_CMSG_CLOEXEC", 0)
                )
            except ConnectionError:
                raise Closed
            for level, kind, payload in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    self._descriptors += struct.unpack(f"{len(payload) // 4}i", payload[: len(payload) // 4 * 4])
            if not data:
                raise Closed
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def _send(self, message: Dict[str, Any]) -> None:
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        try:
            self._connection.sendall(struct.pack(">I", len(data)) + data)
        except (BrokenPipeError, ConnectionError):
            raise Closed

    # Operations.

    def _compile(self, message: Dict[str, Any]) -> Dict[str, Any]:
        from stoker._host_compile import compile_file

        return compile_file(message["file"], message.get("pipeline"), list(message.get("argv") or []))

    def _load(self, message: Dict[str, Any]) -> Dict[str, Any]:
        from stoker import _saved_files
        from stoker._fork_safety import fork_safety
        from stoker._host_compile import UserError, import_user_file

        root = message.get("root") or os.path.dirname(message["file"])
        try:
            with _saved_files.watched_import(root, message.get("compiled_at")):
                import_user_file(message["file"], root, [])
            import stoker._worker  # noqa: F401 - the children find it loaded
        except UserError as error:
            return error.reply()
        _import_what_spark_imports_late()
        safe, reason = fork_safety()
        if safe:
            _prepare_for_forks()
        return {"op": "loaded", "fork_safe": safe, "reason": reason}

    def _run(self, message: Dict[str, Any]) -> None:
        descriptors, self._descriptors = self._descriptors, []
        if len(descriptors) != _DESCRIPTORS:
            for descriptor in descriptors:
                os.close(descriptor)
            self._send(
                _failed("usage", "ProtocolError", f"run needs {_DESCRIPTORS} descriptors, {len(descriptors)} came")
            )
            return
        if _prctl is None:
            _prepare_for_forks()
        # What the user's file printed while it was imported and stands in a buffer, each child would print again.
        sys.stdout.flush()
        sys.stderr.flush()
        host = os.getpid()
        pid = os.fork()
        if pid == 0:
            _child(message, descriptors, host, self._connection)
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            # Here as well as in the child: whoever is first, the group exists before the program may want to end it.
            os.setpgid(pid, pid)
        except OSError:
            pass
        self._children[pid] = message["id"]
        self._send({"op": "started", "id": message["id"], "pid": pid})

    def _reap(self) -> None:
        for pid in list(self._children):
            usage: Any
            try:
                ended, status, usage = os.wait4(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status, usage = pid, 0, None
            if not ended:
                continue
            self._send(
                {
                    "op": "exited",
                    "id": self._children.pop(pid),
                    "pid": pid,
                    "status": status,
                    "user_seconds": usage.ru_utime if usage else 0.0,
                    "system_seconds": usage.ru_stime if usage else 0.0,
                    "peak_rss_bytes": usage.ru_maxrss * 1024 if usage else 0,
                }
            )

    def _end_children(self) -> None:
        for pid in self._children:
            for target in (-pid, pid):
                try:
                    os.kill(target, signal.SIGKILL)
                except OSError:
                    pass


def _failed(kind: str, type_name: str, message: str) -> Dict[str, Any]:
    return {
        "op": "failed",
        "error": {"type": type_name, "message": message, "traceback": "", "file": None, "line": None, "kind": kind},
    }


def _is_pipe(descriptor: int) -> bool:
    """Whether the end of standard input means something: that of /dev/null or a terminal does not."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        pass


def _import_what_spark_imports_late() -> None:
    """Once here instead of in every child: with the first call to a JVM pyspark 4.0 imports pandas (0.4 CPU seconds).

    The converters of arguments that it has registered with Py4J do that; which, and what they import, is their business.
    """
    for converter in list(getattr(sys.modules.get("py4j.protocol"), "INPUT_CONVERTER", [])):
        try:
            converter.can_convert("")
        except Exception:  # a child meets it again, where it is the step's
            pass


_prctl: Optional[Any] = None


def _prepare_for_forks() -> None:
    """What every child would otherwise do itself; the heap is frozen so that collections do not copy shared pages."""
    global _prctl
    if sys.platform == "linux" and _prctl is None:
        import ctypes

        _prctl = ctypes.CDLL(None).prctl
    gc.collect()
    gc.freeze()


# The child.


def _child(message: Dict[str, Any], descriptors: List[int], host: int, connection: socket.socket) -> NoReturn:
    """Become the attempt's process and run the worker. Never returns."""
    code = 70
    try:
        os.setpgid(0, 0)
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != host:
                os._exit(code)
        gc.enable()
        _plain_signals()
        _take_descriptors(message, descriptors, connection)
        os.environ.update(message.get("env") or {})
        os.chdir(message["cwd"])
        _fresh_randomness()
        from stoker import _worker

        path = message["invocation"]
        sys.argv = [path]
        code = _worker.run(path)
        _worker.finish(code)
    except BaseException as error:
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    finally:
        os._exit(code)


def _plain_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _take_descriptors(message: Dict[str, Any], descriptors: List[int], connection: socket.socket) -> None:
    """0, 1, 2 are the attempt's; the protocol keeps its number, named in the environment; all else of the host is closed."""
    protocol, output, errors = descriptors
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for descriptor in (null, output, errors):
        if descriptor > 2:
            os.close(descriptor)
    connection.close()
    os.set_inheritable(protocol, True)
    os.environ["STOKER_PROTOCOL"] = str(protocol)
    env = message.get("env")
    if isinstance(env, dict):
        env.pop("STOKER_PROTOCOL", None)
    os.environ.pop("STOKER_HOST", None)


def _fresh_randomness() -> None:
    """Children must not draw the same "random" numbers; Python's own generator reseeds itself."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def main() -> None:
    name = os.environ.get("STOKER_HOST", "")
    if not name.isdigit():
        print("stoker._host is started by the stoker program, which names a socket in STOKER_HOST", file=sys.stderr)
        sys.exit(2)
    descriptor = int(name)
    os.set_inheritable(descriptor, False)
    del os.environ["STOKER_HOST"]
    # `-m` puts the current folder first; the user's file decides what is found first.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    # Imports make objects that stay: looking through them again and again for garbage is a tenth of their time. Children collect.
    gc.disable()
    host = Host(socket.socket(fileno=descriptor))
    host.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
