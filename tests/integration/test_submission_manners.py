"""What a stranger found in `stoker submit`, and what it does now."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

import pytest
from conftest import Stoker
from fakes.fault_proxy import FaultProxy, hang
from submission_fixtures import PI, SECONDS, Team

# More than a pipe and the program's own buffer hold together.
MANY_LINES = "".join(f"line {i:07d} {'x' * 1000}\n" for i in range(1000))


def test_a_second_submission_of_a_key_finds_the_first_whatever_it_says(team: Team) -> None:
    first = team.submit("--no-wait", "--submission-id", "k1")
    other = team.submit("--no-wait", "--submission-id", "k1", "--name", "another")
    assert first.code == other.code == 0 and first.out == other.out
    assert "is there already" in other.err and len(team.list("pods")) == 1


def test_ctrl_c_leaves_a_driver_alone_that_this_command_only_found(team: Team) -> None:
    assert team.submit("--no-wait", "--submission-id", "k2").code == 0
    second = team.start("--submission-id", "k2")
    second.says("is there already")
    second.process.send_signal(signal.SIGINT)
    done = second.ends()
    assert done.code == 130 and "goes on" in done.err
    assert len(team.list("pods")) == 1


@pytest.mark.parametrize("how", ["ctrl-c", "timeout"])
def test_a_reader_that_does_not_read_holds_nothing_up(team: Team, how: str) -> None:
    submission = team.start("--follow", *(["--timeout", "20s"] if how == "timeout" else []))
    driver = submission.driver()
    team.kubelet.run(driver)
    submission.says("runs on")
    for _ in range(12):  # nobody reads standard output
        team.kubelet.log(driver, MANY_LINES)
    if how == "ctrl-c":
        submission.process.send_signal(signal.SIGINT)
    assert submission.process.stderr
    assert "removed" in submission.process.stderr.read()
    assert submission.process.wait(SECONDS) == (130 if how == "ctrl-c" else 124)


def test_a_reader_that_goes_away_leaves_the_waiting(team: Team) -> None:
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.run(driver)
    submission.says("runs on")
    assert submission.process.stdout
    submission.process.stdout.close()
    team.kubelet.log(driver, "one\n")
    submission.says("cannot print the log: write: Broken pipe; waiting for the end of the driver")
    team.kubelet.log(driver, "two\n")
    team.kubelet.finish(driver, 3)
    assert submission.process.wait(SECONDS) == 3


@pytest.mark.parametrize("full", [True, False], ids=["full", "gone"])
def test_nobody_has_to_read_what_is_said(team: Team, full: bool) -> None:
    """Standard error is a full disk, or a pipe whose reader has gone: the driver's exit code comes all the same."""
    with open("/dev/full", "w") as disk:
        submission = team.start(stderr=disk if full else subprocess.PIPE)
        if submission.process.stderr:
            submission.process.stderr.close()
        driver = submission.driver()
        team.kubelet.run(driver)
        team.kubelet.finish(driver, 3)
        assert submission.process.wait(SECONDS) == 3
    assert team.list("configmaps", labelSelector="stoker.dev/unfinished") == []


def test_a_reader_of_what_is_said_that_pauses_holds_nothing_up(team: Team) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    submission = team.start("--timeout", "2s", stderr=write)
    os.close(write)
    assert submission.process.wait(SECONDS) == 124
    os.close(read)
    assert team.list("pods") == []


def test_a_closed_standard_output_is_an_error_and_no_connection(team: Team) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *team.stoker.command(*team.words("--no-wait"))],
        cwd=team.stoker.folder, env=team.stoker.environment, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 125 and "cannot write to standard output: Bad file descriptor" in done.stderr
    assert len(team.list("pods")) == 1


def test_submitters_of_one_key_make_one_driver_whatever_they_call_it(team: Team) -> None:
    started = [team.start("--no-wait", "--submission-id", "k", "--name", name) for name in ("one", "two", "three")]
    done = [submission.ends() for submission in started]
    assert [each.code for each in done] == [0, 0, 0], done
    assert len({each.out for each in done}) == 1 and len(team.list("pods")) == 1
    assert sum("is there already" in each.err for each in done) == 2


