#!/usr/bin/env python3
"""The structure's own rules: what formatter and compiler cannot say. Run with pytest or plain python3; standard library only."""

from __future__ import annotations

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAXIMUM_LINES = 600
# Folders without I/O, clock and threads (DESIGN: "pure"), and what would break that.
PURE = ["codec", "expression", "schedule", "resources", "pipeline", "spark"]
IMPURE_HEADERS = re.compile(
    r"<(fstream|iostream|thread|mutex|shared_mutex|condition_variable|future|stop_token|random|unistd\.h|fcntl\.h|poll\.h|"
    r"signal\.h|csignal|sys/[\w/]+\.h|sqlite3\.h|curl/.*|boost/asio.*|boost/beast.*)>"
)
IMPURE_CALLS = re.compile(
    r"\b(?:\w+_clock::now|getenv|std::rand|std::time"
    # Paths as text are pure, asking the disk about them is not.
    r"|(?:fs|filesystem)::(?:\w*status|exists|is_\w+|file_size|create_\w+|remove\w*|rename|copy\w*|absolute|canonical|weakly_canonical|"
    r"current_path|\w*directory_iterator|last_write_time|space|temp_directory_path))\s*\("
)
# Assembled, so that this file does not break its own rule.
MACHINE_PATHS = ["/" + "work/", "/" + "tmp/wt", "/" + "root/"]
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))', re.MULTILINE)
SOURCE_SUFFIXES = {".cc", ".h", ".inc", ".py", ".sh", ".js", ".ts", ".tsx"}


