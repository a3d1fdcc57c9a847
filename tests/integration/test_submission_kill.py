"""Submitters that end after any of their writes, and who cleans up behind them: nothing is left, and nothing is there twice."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Callable

import pytest
from cluster.client import Object
from conftest import Outcome
from fakes.fault_proxy import FaultProxy, then
from submission_fixtures import KINDS, ONE_OF_EACH, SECONDS, Submission, Team

# What is written, in order, for a plan that has one object of each kind.
WRITES = ["configmaps", "secrets", "services", "networkpolicies", "persistentvolumeclaims", "pods", "owner"]
KEY = ("--submission-id", "nightly-7")


def address(proxy: FaultProxy) -> str:
    return f"http://127.0.0.1:{proxy.port}"


def end_after(team: Team, proxy: FaultProxy, writes: int, end: signal.Signals, *words: str) -> Submission:
    """A submitter to whom this happens when the server has acted on one more write than `writes`, and before it hears of it."""
    started: list[Submission] = []

    def strike() -> None:
        started[0].process.send_signal(end)
        if end == signal.SIGKILL:
            started[0].process.wait()

    proxy.on("POST|PATCH", "", then(strike), times=1, skip=writes)
    started.append(team.start(*ONE_OF_EACH, *words, master=address(proxy)))
    started[0].process.wait(timeout=SECONDS)
    return started[0]


@pytest.mark.parametrize("writes", range(len(WRITES)), ids=WRITES)
def test_ctrl_c_after_any_write_leaves_nothing(team: Team, proxy: FaultProxy, writes: int) -> None:
    submission = end_after(team, proxy, writes, signal.SIGINT)
    assert submission.process.returncode == 130
    assert team.list("pods") == []
    # The driver owns the rest by then, which goes with it.
    assert WRITES[writes] == "owner" or team.ours() == []


# --- killed: each cleaner does its work, and says how many drivers it has made

Before = dict[str, Object]
Submit = Callable[..., Outcome]


def has_driver(before: Before) -> bool:
    return any(each.startswith("pods/") for each in before)


def owned_by(owner: Object, objects: Before) -> list[Object]:
    uid = owner["metadata"]["uid"]
    return [
        each for each in objects.values() for one in each["metadata"].get("ownerReferences", []) if one["uid"] == uid
    ]


def next_submission(team: Team, before: Before, submit: Submit) -> int:
    assert submit().code == 0
    assert set(before) <= set(team.objects())  # whoever is still at work may not be disturbed
    team.let_time_pass()
    assert submit().code == 0
    return 2


def same_words(team: Team, before: Before, submit: Submit) -> int:
    """What is there is taken over, and what is missing is made."""
    done = submit(*KEY)
    assert done.code == 0 and done.out.count("\n") == 1, done.err
    assert set(before) <= set(team.objects())
    assert Counter(each.split("/")[0] for each in team.objects()) == Counter(list(KINDS))
    assert submit(*KEY).out == done.out
    return 0 if has_driver(before) else 1


def same_key(team: Team, before: Before, submit: Submit) -> int:
    """Another command line of the key: it removes the anchor, and the rest is left to the cluster, which knows its owner."""
    team.let_time_pass()
    done = submit(*KEY, "--name", "other")
    assert done.code == 0, done.err
    assert ("is there already" in done.err) == has_driver(before)
    team.collect_garbage()
    return 0 if has_driver(before) else 1


def cleanup(team: Team, before: Before, submit: Submit) -> int:
    words = ("apps", "cleanup", "--namespace", team.namespace)
    unfinished = team.list("configmaps", labelSelector="stoker.dev/unfinished")
    assert team.stoker(*words).out == "nothing to clean up\n"
    assert set(before) <= set(team.objects())
    team.let_time_pass()
    done = team.stoker(*words)
    says = "nothing" if not unfinished else "finished" if has_driver(before) else "removed"
    assert done.code == 0 and done.out.startswith(says), done
    assert team.stoker(*words).out == "nothing to clean up\n"
    return 0


CLEANERS = [next_submission, same_words, same_key, cleanup]


@pytest.mark.parametrize("writes", range(len(WRITES)), ids=WRITES)
@pytest.mark.parametrize("clean", CLEANERS, ids=lambda clean: clean.__name__)
def test_a_kill_after_any_write_leaves_nothing_and_doubles_nothing(
    team: Team, proxy: FaultProxy, writes: int, clean: Callable[[Team, Before, Submit], int]
) -> None:
    end_after(team, proxy, writes, signal.SIGKILL, *(KEY if clean in (same_words, same_key) else ()))
    proxy.heal()
    before = team.objects()
    assert sorted(each.split("/")[0] for each in before) == sorted(WRITES[: min(writes + 1, len(KINDS))])
    made = clean(team, before, lambda *words: team.submit("--no-wait", *ONE_OF_EACH, *words, master=address(proxy)))
    left = team.objects()
    assert team.list("configmaps", labelSelector="stoker.dev/unfinished") == []
    assert len(team.list("pods")) == made + has_driver(before)
    stays = has_driver(before) or clean is same_words
    assert set(before) <= set(left) if stays else not set(before) & set(left)
    for pod in team.list("pods"):  # each owns an anchor, on which the rest hangs
        [anchor] = owned_by(pod, left)
        assert len(owned_by(anchor, left)) == len(KINDS) - 2