@pytest.mark.parametrize("action", ["--kill", "--status"])
def test_an_id_does_not_leave_its_namespace(team: Team, action: str) -> None:
    assert team.submit("--no-wait").code == 0
    done = team.stoker("submit", "--master", f"k8s://{team.plane.server}", action, "..:*")
    assert done.code == 2 and '".." is no name of a namespace' in done.err
    assert len(team.list("pods")) == 1


def test_a_long_line_comes_once(team: Team) -> None:
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.log(driver, "x" * 3_000_000 + "\nend\n")
    team.kubelet.finish(driver, 0)
    done = submission.ends()
    assert (done.code, len(done.out)) == (0, 3_000_005)


def test_actions_take_no_flags_of_submitting(stoker: Stoker) -> None:
    for words in (
        ("--kill", "ns:d", "--dry-run"),
        ("--status", "ns:d", "--no-wait"),
        ("--kill", "a:b", "--status", "a:b"),
    ):
        done = stoker("submit", "--master", "k8s://https://127.0.0.1:1", *words)
        assert done.code == 2 and "--" in done.err, done.err


def test_another_master_names_the_flag_that_is_ours(stoker: Stoker) -> None:
    done = stoker("submit", "--master", "local[2]", "--no-wait", PI)
    assert done.code == 2 and "--no-wait is not known" in done.err


@pytest.mark.parametrize("name", ["", "Bad Name", "x/../default"])
def test_a_namespace_that_is_none_is_refused(stoker: Stoker, name: str) -> None:
    done = stoker("submit", "--master", "k8s://https://127.0.0.1:1", "--deploy-mode", "cluster", "--conf",
                  "spark.kubernetes.container.image=spark:3.5.7", "--conf", f"spark.kubernetes.namespace={name}", PI)  # fmt: skip
    assert done.code == 2 and "is no name of a namespace" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("--dry-run", "--conf", "spark.kubernetes.driver.label.token=hunter2"),
        ("--conf", "spark.kubernetes.driverEnv.DB_PASSWORD hunter2"),
        ("--master", "k8s://https://u:hunter2@127.0.0.1:1"),
    ],
    ids=["selector", "no-equals", "address"],
)
def test_secrets_stay_hidden(stoker: Stoker, words: tuple[str, ...]) -> None:
    done = stoker("submit", "--master", "k8s://https://127.0.0.1:1", "--deploy-mode", "cluster", "--conf",
                  "spark.kubernetes.container.image=spark:3.5.7", *words, PI)  # fmt: skip
    assert "hunter2" not in done.out + done.err


def test_a_hang_up_that_nohup_has_taken_care_of_leaves_the_driver(team: Team) -> None:
    nohup = team.start("--follow", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    driver = nohup.driver()
    team.kubelet.run(driver)
    nohup.says("runs on")
    nohup.process.send_signal(signal.SIGHUP)
    team.kubelet.finish(driver, 7)
    assert nohup.ends().code == 7


@pytest.mark.parametrize("key", ["requestTimeout", "connectionTimeout"])
def test_a_timeout_of_the_client_is_milliseconds(stoker: Stoker, key: str) -> None:
    for value in ("soon", "-1"):
        done = stoker("submit", "--master", "k8s://https://127.0.0.1:1", "--deploy-mode", "cluster", "--conf",
                      "spark.kubernetes.container.image=spark:3.5.7", "--conf", f"spark.kubernetes.submission.{key}={value}", PI)  # fmt: skip
        assert done.code == 2 and f"spark.kubernetes.submission.{key}" in done.err


def test_a_server_that_hangs_is_given_up_when_the_user_says_so(team: Team, proxy: FaultProxy) -> None:
    proxy.on("POST", "/configmaps$", hang())
    done = team.submit(
        "--conf", "spark.kubernetes.submission.requestTimeout=200", master=f"http://127.0.0.1:{proxy.port}"
    )
    assert done.code == 125 and "the deadline passed" in done.err


def test_a_pipe_into_head_ends(team: Team) -> None:
    assert team.submit("--no-wait").code == 0
    command = " ".join(team.stoker.command("apps", "list", "-n", team.namespace)) + " | head -1"
    shown = subprocess.run(
        command, shell=True, env=team.stoker.environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert shown.returncode == 0 and shown.stdout.startswith("NAME")
