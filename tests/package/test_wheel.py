"""One wheel has the SDK and a program that needs glibc and nothing else."""

from __future__ import annotations

import json
import pathlib
import re
import sys
import textwrap

from conftest import BUILD, ROOT, BareRoot, User, run

LARGEST_MEGABYTES = 25
# The parts of glibc: everything else must be inside the program.
GLIBC = {
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
}
# The oldest glibc that the wheel says it works with, docs/reference/building.md names the systems.
OLDEST_GLIBC = (2, 35)
# What the compiler read or the linker took (a part of its path), and the name by which NOTICE has it. Empty: glibc's or the kernel's own, which
# is not linked in.
THIRD_PARTIES = {
    "/include/boost/": "Boost",
    "/include/CLI/": "CLI11",
    "/include/fmt/": "fmt",
    "/include/curl/": "curl",
    "/include/openssl/": "OpenSSL",
    "/include/sqlite3.h": "SQLite",
    "/include/yaml.h": "LibYAML",
    "/include/minizip/": "zlib",
    "/include/pugi": "pugixml",
    "/include/zlib.h": "zlib",
    "/include/zconf.h": "zlib",
    "/include/c++/": "libstdc++",
    "/libboost_": "Boost",
    "/libcrypto.a": "OpenSSL",
    "/libssl.a": "OpenSSL",
    "/libcurl.a": "curl",
    "/libsqlite3.a": "SQLite",
    "/libyaml.a": "LibYAML",
    "/libminizip.a": "zlib",
    "/libpugixml.a": "pugixml",
    "/libz.a": "zlib",
    "/libstdc++.a": "libstdc++",
    "/libgcc": "libgcc",
}


def readelf(program: pathlib.Path, *options: str) -> str:
    return run("readelf", "--wide", *options, program).stdout


def test_the_wheel_is_small_and_for_every_python_3(wheel: pathlib.Path) -> None:
    assert wheel.stat().st_size <= LARGEST_MEGABYTES * 1e6
    assert re.fullmatch(r"stoker-[\d.]+-py3-none-manylinux_2_\d+_(x86_64|aarch64)\.whl", wheel.name)


def test_the_program_needs_only_glibc(program: pathlib.Path) -> None:
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", readelf(program, "--dynamic")))
    assert needed and needed <= GLIBC


def test_the_tag_names_the_glibc_that_the_program_needs(wheel: pathlib.Path, program: pathlib.Path) -> None:
    versions = [
        tuple(map(int, version.split(".")))
        for version in re.findall(r"GLIBC_(\d+\.\d+)", readelf(program, "--version-info"))
    ]
    assert max(versions) <= OLDEST_GLIBC
    tagged = re.search(r"manylinux_(\d+)_(\d+)_", wheel.name)
    assert tagged and tuple(map(int, tagged.groups())) >= max(versions)


def test_the_program_is_hardened(program: pathlib.Path) -> None:
    dynamic, segments, symbols = (
        readelf(program, "--dynamic"),
        readelf(program, "--segments"),
        readelf(program, "--dyn-syms"),
    )
    assert "BIND_NOW" in dynamic and "PIE" in dynamic  # addresses are random, and nothing is bound late
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK .* RW +0x", segments)  # no code on the stack
    assert "__stack_chk_fail" in symbols
    assert "__memcpy_chk" in symbols  # _FORTIFY_SOURCE


def test_the_sdk_in_the_program_is_the_sdk_of_the_wheel(
    contents: pathlib.Path, program: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    archive = tmp_path / "sdk.archive"
    run(sys.executable, ROOT / "tools/codegen/sdk_archive.py", contents, archive)
    assert archive.stat().st_size > 0
    assert archive.read_bytes() in program.read_bytes()
    assert {path.suffix for path in (contents / "stoker").rglob("*") if path.is_file()} == {".py", ".typed"}


def test_notice_has_everything_that_is_linked_in(contents: pathlib.Path) -> None:
    (notice,) = contents.glob("stoker-*.dist-info/licenses/NOTICE")
    linked = re.findall(
        r"^(/\S+\.a)\(", (BUILD / "src/app/stoker.map").read_text(), re.MULTILINE
    )  # archives of which a member was taken
    read = re.findall(r"^ +(/\S+)$", run("ninja", "-C", BUILD, "-t", "deps").stdout, re.MULTILINE)
    assert [
        path
        for path in linked
        if not any(part in path for part in THIRD_PARTIES) and not path.endswith("libc_nonshared.a")
    ] == []
    used = {*linked, *read}
    found = {name for path in used for part, name in THIRD_PARTIES.items() if part in path}
    assert found == set(THIRD_PARTIES.values())
    assert [name for name in sorted(found) if name not in notice.read_text()] == []


def test_starts_with_nothing_but_glibc(bare_root: BareRoot) -> None:
    assert bare_root("version").stdout.startswith("stoker ")
    assert "stoker run" in bare_root("--help").stdout


def test_runs_commands_with_nothing_but_glibc(bare_root: BareRoot) -> None:
    document = """
        apiVersion: stoker.dev/v1beta1
        kind: Pipeline
        name: bare
        steps:
          - {name: first, command: {run: [/stoker, version]}}
          - {name: second, needs: [first], command: {run: [/stoker, --help]}}
    """
    (bare_root.folder / "pipeline.yaml").write_text(textwrap.dedent(document))
    events = [json.loads(line) for line in bare_root("run", "/pipeline.yaml", "--json").stdout.splitlines()]
    assert [event["step"] for event in events if event["type"] == "step.succeeded"] == ["first", "second"]
    assert events[-1]["state"] == "succeeded"


def test_the_program_is_on_the_path(user: User) -> None:
    assert user("sh", "-c", "command -v stoker").stdout.strip() == str(user.environment / "bin/stoker")
    assert (
        user("stoker", "version").stdout.strip()
        == "stoker " + user("python", "-c", "import stoker; print(stoker.__version__)").stdout.strip()
    )


def test_a_python_pipeline_runs(user: User) -> None:
    pipeline = """
        from stoker import pipeline, step

        @step
        def double(number: int) -> int:
            return 2 * number

        @pipeline
        def doubled(number: int = 21) -> int:
            return double(number)
    """
    (user.folder / "pipeline.py").write_text(textwrap.dedent(pipeline))
    events = [json.loads(line) for line in user("stoker", "run", "pipeline.py", "--json").stdout.splitlines()]
    assert events[-1]["state"] == "succeeded"
    assert [output["value"] for output in events[-1]["outputs"].values()] == [42]
