"""One S3 server on loopback, with a folder behind it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request
import uuid

from servers import end_with_parent, free_port

from s3 import assets

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # the one of Amazon's documentation
REGION = "eu-central-1"
READY_SECONDS = 120  # of a machine that is busy with other tests
TRIES = 3  # somebody else may have taken the port


class S3Server:
    def __init__(self, folder: pathlib.Path) -> None:
        self.root = folder / "buckets"
        self.port = 0
        self.log = folder / "server.log"

    @property
    def endpoint(self) -> str:
        """By address: path style alone."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def named_endpoint(self) -> str:
        """By name: buckets are names below it."""
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        users = self.root.parent / "users"
        for folder in (self.root, users):
            folder.mkdir(parents=True)
        for left in reversed(range(TRIES)):
            self.port = free_port()
            if self._starts(users):
                return
            self.stop()
            if left == 0:
                raise RuntimeError("the S3 server does not start:\n" + self.log.read_text()[-2000:])

    def _starts(self, users: pathlib.Path) -> bool:
        command = [str(assets.find()), "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--virtual-domain"]
        command += [f"localhost:{self.port}", "--health", "/health"]
        # Users in a folder of their own: then a key that nobody has gets S3's own answer.
        command += ["--iam-dir", str(users), "posix", "--disableotmp", str(self.root)]
        environment = {**os.environ, "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        with open(self.log, "w") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _answers(self) -> bool:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return bool(direct.open(self.endpoint + "/health", timeout=2).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def bucket(self) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        (self.root / name).mkdir()
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        """What a reader would find; the server keeps what is on its way elsewhere."""
        top = self.root / bucket
        files = (path for path in top.rglob("*") if path.is_file())
        found = {path.relative_to(top).as_posix(): path.read_bytes() for path in files}
        return {name: content for name, content in found.items() if not name.startswith(".sgwtmp")}

    def unfinished(self, bucket: str) -> list[str]:
        """What is on its way: bodies that are being read, and parts of uploads that nobody ended."""
        return [str(path) for path in (self.root / bucket / ".sgwtmp").rglob("*") if path.is_file()]

    def requests(self, word: str) -> list[str]:
        """The lines of its log with this word."""
        return [line for line in self.log.read_text().splitlines() if word in line]
