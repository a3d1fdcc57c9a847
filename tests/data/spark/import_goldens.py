"""Writes goldens/<version>.jsonl from records of the real spark-submit: python import_goldens.py FOLDER_OF_RECORDS PLACE

PLACE is the folder in which the records were made: its `work` is ${WORK}, its `spark` ${SPARK_HOME}.

It adds to a file what the file has not got, so that records of several folders come together. A line is a case: what was typed, the environment and files it met, and what the real one did: its exit code, the objects
that it sent in their order, what it drew anew for that run. A text of one repeated character is written as
{"repeat": character, "times": n}.
"""

import json
import pathlib
import sys

LONGEST_PLAIN = 4096


def compact(value):
    if isinstance(value, str) and len(value) > LONGEST_PLAIN and len(set(value)) == 1:
        return {"repeat": value[0], "times": len(value)}
    if isinstance(value, list):
        return [compact(element) for element in value]
    if isinstance(value, dict):
        return {key: compact(element) for key, element in value.items()}
    return value


def record(folder):
    case = json.loads((folder / "case.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    requests = [json.loads(line) for line in (folder / "requests.jsonl").read_text().splitlines()]
    written = [r for r in requests if r["method"] in ("POST", "PATCH", "PUT") and isinstance(r.get("body"), dict)]
    return {
        "case": case["name"],
        "about": case["about"],
        "argv": case["argv"],
        "env": {name: value for name, value in case["env"].items() if name != "HOME"},
        "files": case["files"],
        "dirs": case["dirs"],
        "exit_code": expected["exit_code"],
        "drawn": expected.get("differing", {}),
        "objects": [compact(r["body"]) for r in written],
    }


def main():
    source, place = pathlib.Path(sys.argv[1]), sys.argv[2]
    target = pathlib.Path(__file__).resolve().parent / "goldens"
    for version in sorted(p for p in source.iterdir() if p.is_dir() and p.name[0].isdigit()):
        cases = [record(folder) for folder in sorted(version.iterdir()) if (folder / "case.json").exists()]
        path = target / f"{version.name}.jsonl"
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        known = {json.loads(line)["case"]: line for line in old}
        for case in cases:
            line = json.dumps(case, ensure_ascii=False, separators=(",", ":"))
            line = line.replace(f"{place}/work", "${WORK}").replace(f"{place}/spark", "${SPARK_HOME}")
            known.setdefault(case["case"], line)
        path.write_text("\n".join(known.values()) + "\n", encoding="utf-8")
        print(version.name, len(known), "cases")


if __name__ == "__main__":
    main()
