"""Python environments beside .venv, for tests/run: other Pythons and other pysparks, below build/, made once and kept."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build/environments"
SERVED = ("3.9", "3.10", "3.11", "3.12", "3.13")


def version_of(interpreter: pathlib.Path | str) -> str:
    """`3.12`, or nothing when it is no Python that works."""
    try:
        done = subprocess.run(
            [str(interpreter), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def interpreters(path: str | None = None, home: pathlib.Path | None = None) -> dict[str, pathlib.Path]:
    """The Pythons of this machine that the SDK serves, one of each version: pyenv's, then those of PATH by name."""
    pyenv = (home or pathlib.Path.home()) / ".pyenv/versions"
    candidates = sorted(
        pyenv.glob("*/bin/python"), key=lambda found: [int(n) for n in re.findall(r"\d+", found.parts[-3])]
    )
    names = [shutil.which(name, path=path) for name in (*(f"python{version}" for version in SERVED), "python3")]
    candidates = [*(pathlib.Path(name) for name in names if name), *candidates]  # the last of a version counts
    found = {version_of(candidate): candidate for candidate in candidates}
    return {version: found[version] for version in SERVED if version in found}


def make(name: str, interpreter: pathlib.Path | str, *packages: str) -> pathlib.Path:
    """The interpreter of an environment with these arguments of pip installed. Quick when it exists. CalledProcessError: it cannot be made."""
    folder = FOLDER / name
    texts = [pathlib.Path(package).read_text() if os.path.isfile(package) else package for package in packages]
    want = hashlib.sha256("\n".join([str(interpreter), version_of(interpreter), *texts]).encode()).hexdigest()
    mark = folder / ".stoker-packages"
    python = folder / "bin/python"
    if mark.exists() and mark.read_text() == want and version_of(python):
        return python
    mark.unlink(missing_ok=True)
    subprocess.run([str(interpreter), "-m", "venv", "--clear", str(folder)], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    mark.write_text(want)
    return python
