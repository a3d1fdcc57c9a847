"""What is measured: for each scenario the commands of Stoker and of its rivals, and what must happen before each round."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

import submit

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / "build/bench"
PIPELINES = ROOT / "bench/pipelines"
RIVALS = ROOT / "bench/rivals"
PROGRAM = os.environ.get("STOKER_BIN", str(ROOT / "build/release/src/app/stoker"))
PYTHON = str(ROOT / ".venv/bin/python")
SPARK_SUBMIT = str(ROOT / ".venv/bin/spark-submit")
# pyspark and what the example imports, for the rivals' environments: the versions of ours.
SPARK_SITE = WORK / "spark-site"
SHARED_PACKAGES = ["pyspark", "numpy", "matplotlib"]
RIVAL_PACKAGES = {
    "flytekit": ["flytekit==1.16.31"],
    "metaflow": ["metaflow==2.19.39"],
    "kfp": ["kfp==2.17.0"],
    "zenml": ["zenml[local]==0.98.0"],
    "dagster": ["dagster==1.13.27"],
}
# Tools whose Spark steps have a JVM each take minutes.
HEAVY_ROUNDS = 2
LARGE_ROUNDS = 3
POOL_STOP_SECONDS = 30
LARGE_STEPS = 100_000
LISTED_RUNS = 10_000


@dataclass
class Entry:
    tool: str
    command: List[str]
    # Before each round: environment, number of the round.
    prepare: Optional[Callable[[Dict[str, str], int], None]] = None
    finish: Optional[Callable[[Dict[str, str]], None]] = None  # after each round
    warm_up: int = 1
    rounds: Optional[int] = None  # none: as many as asked for
    environment: Dict[str, str] = field(default_factory=dict)
    home: str = ""  # entries with the same home share a store, a cache and a pool; none: the tool's


@dataclass
class Scenario:
    title: str
    entries: List[Entry]
    minutes: float  # on a quiet machine with two cores


def environment_of(entry: Entry) -> Dict[str, str]:
    home = WORK / "state" / (entry.home or entry.tool)
    home.mkdir(parents=True, exist_ok=True)
    out = home / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    # Of this program: a daemon that an earlier one left lingering is no descendant, and its JVMs would not be counted.
    runtime = home / f"runtime-{os.getpid()}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    environment = {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "USERNAME": "bench",
        "METAFLOW_USER": "bench",
        "LANG": "C.UTF-8",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "ZENML_ANALYTICS_OPT_IN": "false",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "MPLCONFIGDIR": str(WORK / "state/matplotlib"),
        "STOKER_STORE": str(home / "store"),
        "XDG_RUNTIME_DIR": str(runtime),
        "VIRTUAL_ENV": str(ROOT / ".venv"),
        "PYTHONPATH": str(ROOT / "python"),
        "BENCH_OUT": str(out),
    }
    if "JAVA_HOME" in os.environ:
        environment["JAVA_HOME"] = os.environ["JAVA_HOME"]
    environment.update(entry.environment)
    return environment


def rival(name: str, program: str) -> Optional[str]:
    path = WORK / "venv" / name / "bin" / program
    return str(path) if path.exists() else None


def install() -> None:
    """Each rival in a virtual environment of its own; what is there stays."""
    pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for name, packages in RIVAL_PACKAGES.items():
        target = WORK / "venv" / name
        if (target / "bin/python").exists():
            continue
        print(f"installing {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
        if subprocess.run([str(target / "bin/python"), *pip, *packages]).returncode != 0:
            shutil.rmtree(target)
            print(f"{name} could not be installed; it is left out")
    if not SPARK_SITE.exists():
        print("installing Spark for the rivals", flush=True)
        freeze = subprocess.run(
            [PYTHON, "-m", "pip", "freeze"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        wanted = [line for line in freeze if line.partition("==")[0].lower() in SHARED_PACKAGES]
        if subprocess.run([PYTHON, *pip, "--target", str(SPARK_SITE), *wanted]).returncode != 0:
            shutil.rmtree(SPARK_SITE, ignore_errors=True)
            print("Spark could not be installed for the rivals; their Spark rows are left out")


def of_rivals(script: str, **options: object) -> List[Entry]:
    name = script.removesuffix(".py")
    entries = []
    pyflyte = rival("flytekit", "pyflyte")
    if pyflyte:
        entries.append(Entry("flytekit", [pyflyte, "run", str(RIVALS / "flytekit" / script), name]))
    for tool in ("metaflow", "kfp", "zenml"):
        python = rival(tool, "python")
        if python:
            entries.append(Entry(tool, [python, str(RIVALS / tool / script), *(["run"] if tool == "metaflow" else [])]))
    dagster = rival("dagster", "dagster")
    if dagster:
        entries.append(
            Entry("dagster", [dagster, "job", "execute", "-f", str(RIVALS / "dagster" / script), "-j", name])
        )
    for entry in entries:
        for key, value in options.items():
            setattr(entry, key, value)
    return entries


def spark_rivals() -> List[Entry]:
    if not SPARK_SITE.exists():
        return []
    paths = [SPARK_SITE, ROOT / "bench/spark", ROOT / "python"]
    environment = {"PYTHONPATH": ":".join(map(str, paths)), "SPARK_HOME": str(SPARK_SITE / "pyspark")}
    return of_rivals("spark.py", environment=environment, rounds=HEAVY_ROUNDS, warm_up=0)


def plain_script(**options: object) -> Entry:
    environment = {"PYTHONPATH": f"{ROOT / 'bench/spark'}:{ROOT / 'python'}", **options.pop("environment", {})}  # type: ignore[dict-item]
    return Entry("plain script", [PYTHON, str(ROOT / "bench/spark/plain.py")], environment=environment, **options)  # type: ignore[arg-type]


def stoker(*arguments: str, tool: str = "stoker", **options: object) -> Entry:
    return Entry(tool, [PROGRAM, *arguments], home="stoker", **options)  # type: ignore[arg-type]


# --- the breast-cancer example, as it is and edited --------------------------------------------------------------------


def example_copy(name: str) -> pathlib.Path:
    """A folder of its own, so that an edit is an edit of a real file."""
    folder = WORK / "example" / name
    if not folder.exists():
        shutil.copytree(ROOT / "examples/breast_cancer", folder)
        (folder / "pyproject.toml").write_text('[project]\nname = "example"\n')
    return folder / "pipeline.py"


def edit(file: pathlib.Path, pattern: str, replacement: str) -> None:
    text = file.read_text()
    changed, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise SystemExit(f"{file}: {pattern} stands there {count} times")
    file.write_text(changed)


def edited(name: str, pattern: str, replacement: str) -> Callable[[Dict[str, str], int], None]:
    def prepare(_: Dict[str, str], number: int) -> None:
        # Never the same text twice, also not in the next call of this program.
        edit(example_copy(name), pattern, replacement.format(number=number, now=time.time_ns() % 1_000_000))

    return prepare


def quiet_pool(environment: Dict[str, str]) -> None:
    """So that the JVMs of one entry take no memory and no time from the next. Returns when they have ended."""
    subprocess.run([PROGRAM, "workers", "stop"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + POOL_STOP_SECONDS
    while time.monotonic() < limit:
        left = subprocess.run([PROGRAM, "workers", "list", "--json"], env=environment, capture_output=True, text=True)
        if left.returncode != 0 or json.loads(left.stdout) == []:
            return
        time.sleep(0.2)


def new_pool(environment: Dict[str, str], number: int) -> None:
    """The daemon of the round before still lingers without JVMs; a runtime folder of its own brings a new one."""
    quiet_pool(environment)
    folder = pathlib.Path(environment["HOME"]) / f"runtime-{number}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    environment["XDG_RUNTIME_DIR"] = str(folder)


def make_archive(environment: Dict[str, str]) -> None:
    """Once for each Java and Spark, in the background after the first run; here before, so that no round pays for it."""
    if not any((pathlib.Path(environment["HOME"]) / ".cache/stoker/class-archives").glob("*.jsa")):
        subprocess.run([PROGRAM, "workers", "prepare"], env=environment, check=True, stdout=subprocess.DEVNULL)


def cold_pool(environment: Dict[str, str], number: int) -> None:
    make_archive(environment)
    new_pool(environment, number)


def isolated(environment: Dict[str, str], _: int) -> None:
    make_archive(environment)


# --- large graphs and many runs ------------------------------------------------------------------------------------------


def large_file(kind: str) -> pathlib.Path:
    return WORK / f"large-{kind}.json"


def write_large_document(kind: str) -> None:
    """100,000 steps that do nothing (a wait of no time), listed or as a foreach over a parameter."""
    path = large_file(kind)
    wait = {"wait": {"duration": "0s"}}
    document: Dict[str, object] = {"apiVersion": "stoker.dev/v1beta1", "kind": "Pipeline", "name": f"large-{kind}"}
    if kind == "listed":
        document["steps"] = [
            {"name": f"s{i}", **wait, **({"needs": [f"s{i - 1000}"]} if i >= 1000 else {})} for i in range(LARGE_STEPS)
        ]
    else:
        document["parameters"] = {"items": {"type": "list", "default": list(range(LARGE_STEPS))}}
        document["steps"] = [{"name": "s", **wait, "foreach": "${{ parameters.items }}"}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def many_runs(environment: Dict[str, str], _: int) -> None:
    store = pathlib.Path(environment["STOKER_STORE"])
    if store.exists():
        return
    subprocess.run(
        [PROGRAM, "run", str(PIPELINES / "chain.py"), "--pipeline", "chain"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run([PYTHON, str(ROOT / "bench/fill_store.py"), str(store), str(LISTED_RUNS)], check=True)


def large(kind: str) -> Callable[[Dict[str, str], int], None]:
    def prepare(environment: Dict[str, str], _: int) -> None:
        if not large_file(kind).exists():
            write_large_document(kind)
        shutil.rmtree(environment["STOKER_STORE"], ignore_errors=True)

    return prepare


def table() -> Dict[str, Scenario]:
    chain = str(PIPELINES / "chain.py")
    example = str(ROOT / "examples/breast_cancer/pipeline.py")
    all_edited, part_edited = example_copy("edited"), example_copy("part-edited")
    cache = {"BENCH_CACHE": "1"}
    listing = {"STOKER_STORE": str(WORK / "state/many-runs")}
    own_store = {"STOKER_STORE": str(WORK / "state/large")}
    rarely: Dict[str, object] = {"environment": own_store, "rounds": LARGE_ROUNDS, "warm_up": 0}
    return {
        "help": Scenario("`stoker --help`", [stoker("--help")], 0.2),
        "list": Scenario(
            f"`stoker runs list` in a store with {LISTED_RUNS:,} runs",
            [
                stoker("runs", "list", environment=listing, prepare=many_runs, tool="stoker, the newest 20"),
                stoker(
                    "runs",
                    "list",
                    "--limit",
                    str(LISTED_RUNS),
                    environment=listing,
                    prepare=many_runs,
                    tool="stoker, all of them",
                ),
            ],
            0.5,
        ),
        "chain": Scenario(
            "five trivial Python steps in a chain",
            [stoker("run", chain, "--pipeline", "chain", "--no-cache"), *of_rivals("chain.py")],
            9,
        ),
        "chain20": Scenario("twenty of them", [stoker("run", chain, "--pipeline", "chain20", "--no-cache")], 0.3),
        "fanout": Scenario(
            "20 steps side by side and one that joins them",
            [stoker("run", str(PIPELINES / "fanout.py"), "--no-cache"), *of_rivals("fanout.py")],
            25,
        ),
        "cached": Scenario(
            "the chain again, all cached",
            [
                stoker("run", chain, "--pipeline", "chain"),
                *(e for e in of_rivals("chain.py", environment=cache) if e.tool in ("flytekit", "kfp", "zenml")),
            ],
            3,
        ),
        "spark": Scenario(
            "the breast-cancer pipeline, cold",
            [
                plain_script(),
                stoker("run", example, "--no-cache", prepare=cold_pool, finish=quiet_pool, tool="stoker, cold pool"),
                stoker("run", example, "--no-cache", "--isolated", prepare=isolated, tool="stoker, a JVM per step"),
            ],
            12,
        ),
        "spark-rivals": Scenario(
            "the same six steps with the rivals",
            [plain_script(rounds=HEAVY_ROUNDS), *spark_rivals()],
            15,
        ),
        # Two warm-ups: the JVM compiles what it runs often, as it does for a user who works on a pipeline. Two entries of one
        # scenario would take the JVMs from each other: a JVM serves one project.
        "spark-warm": Scenario(
            "the breast-cancer pipeline with a warm JVM, a helper edited before each round, all six steps run",
            [
                stoker(
                    "run",
                    str(all_edited),
                    "--no-cache",
                    prepare=edited("edited", r"figsize=\([^)]*\)", "figsize=(4, 4.{now:06d})"),
                    warm_up=2,
                ),
            ],
            2,
        ),
        "spark-warm-part": Scenario(
            "the same, `transform` edited, what depends on it runs and the rest is cached",
            [
                stoker(
                    "run",
                    str(part_edited),
                    prepare=edited(
                        "part-edited",
                        r'columns = \["features", LABEL\].*',
                        'columns = ["features", LABEL] + [][:{now}]',
                    ),
                    warm_up=2,
                ),
            ],
            2,
        ),
        "spark-cached": Scenario(
            "the breast-cancer pipeline, all cached",
            [stoker("run", example, prepare=lambda environment, _: quiet_pool(environment))],
            1,
        ),
        "submit": Scenario(
            "one submission of a plain application (`stoker submit`, spark-submit)",
            [
                stoker("submit", *submit.words(), prepare=submit.prepare),
                Entry("spark-submit", [SPARK_SUBMIT, *submit.words()], prepare=submit.prepare),
                Entry(
                    "spark-submit, tuned JVM",
                    [SPARK_SUBMIT, *submit.words()],
                    prepare=submit.prepare,
                    environment={"JDK_JAVA_OPTIONS": submit.TUNED},
                ),
            ],
            1.0,
        ),
        "large": Scenario(
            f"{LARGE_STEPS:,} steps that do nothing",
            [
                stoker(
                    "validate",
                    str(large_file("listed")),
                    tool="stoker validate, listed",
                    prepare=large("listed"),
                    environment=own_store,
                ),
                stoker("run", str(large_file("listed")), tool="stoker run, listed", prepare=large("listed"), **rarely),
                stoker(
                    "run", str(large_file("foreach")), tool="stoker run, foreach", prepare=large("foreach"), **rarely
                ),
            ],
            4,
        ),
    }
