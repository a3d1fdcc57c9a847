"""A submitter who lacks one right of those that `stoker rbac --submitter` prints: a real API server says which, and so do we."""

from __future__ import annotations

import json
import signal

import pytest
from cluster import pod_groups
from submission_fixtures import KINDS, ONE_OF_EACH, Team

VOLCANO = ("--conf", "spark.kubernetes.driver.pod.featureSteps=org.apache.spark.deploy.k8s.features.VolcanoFeatureStep")


def become_who_may_not(team: Team, *missing: str) -> None:
    """From now on the user has the printed rights but these, such as "create pods"."""
    printed = team.stoker("rbac", "--namespace", team.namespace, "--submitter", "--user", "submitter", "--json")
    [role] = [each for each in json.loads(printed.out)["items"] if each["kind"] == "Role"]
    for rule in role["rules"]:
        [resource] = rule["resources"]
        rule["verbs"] = [verb for verb in rule["verbs"] if f"{verb} {resource}" not in missing]
    team.plane.grant("submitter", team.namespace, *(rule for rule in role["rules"] if rule["verbs"]))
    team.stoker.environment["KUBECONFIG"] = str(team.plane.kubeconfig("submitter", team.namespace))


def refusal(right: str) -> str:
    """In the words of the API server."""
    verb, resource = right.split()
    return f'User "submitter" cannot {verb} resource "{resource}"'


def test_the_printed_rights_are_enough(team: Team) -> None:
    become_who_may_not(team)
    done = team.submit("--no-wait", *ONE_OF_EACH)
    assert done.code == 0 and "forbidden" not in done.err, done.err
    assert len(team.ours()) == len(KINDS)
    assert team.stoker("apps", "cleanup", "--namespace", team.namespace).out == "nothing to clean up\n"


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_not_be_created_is_named_and_nothing_stays(team: Team, kind: str) -> None:
    become_who_may_not(team, f"create {kind}")
    done = team.submit("--no-wait", *ONE_OF_EACH)
    assert done.code == 125 and refusal(f"create {kind}") in done.err and "stoker rbac" in done.err, done.err
    assert team.ours() == []


def test_who_may_not_create_pod_groups_is_told_and_nothing_stays(team: Team) -> None:
    pod_groups.install(team.api)
    become_who_may_not(team, "create podgroups")
    done = team.submit("--no-wait", *ONE_OF_EACH, *VOLCANO)
    assert done.code == 125 and refusal("create podgroups") in done.err and "stoker rbac" in done.err, done.err
    assert team.ours() == []


def test_who_may_not_make_the_driver_the_owner_is_told(team: Team) -> None:
    become_who_may_not(team, "patch configmaps")
    done = team.submit("--no-wait", *ONE_OF_EACH)
    assert done.code == 0 and "warning: " in done.err and refusal("patch configmaps") in done.err, done.err
    assert "stoker apps cleanup" in done.err and len(team.ours()) == len(KINDS)


def test_who_may_not_look_for_an_earlier_submission_is_told(team: Team) -> None:
    become_who_may_not(team, "list pods")
    done = team.submit("--no-wait", "--submission-id", "k")
    assert done.code == 125 and refusal("list pods") in done.err and "stoker rbac" in done.err, done.err
    assert team.ours() == []


# --- cleaning up

# Nobody may list secrets: what is left of those goes with its owner, by the garbage collector.
LEFT = [kind for kind in KINDS if kind not in ("pods", "secrets")]


@pytest.mark.parametrize("kind", LEFT)
def test_what_cannot_be_deleted_again_is_left_to_a_cleaner_which_names_it(team: Team, kind: str) -> None:
    become_who_may_not(team, "create pods", f"delete {kind}")
    done = team.submit("--no-wait", *ONE_OF_EACH)
    assert done.code == 125 and refusal("create pods") in done.err
    assert "some of its objects may be left: `stoker apps cleanup" in done.err
    # Everything hangs on the anchor: it stays as long as anything does.
    assert {each.split("/")[0] for each in team.ours()} == {"configmaps", kind}
    team.let_time_pass()
    done = team.stoker("apps", "cleanup", "--namespace", team.namespace)
    assert done.code == 3 and refusal(f"delete {kind}") in done.err and "stoker rbac" in done.err, done.err
    assert team.list("configmaps", labelSelector="stoker.dev/unfinished") != []
    team.stoker.environment["KUBECONFIG"] = str(team.plane.kubeconfig("admin", team.namespace))
    assert team.stoker("apps", "cleanup", "--namespace", team.namespace).code == 0
    assert team.ours() == []


@pytest.mark.parametrize("kind", ["configmaps", "pods"])
def test_who_may_not_list_leftovers_is_told(team: Team, kind: str) -> None:
    become_who_may_not(team, "create pods", "delete services", f"list {kind}")
    assert team.submit("--no-wait").code == 125
    before = team.ours()
    team.let_time_pass()
    done = team.stoker("apps", "cleanup", "--namespace", team.namespace)
    assert done.code == 3 and refusal(f"list {kind}") in done.err and "stoker rbac" in done.err, done.err
    assert team.ours() == before != []


def test_a_driver_that_may_not_be_deleted_is_still_there(team: Team) -> None:
    become_who_may_not(team, "delete pods")
    submission = team.start()
    submission.driver()
    submission.says("created")
    submission.process.send_signal(signal.SIGINT)
    done = submission.ends()
    assert done.code == 130 and "is still there" in done.err and refusal("delete pods") in done.err, done.err
    assert len(team.list("pods")) == 1


# --- following


@pytest.mark.parametrize("right", ["list pods", "watch pods"])
def test_who_may_not_follow_is_told_and_the_driver_goes_on(team: Team, right: str) -> None:
    become_who_may_not(team, right)
    done = team.submit()
    assert done.code == 125 and refusal(right) in done.err and "goes on" in done.err, done.err
    assert len(team.list("pods")) == 1


def test_who_may_not_read_the_log_is_told_and_follows_all_the_same(team: Team) -> None:
    become_who_may_not(team, "get pods/log")
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.run(driver)
    submission.says(refusal("get pods/log"))
    team.kubelet.finish(driver, 3)
    assert submission.ends().code == 3
