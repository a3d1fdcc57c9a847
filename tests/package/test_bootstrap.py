"""tools/bootstrap on machines that lack something: what it installs, and the command that it names where it cannot."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from dataclasses import dataclass

import pytest
from conftest import ROOT

# What the script calls of the real machine. All else is a fake, or is not there.
REAL_COMMANDS = ("bash", "cat", "chmod", "cut", "dirname", "env", "mkdir", "sha256sum")
# Each fake notes its call; one whose name is in $FAILING fails; then its own lines.
FAKE = (
    '#!/usr/bin/env bash\necho "$(basename) $*" >>"$CALLS"\ncase " $FAILING " in *" $(basename) "*) exit 100 ;; esac\n'
)
FAKES = {
    "apt-get": "",
    "cmake": "",
    "id": 'echo "$USER_ID"',
    "javac": "",
    "sudo": '"$@"',
    "dpkg-query": 'for name in "${@:3}"; do case " $LACKING " in *" $name "*) ;; *) printf "installed/%s " "$name" ;; esac; done',
    "python3": 'if [ "$2" = venv ]; then mkdir -p .venv/bin; printf "$PIP" >.venv/bin/pip; chmod +x .venv/bin/pip; fi',
}


@dataclass
class Case:
    """A machine that has all but what is named here, and what must happen on it."""

    name: str
    code: int = 0
    says: str = "all is there"
    calls: tuple[str, ...] = ()  # parts of the calls that must be made
    no_calls: tuple[str, ...] = ("apt-get", "venv", "pip")
    arguments: tuple[str, ...] = ()
    system: str = "ID=debian\nVERSION_ID=12\n"
    lacking: str = ""  # packages
    without: tuple[str, ...] = ()  # commands
    failing: str = ""  # commands that are there and fail
    user_id: int = 0
    environment: bool = True
    curl: bool = True  # libcurl is built


CASES = [
    Case("all-is-there"),
    Case("a-package", calls=("apt-get install -y --no-install-recommends mold",), no_calls=("g++", "pip"), lacking="mold"),
    Case("a-package-and-a-user-with-sudo", calls=("sudo env DEBIAN_FRONTEND=noninteractive apt-get",), no_calls=(), lacking="mold", user_id=1000),
    Case("a-package-and-a-user-without-sudo", 1, "run as root: apt-get update && apt-get install -y --no-install-recommends mold",
         lacking="mold", user_id=1000, without=("sudo",)),
    Case("apt-get-fails", 1, "run as root: apt-get update && apt-get install -y --no-install-recommends mold sqlite3", no_calls=("pip",),
         lacking="mold sqlite3", failing="apt-get"),
    Case("no-apt-get", 1, "install what these Debian packages have: mold", lacking="mold", without=("apt-get",), system="ID=fedora\nVERSION_ID=41\n"),
    Case("a-package-when-only-checking", 1, "apt-get install -y --no-install-recommends mold", lacking="mold", arguments=("--check",)),
    Case("a-jdk-of-the-machines-own", lacking="openjdk-17-jdk-headless"),
    Case("no-jdk", calls=("apt-get install -y --no-install-recommends openjdk-17-jdk-headless",), no_calls=(), lacking="openjdk-17-jdk-headless",
         without=("javac",)),
    Case("ubuntu", calls=("apt-get install -y --no-install-recommends libboost-json1.83-dev",), no_calls=("1.81",),
         lacking="libboost-json1.83-dev", system="ID=ubuntu\nVERSION_ID=24.04\n"),
    Case("another-system", says="not tried on ubuntu 26.04", system="ID=ubuntu\nVERSION_ID=26.04\n"),
    Case("no-environment", calls=("python3 -m venv --clear .venv", "pip install"), no_calls=("apt-get",), environment=False),
    Case("no-environment-when-only-checking", 1, "python3 -m venv --clear .venv && .venv/bin/pip install -r tools/requirements-dev.txt",
         environment=False, arguments=("--check",)),
    Case("no-curl", calls=("build-curl",), no_calls=("apt-get", "pip"), curl=False),
    Case("no-curl-when-only-checking", 1, "build it with: tools/build-curl", no_calls=("build-curl",), arguments=("--check",), curl=False),
    Case("curl-fails", 100, "", calls=("build-curl",), failing="build-curl", curl=False),
    Case("pip-fails", 1, ".venv/bin/pip install -r tools/requirements-dev.txt", calls=("pip install",), no_calls=("apt-get",), environment=False,
         failing="pip"),
]  # fmt: skip


def machine(folder: pathlib.Path, case: Case) -> dict[str, str]:
    """A checkout with the script, and the environment in which it finds the case's machine."""
    commands = folder / "commands"
    commands.mkdir()
    for name in REAL_COMMANDS:
        (commands / name).symlink_to(str(shutil.which(name)))
    for name, lines in FAKES.items():
        if name not in case.without:
            (commands / name).write_text(FAKE.replace("$(basename)", name) + lines + "\n")
            (commands / name).chmod(0o755)
    (folder / "tools").mkdir()
    for name in ("bootstrap", "requirements-dev.txt"):
        shutil.copy(ROOT / "tools" / name, folder / "tools" / name)
    script = folder / "tools/build-curl"
    script.write_text(
        FAKE.replace("$(basename)", "build-curl") + "mkdir -p .deps/curl/lib\n: >.deps/curl/lib/libcurl.a\n"
    )
    script.chmod(0o755)
    if case.curl:
        built = folder / ".deps/curl/lib/libcurl.a"
        built.parent.mkdir(parents=True)
        built.touch()
    (folder / "os-release").write_text(case.system)
    (folder / "calls").touch()
    return {
        "PATH": str(commands),
        "OS_RELEASE": str(folder / "os-release"),
        "CALLS": str(folder / "calls"),
        "LACKING": case.lacking,
        "FAILING": case.failing,
        "USER_ID": str(case.user_id),
        "PIP": FAKE.replace("$(basename)", "pip").replace("%", "%%"),
    }


def bootstrap(folder: pathlib.Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "tools/bootstrap"), *arguments],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bootstrap(case: Case, tmp_path: pathlib.Path) -> None:
    variables = machine(tmp_path, case)
    if case.environment:
        assert bootstrap(tmp_path, {**variables, "LACKING": "", "FAILING": ""}).returncode == 0
        (tmp_path / "calls").write_text("")
    if not case.curl:
        shutil.rmtree(tmp_path / ".deps")  # the first call built it
    done = bootstrap(tmp_path, variables, *case.arguments)
    assert done.returncode == case.code, done.stdout + done.stderr
    assert case.says in done.stdout
    calls = "\n".join(
        line for line in (tmp_path / "calls").read_text().splitlines() if not line.startswith("dpkg-query")
    )
    assert [part for part in case.calls if part not in calls] == []
    assert [part for part in case.no_calls if part in calls] == []
