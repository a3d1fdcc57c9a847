"""What api/step-protocol.md demands of a worker, without looking into one. README.md lists the functions that it brings."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import harness
import jsonschema
import pytest
from harness import Attempt, Worker

WORKERS = harness.workers()


@pytest.fixture(params=WORKERS, ids=[os.path.basename(worker.command[-1]) for worker in WORKERS])
def worker(request: pytest.FixtureRequest) -> Worker:
    return request.param  # type: ignore[no-any-return]


def run(
    worker: Worker,
    folder: pathlib.Path,
    function: str,
    inputs: dict[str, Any] | None = None,
    outputs: tuple[str, ...] = ("output",),
    **more: Any,
) -> Attempt:
    attempt = Attempt(worker, folder, function, inputs or {}, list(outputs), **more)
    jsonschema.validate(attempt.invocation, harness.schema("step-invocation"))
    return attempt


def test_says_hello_then_started_and_ends_with_a_result(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "echo", {"value": 1})
    assert attempt.finish() == 0, attempt.text()
    kinds = [message["type"] for _, message in attempt.messages]
    assert kinds[:2] == ["hello", "started"] and kinds.count("hello") == 1 and kinds.count("started") == 1
    hello = attempt.messages[0][1]
    assert 1 in hello["versions"] and "/" in hello["worker"] and hello["pid"] == attempt.process.pid
    assert attempt.rubbish == ""
    assert attempt.result()["state"] == "succeeded"
    assert os.stat(attempt.result_path).st_mode & 0o777 == 0o600
    assert [path.name for path in attempt.folder.iterdir() if path.name.startswith("result.json")] == ["result.json"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -1,
        2**62,
        1.0,
        0.1,
        1e300,
        "",
        "ünï \U0001f600 \n\0",
        [],
        [1, 2.0, [None]],
        {},
        {"a": {"b": [1]}},
    ],
)
def test_plain_values_come_back_with_their_type(worker: Worker, tmp_path: pathlib.Path, value: Any) -> None:
    attempt = run(worker, tmp_path, "echo", {"value": value})
    assert attempt.finish() == 0, attempt.text()
    output = attempt.result()["outputs"]["output"]
    assert json.dumps(output["value"]) == json.dumps(value)


def test_literal_maps_with_dollar_keys(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "echo", {"value": {"$value": {"$ref": [{"$value": {"$x": 1}}]}}})
    assert attempt.finish() == 0, attempt.text()
    assert attempt.result()["outputs"]["output"]["value"] == {"$value": {"$ref": [{"$value": {"$x": 1}}]}}


def test_several_outputs(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "pair", outputs=("first", "second"))
    assert attempt.finish() == 0, attempt.text()
    outputs = attempt.result()["outputs"]
    assert {name: output["value"] for name, output in outputs.items()} == {"first": 1, "second": "two"}
    assert outputs["first"]["artifact"]["uri"] == attempt.invocation["artifacts"] + "/first"


def test_no_outputs_and_no_socket(worker: Worker, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = run(worker, tmp_path, "nothing", outputs=())
    assert attempt.finish() == 0, attempt.text()
    assert attempt.result()["outputs"] == {}


def test_a_failure_has_class_type_and_message(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "fail", {"message": "the rate is negative"})
    assert attempt.finish() == 1
    error = attempt.result()["error"]
    assert error["class"] == "userCode" and error["message"] == "the rate is negative" and error["type"]
    assert "the rate is negative" in error["traceback"] and "_worker" not in error["traceback"]


def test_a_secret_does_not_appear_in_the_error(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "fail", {"message": {"$secret": "db-password"}})
    assert attempt.finish() == 1
    assert "hunter2" not in attempt.result_path.read_text()
    assert "hunter2" not in attempt.text()


def test_a_missing_secret_is_named(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "fail", {"message": {"$secret": "other"}})
    assert attempt.finish() == 1
    assert "other" in attempt.result()["error"]["message"]


def test_an_abrupt_end_leaves_no_result(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "leave", {"code": 7})
    assert attempt.finish() == 7
    assert not attempt.result_path.exists()


def test_a_polite_exit_without_output_fails(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "leave_politely")
    assert attempt.finish() == 1
    assert attempt.result()["error"]["class"] == "userCode"


def test_terminate_unwinds_and_says_cancelled(worker: Worker, tmp_path: pathlib.Path) -> None:
    ready = tmp_path / "ready"
    attempt = run(worker, tmp_path, "sleep", {"seconds": 60.0, "ready": str(ready)}, outputs=())
    attempt.wait_for(ready)
    attempt.terminate()
    assert attempt.finish(50) == 143
    assert attempt.result()["error"]["class"] == "cancelled"


def test_many_messages_are_merged(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "chatter", {"count": 5000})
    assert attempt.finish() == 0, attempt.text()
    assert attempt.rubbish == ""
    times = [at for at, message in attempt.messages if message["type"] in ("progress", "metric")]
    took = times[-1] - times[0]
    assert len(times) <= 20 + 20 * (took + 1) + 20, "more than 20 a second"
    assert max(attempt.frames) <= 65536
    progress = attempt.of_type("progress")
    assert progress[-1]["done"] == 5000 and progress[-1]["total"] == 5000
    losses = [message for message in attempt.of_type("metric") if message["name"] == "loss"]
    assert losses[-1]["value"] == 1 / 5000 and losses[-1]["step"] == 5000
    assert [message["value"] for message in attempt.of_type("metric") if message["name"] == "odd"] == ["NaN"]
    assert attempt.result()["metrics"] == {"loss": 1 / 5000, "odd": "NaN"}


def test_heartbeats_when_asked(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(
        worker, tmp_path, "sleep", {"seconds": 1.0, "ready": str(tmp_path / "r")}, outputs=(), heartbeat_seconds=0.2
    )
    assert attempt.finish() == 0, attempt.text()
    assert len(attempt.of_type("heartbeat")) >= 2


def test_no_heartbeats_unasked(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "sleep", {"seconds": 0.3, "ready": str(tmp_path / "r")}, outputs=())
    assert attempt.finish() == 0, attempt.text()
    assert attempt.of_type("heartbeat") == []


def test_binary_output_is_the_users_business(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "noise")
    assert attempt.finish() == 0, attempt.text()
    log = (attempt.folder / "log").read_bytes()
    assert b"\xff\xfe\x00 out\n" in log and b"\xc3\x28 err\n" in log


def test_closed_standard_streams(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "close_streams")
    assert attempt.finish() == 0
    assert attempt.result()["outputs"]["output"]["value"] == 5


def test_a_closed_protocol_descriptor(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "close_everything")
    assert attempt.finish() == 0, attempt.text()
    assert attempt.result()["outputs"]["output"]["value"] == 6
    assert attempt.rubbish == ""


def test_large_values_are_files_and_load_elsewhere(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "large", {"size": 100_000})
    assert attempt.finish() == 0, attempt.text()
    output = attempt.result()["outputs"]["output"]
    assert "value" not in output and output["artifact"]["bytes"] >= 100_000
    again = run(worker, tmp_path, "size_of", {"name": "x", "value": {"$artifact": output["artifact"]}})
    assert again.finish() == 0, again.text()
    assert again.result()["outputs"]["output"]["value"] == 100_000


def test_a_small_value_is_inline(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "large", {"size": 60_000})
    assert attempt.finish() == 0, attempt.text()
    assert len(attempt.result()["outputs"]["output"]["value"]) == 60_000


def test_a_damaged_artifact_is_named(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "large", {"size": 100_000})
    assert attempt.finish() == 0, attempt.text()
    artifact = attempt.result()["outputs"]["output"]["artifact"]
    entry = json.loads((pathlib.Path(artifact["uri"]) / "manifest.json").read_text())["files"][0]
    os.truncate(pathlib.Path(artifact["uri"]) / entry["path"], 10)
    again = run(worker, tmp_path, "size_of", {"name": "x", "value": {"$artifact": artifact}})
    assert again.finish() == 1
    error = again.result()["error"]
    assert entry["path"] in error["message"] and error["class"] == "infrastructure"


def test_what_a_thread_or_child_does_afterwards_keeps_nobody(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "linger")
    assert attempt.finish(20) == 0, attempt.text()
    assert attempt.result()["outputs"]["output"]["value"] == 7


def test_files_are_read_where_they_are(worker: Worker, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "with space ü.txt"
    path.write_text("content")
    attempt = run(worker, tmp_path, "read", {"path": {"$file": {"path": str(path)}}})
    assert attempt.finish() == 0, attempt.text()
    assert attempt.result()["outputs"]["output"]["value"] == "content"


def test_a_wrong_type_names_both(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = run(worker, tmp_path, "wrong")
    assert attempt.finish() == 1
    error = attempt.result()["error"]
    assert error["class"] == "userCode" and "int" in error["message"].lower()


def test_a_version_that_it_does_not_speak(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = Attempt(worker, tmp_path, "echo", {"value": 1}, ["output"], version=99)
    assert attempt.finish() == 2
    assert attempt.result()["error"]["class"] == "infrastructure"


def test_no_invocation(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = Attempt(worker, tmp_path, "echo", {"value": 1}, ["output"], result=...)
    assert attempt.finish() == 2
    assert not attempt.result_path.exists()


def test_a_result_that_cannot_be_written(worker: Worker, tmp_path: pathlib.Path) -> None:
    attempt = Attempt(worker, tmp_path, "echo", {"value": 1}, ["output"], result=str(tmp_path / "gone" / "result.json"))
    assert attempt.finish() == 3
    assert "gone" in attempt.text()
