"""The wheel as its users get it: built once, installed into an environment of its own, its program also alone in a bare root folder."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Link-time optimisation takes minutes and changes nothing of what is tested: only when asked for.
LTO = os.environ.get("STOKER_LTO", "0")
BUILD = ROOT / ("build/wheel" if LTO != "0" else "build/wheel-quick")
LIMIT_SECONDS = 1800  # a cold build on a busy machine


def run(*command: str | pathlib.Path, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What tools/wheel makes."""
    folder = tmp_path_factory.mktemp("dist")
    run(ROOT / "tools/wheel", folder, cwd=ROOT, env={**os.environ, "STOKER_LTO": LTO})
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="session")
def contents(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("contents")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def program(contents: pathlib.Path) -> pathlib.Path:
    (found,) = contents.glob("stoker-*.data/scripts/stoker")
    found.chmod(0o755)
    return found


@dataclass
class User:
    """Someone with a virtual environment that has the wheel and nothing else, and a folder to work in."""

    environment: pathlib.Path
    folder: pathlib.Path

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": f"{self.environment / 'bin'}:/usr/bin:/bin",
            "VIRTUAL_ENV": str(self.environment),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        return run(*command, cwd=self.folder, env=variables)


@pytest.fixture(scope="session")
def user(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> User:
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)  # making a pip takes longer than all the rest
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin/python",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        wheel,
    )
    return User(environment, tmp_path_factory.mktemp("user"))


@dataclass
class BareRoot:
    """A root folder with the program and what glibc has, and /dev/null, and nothing else: no shell, no /proc, no Python."""

    folder: pathlib.Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run("/usr/sbin/chroot", self.folder, "/stoker", *arguments, env={"HOME": "/"})


@pytest.fixture(scope="session")
def bare_root(program: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> BareRoot:
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    folder = tmp_path_factory.mktemp("root")
    libraries = re.findall(r"(/\S+) \(0x", run("ldd", program).stdout)
    for library in libraries:
        target = folder / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    shutil.copy(program, folder / "stoker")
    (folder / "tmp").mkdir()
    (folder / "dev").mkdir()
    os.mknod(folder / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    return BareRoot(folder)