def tracked() -> list[pathlib.Path]:
    """Files of the repository; those not ignored where there is no commit of them yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an exported tree
        paths = [
            path
            for path in ROOT.rglob("*")
            if not {"build", ".venv", ".git", "node_modules"} & set(path.relative_to(ROOT).parts)
        ]
    return sorted(path for path in paths if path.is_file())


FILES = tracked()


def name(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def sources(*suffixes: str) -> list[pathlib.Path]:
    return [path for path in FILES if path.is_relative_to(ROOT / "src") and path.suffix in suffixes]


def is_test(path: pathlib.Path) -> bool:
    return path.stem.endswith("_test")


def module_order() -> list[str]:
    found = re.search(r"set\(STOKER_MODULES\s+([^)]+)\)", text(ROOT / "CMakeLists.txt"))
    assert found, "CMakeLists.txt has no STOKER_MODULES"
    return found.group(1).split()


def linked_modules() -> dict[str, set[str]]:
    """What each module links, directly and through others: the DEPS of its stoker_module() and other stoker_… in its rules."""
    direct: dict[str, set[str]] = {}
    for module in module_order():
        path = ROOT / "src" / module / "CMakeLists.txt"
        if not path.exists():
            continue
        rules = text(path)
        direct[module] = set(re.findall(r"\bstoker_([a-z_]+)\b(?!\()", rules)) & set(module_order())
        for call in re.findall(r"stoker_module\(([^)]*)\)", rules):
            words = call.split()
            if "DEPS" in words:
                for word in words[words.index("DEPS") + 1 :]:
                    if word.isupper():
                        break
                    direct[module].add(word)
    reached: dict[str, set[str]] = {}
    for module in module_order():  # in order: what a module links is known before it
        if module in direct:
            reached[module] = set(direct[module]).union(*(reached.get(other, set()) for other in direct[module])) - {
                module
            }
    return reached


def check(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def test_every_folder_of_src_is_a_module() -> None:
    folders = {path.relative_to(ROOT / "src").parts[0] for path in sources(".cc", ".h")}
    check(
        [f"src/{folder}: not in STOKER_MODULES of CMakeLists.txt" for folder in sorted(folders - set(module_order()))]
    )


def test_includes_follow_the_order_of_modules() -> None:
    order = module_order()
    problems = []
    for path in sources(".cc", ".h"):
        module = path.relative_to(ROOT / "src").parts[0]
        for quoted, _ in INCLUDE.findall(text(path)):
            other = quoted.split("/")[0]
            if quoted and other in order and module in order and order.index(other) > order.index(module):
                problems.append(f'{name(path)}: "{quoted}": {other} comes after {module} in STOKER_MODULES')
    check(problems)


def test_includes_are_linked() -> None:
    linked = linked_modules()
    problems = []
    for path in sources(".cc", ".h"):
        module = path.relative_to(ROOT / "src").parts[0]
        for quoted, _ in INCLUDE.findall(text(path)):
            other = quoted.split("/")[0]
            if quoted and other in linked and other != module and other not in linked.get(module, set()):
                problems.append(
                    f'{name(path)}: "{quoted}": src/{module}/CMakeLists.txt does not have {other} among its DEPS'
                )
    check(problems)


def test_quoted_includes_are_files_of_src() -> None:
    problems = []
    for path in sources(".cc", ".h"):
        for quoted, _ in INCLUDE.findall(text(path)):
            if quoted and not (ROOT / "src" / quoted).exists():
                problems.append(f'{name(path)}: "{quoted}" is no path from src (headers of others stand in <>)')
    check(problems)


def test_pure_folders_have_no_input_output_clock_or_threads() -> None:
    problems = []
    for path in sources(".cc", ".h"):
        if path.relative_to(ROOT / "src").parts[0] not in PURE or is_test(path):
            continue
        for line, content in enumerate(text(path).splitlines(), 1):
            if (content.lstrip().startswith("#include") and IMPURE_HEADERS.search(content)) or IMPURE_CALLS.search(
                content
            ):
                problems.append(f"{name(path)}:{line}: {content.strip()}")
    check(problems)


def test_headers_are_guarded_and_open_no_namespace() -> None:
    problems = []
    for path in sources(".h"):
        content = text(path)
        if "#pragma once" not in content:
            problems.append(f"{name(path)}: without #pragma once")
        if re.search(r"^using namespace", content, re.MULTILINE):
            problems.append(f"{name(path)}: using namespace in a header")
    check(problems)


def test_folder_is_namespace() -> None:
    problems = []
    for path in sources(".h"):
        module = path.relative_to(ROOT / "src").parts[0]
        content = text(path)
        if (
            module not in ("base", "app")
            and "namespace stoker" in content
            and f"namespace stoker::{module}" not in content
        ):
            problems.append(f"{name(path)}: not in namespace stoker::{module}")
    check(problems)


def test_every_folder_of_src_has_a_readme() -> None:
    folders = sorted({path.parent for path in sources(".cc", ".h")})
    check([f"{name(folder)}: without README.md" for folder in folders if not (folder / "README.md").exists()])


def test_folders_are_small() -> None:
    files = collections.Counter(path.parent for path in sources(".cc", ".h"))
    check([f"{name(folder)}: {count} files, limit 40" for folder, count in sorted(files.items()) if count > 40])


def test_tests_stand_beside_their_code() -> None:
    """foo_test.cc lies where foo.cc does, in a module or in a folder of one: no deeper, and a folder has no CMake of its own."""
    check(
        [
            f"{name(path)}: deeper than src/<module>/<folder>"
            for path in sources(".cc", ".h")
            if len(path.relative_to(ROOT / "src").parts) > 3
        ]
    )


def test_what_a_pipeline_is_does_not_know_how_it_runs() -> None:
    check(
        [
            f'{name(path)}: "{quoted}"'
            for path in sources(".cc", ".h")
            if path.parent == ROOT / "src/pipeline"
            for quoted, _ in INCLUDE.findall(text(path))
            if quoted.startswith("pipeline/run/")
        ]
    )


def test_files_are_short() -> None:
    problems = []
    for path in FILES:
        if path.suffix in SOURCE_SUFFIXES and not path.is_relative_to(ROOT / "tests/data"):
            lines = text(path).count("\n")
            if lines > MAXIMUM_LINES:
                problems.append(f"{name(path)}: {lines} lines, at most {MAXIMUM_LINES}: split it by noun")
    check(problems)


def test_no_paths_of_one_machine() -> None:
    problems = []
    for path in FILES:
        if path.suffix in (".png", ".jpg", ".gz", ".zip", ".jar", ".parquet", ".db", ".whl") or path.is_relative_to(
            ROOT / "tests/fuzz/corpus"
        ):
            continue
        # What was recorded says where it was recorded, unless somebody takes care.
        words = (*MACHINE_PATHS, "/tmp/") if path.is_relative_to(ROOT / "tests/data") else MACHINE_PATHS
        for line, content in enumerate(text(path).splitlines(), 1):
            problems += [f"{name(path)}:{line}: {word}" for word in words if re.search(rf"(?<![\w.]){word}", content)]
    check(problems)


def test_every_parser_has_a_fuzz_target_with_seeds() -> None:
    targets = re.findall(r"^stoker_fuzz_target\((\w+)", text(ROOT / "tests/fuzz/CMakeLists.txt"), re.MULTILINE)
    bodies = {path.stem for path in (ROOT / "tests/fuzz/targets").glob("*.cc")}
    problems = [
        f"tests/fuzz/targets/{body}.cc: not in tests/fuzz/CMakeLists.txt" for body in sorted(bodies - set(targets))
    ]
    problems += [
        f"tests/fuzz/corpus/{target}: no seeds"
        for target in targets
        if not any((ROOT / "tests/fuzz/corpus" / target).glob("*"))
    ]
    check(problems)


def test_generated_files_are_current() -> None:
    problems = []
    for tool in sorted((ROOT / "tools/codegen").glob("*.py")):
        if "--check" not in text(tool):
            continue
        done = subprocess.run([sys.executable, str(tool), "--check"], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            problems.append(f"tools/codegen/{tool.name} --check: {(done.stderr or done.stdout).strip()}")
    check(problems)


def test_decisions_are_numbered_and_listed() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md") if path.name != "README.md")
    index = text(ROOT / "docs/adr/README.md")
    problems = [
        f"docs/adr/{page}: not named {number:04}-….md"
        for number, page in enumerate(pages, 1)
        if not page.startswith(f"{number:04}-")
    ]
    for page in pages:
        title = text(ROOT / "docs/adr" / page).partition("\n")[0].removeprefix("# ")
        if f"[{page[:4]}]({page}) | {title} |" not in index:
            problems.append(f"docs/adr/README.md: no row for {page} with its title")
    check(problems)


def main() -> int:
    failed = 0
    for test, body in sorted(globals().items()):
        if not test.startswith("test_"):
            continue
        try:
            body()
            print(f"ok      {test}")
        except AssertionError as problem:
            failed += 1
            print(f"FAILED  {test}{problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
