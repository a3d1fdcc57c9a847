"""The two that get the same command line: the real spark-submit of the installed pyspark, before a server that records, and ours."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
from typing import Any, NamedTuple

from fakes.recording_api_server import RecordingServer

# Shortens the JVM's start, and changes no request.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SECONDS = 300
Object = dict[str, Any]


class Submitted(NamedTuple):
    code: int
    objects: list[Object]
    uploads: set[tuple[str, str]]  # name and SHA-256
    said: str

    @property
    def refused(self) -> bool:
        return self.code != 0 and not self.objects


def spark_home() -> pathlib.Path | None:
    found = importlib.util.find_spec("pyspark")
    return pathlib.Path(found.origin).parent if found and found.origin else None


def spark_version(home: pathlib.Path) -> str:
    [core] = (home / "jars").glob("spark-core_*.jar")
    return core.stem.split("-", 2)[2]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def listing(folder: pathlib.Path) -> dict[str, str]:
    """Each file of it, and what is in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): digest(path.read_bytes()) for path in files}


class Machine:
    """A folder with the case's files, and the variables of its user."""

    def __init__(self, case: Object, home: pathlib.Path, work: pathlib.Path, port: int) -> None:
        self.home, self.work, self.port = home, work, port
        for name in case["dirs"]:
            (work / name).mkdir(parents=True, exist_ok=True)
        for name, content in case["files"].items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content["base64"]) if isinstance(content, dict) else content.encode())
        for name, target in case["links"].items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).symlink_to(target)
        self.argv = [self.placed(word) for word in case["argv"]]
        variables = {"SPARK_CONF_DIR": "${WORK}/conf", "KUBECONFIG": "/dev/null", **case["env"]}
        machine = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
        self.environment = {
            **machine,
            "SPARK_HOME": str(home),
            "SPARK_SUBMIT_OPTS": QUICK,
            "SPARK_LAUNCHER_OPTS": QUICK,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "HOME": str(work),
            "LC_ALL": "C.UTF-8",
            **{name: self.placed(value) for name, value in variables.items()},
        }

    def placed(self, text: str) -> str:
        places = {
            "MASTER": f"k8s://http://127.0.0.1:{self.port}",
            "WORK": str(self.work),
            "SPARK_VERSION": spark_version(self.home),
        }
        for name, place in places.items():
            text = text.replace(f"${{{name}}}", place)
        return text

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip

    def ours(self, program: str) -> Submitted:
        before = listing(self.work)
        done = self.run(program, "submit", "--dry-run", "-o", "json", "--show-secrets", *self.argv)
        assert listing(self.work) == before, "a dry run has changed files"
        objects = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        uploads = set()
        for source, name in re.findall(r"(?m)^warning: (.*) would be uploaded to .*/([^/\n]+)$", done.stderr):
            uploads.add((name, digest((self.work / source).read_bytes())))
        return Submitted(done.returncode, objects, uploads, done.stderr)

    def real(self, server: RecordingServer, words: list[str]) -> Submitted:
        before = listing(self.work)
        done = self.run(str(self.home / "bin/spark-submit"), *words)
        new = {name: content for name, content in listing(self.work).items() if name not in before}
        uploads = {(name.rpartition("/")[2], each) for name, each in new.items() if "/spark-upload-" in f"/{name}"}
        return Submitted(
            done.returncode, written(server), {each for each in uploads if not each[0].endswith(".crc")}, done.stderr
        )


def written(server: RecordingServer) -> list[Object]:
    """The objects, each with the namespace that its address has: the body may leave that out."""
    objects = []
    for path, body in server.requests:
        match = re.search(r"/namespaces/([^/]+)/", path)
        assert match, path
        body["metadata"]["namespace"] = match.group(1)
        objects.append(body)
    return objects
