"""`stoker apps`, `rbac`, `doctor --cluster` and `submit --kill|--status` against a real API server."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any, Optional

import pytest
from cluster.client import ApiError, Client, Object
from cluster.control_plane import ControlPlane
from cluster.kubelet import FakeKubelet, path_of
from conftest import Outcome, Stoker
from fakes.fault_proxy import Fault, FaultProxy, answer
from submission_fixtures import PI

VERBS = ["list", "show x", "logs x", "events x", "kill x", "cleanup"]


class Team:
    """Somebody with a namespace, a kubeconfig and a node."""

    def __init__(self, stoker: Stoker, plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
        self.stoker, self.plane, self.namespace, self.kubelet = stoker, plane, namespace, kubelet
        self.api: Client = plane.client()
        stoker.environment["KUBECONFIG"] = str(plane.kubeconfig(namespace=namespace))

    def apps(self, *words: str) -> Outcome:
        return self.stoker("apps", *words)

    def json(self, *words: str) -> Any:
        done = self.apps(*words, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def pod(self, name: str, **labels: str) -> Object:
        """As another submitter than Stoker makes it."""
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "spark-kubernetes-driver", "image": "spark:3.5.7"}],
            },
        }
        return self.api.create(f"/api/v1/namespaces/{self.namespace}/pods", body)

    def driver(self, name: str = "pi-1-driver", app: str = "spark-1", **labels: str) -> Object:
        all_labels = {
            "spark-role": "driver",
            "spark-app-selector": app,
            "spark-app-name": "pi",
            "spark-version": "3.5.7",
        }
        return self.pod(name, **{**all_labels, **labels})

    def executor(self, number: int, app: str = "spark-1", name: str = "pi-1") -> Object:
        return self.pod(f"{name}-exec-{number}", **{"spark-role": "executor", "spark-app-selector": app, "spark-exec-id": str(number)})  # fmt: skip

    def submit(self, *words: str, application: bool = False) -> Outcome:
        head = ["submit", "--master", f"k8s://{self.plane.server}"]
        if application:
            head += ["--deploy-mode", "cluster", "--name", "mine", "--conf", f"spark.kubernetes.namespace={self.namespace}",
                     "--conf", "spark.kubernetes.container.image=spark:3.5.7"]  # fmt: skip
        return self.stoker(*head, *words, *([PI] if application else []))

    def names(self) -> list[str]:
        items = self.api.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return [each["metadata"]["name"] for each in items if "deletionTimestamp" not in each["metadata"]]

    def through(self, proxy: FaultProxy, namespace: Optional[str] = None) -> None:
        """Everything goes by the proxy from now on."""
        config = json.loads(self.plane.kubeconfig(namespace=namespace or self.namespace).read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{proxy.port}"}
        self.use(config)

    def become(self, user: str) -> None:
        """The administrator, impersonating."""
        config = json.loads(self.plane.kubeconfig(namespace=self.namespace).read_text())
        config["users"][0]["user"]["as"] = user
        self.use(config)

    def use(self, config: Object) -> None:
        path = self.stoker.write("other.kubeconfig", json.dumps(config))
        self.stoker.environment["KUBECONFIG"] = str(path)


@pytest.fixture
def team(stoker: Stoker, control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> Team:
    return Team(stoker, control_plane, namespace, kubelet)


# --- list and show


def test_a_list_has_the_drivers_of_everybody(team: Team) -> None:
    assert team.submit("--no-wait", application=True).code == 0
    team.kubelet.run(team.driver("a-driver", "spark-a"))
    for number in (1, 2):
        team.kubelet.run(team.executor(number, "spark-a", "a"))
    team.executor(3, "spark-a", "a")  # not running yet
    failed = team.driver("b-driver", "spark-b", **{"sparkoperator.k8s.io/app-name": "nightly"})
    team.kubelet.run(failed)
    team.kubelet.finish(failed, 3)
    rows = {row["name"]: row for row in team.json("list")}
    mine = next(name for name in rows if name.startswith("mine-"))
    assert {name: (row["by"], row["state"], row["executors"]) for name, row in rows.items()} == {
        mine: ("stoker", "waiting", 0),
        "a-driver": ("spark-submit", "running", 2),
        "b-driver": ("operator", "failed", 0),
    }
    assert rows["b-driver"]["exit_code"] == 3 and rows["b-driver"]["operator_name"] == "nightly"
    text = team.apps("list").out
    assert text.splitlines()[0].split() == ["NAME", "STATE", "EXECUTORS", "AGE", "VERSION", "BY"]
    assert "failed (exit code 3)" in text and "3.5.7" in text
    everywhere = team.apps("list", "-A").out
    assert everywhere.startswith("NAMESPACE") and team.namespace in everywhere


@pytest.mark.parametrize("words", ["apps list", "apps show x", "doctor --cluster", "rbac"])
def test_what_is_no_name_of_a_namespace_is_refused(team: Team, words: str) -> None:
    done = team.stoker(*words.split(), "--namespace", "Bad Name")
    assert done.code == 2 and '"Bad Name" is no name of a namespace' in done.err


def test_an_empty_list_says_so(team: Team) -> None:
    done = team.apps("list")
    assert (done.code, done.out) == (0, "") and f"no Spark applications in the namespace {team.namespace}" in done.err
    assert team.json("list") == []


def test_show_says_why_it_waits(team: Team) -> None:
    driver = team.driver()
    team.kubelet.waiting(driver, "ImagePullBackOff", "back-off pulling")
    done = team.apps("show", "pi-1-driver")
    assert done.code == 0
    for words in (
        "waiting (ImagePullBackOff)",
        "the image cannot be pulled: back-off pulling",
        "pullSecrets",
        "Scheduled",
    ):
        assert words in done.out, words
    assert team.json("show", "pi-1-driver")["problem"]["text"].startswith("the image cannot be pulled")


def test_show_says_what_only_an_event_says(team: Team) -> None:
    driver = team.driver()
    team.kubelet.event(team.kubelet.bind(driver), "FailedMount", 'secret "db" not found', "Warning")
    assert 'a volume cannot be mounted: secret "db" not found' in team.apps("show", "pi-1-driver").out


def test_show_has_executors_owners_and_the_end(team: Team) -> None:
    driver = team.driver()
    team.api.patch(path_of(driver), {"metadata": {"ownerReferences": [
        {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "nightly", "uid": "u-1"}]}})  # fmt: skip
    team.kubelet.run(driver)
    for number in (10, 2):
        team.executor(number)
    team.kubelet.finish(driver, 137, reason="OOMKilled")
    shown = team.json("show", "pi-1-driver")
    assert (shown["state"], shown["reason"], shown["exit_code"]) == ("failed", "OOMKilled", 137)
    assert [each["id"] for each in shown["executors"]] == ["2", "10"]
    assert shown["owners"][0]["name"] == "nightly" and shown["labels"]["spark-app-name"] == "pi"
    text = team.apps("show", "pi-1-driver").out
    assert "SparkApplication nightly" in text and "exit code   137" in text


def test_a_user_without_events_sees_the_rest(team: Team, proxy: FaultProxy) -> None:
    team.driver()
    proxy.on("GET", "/events$", answer(403, "Forbidden", "events is forbidden"))
    team.through(proxy)
    done = team.apps("show", "pi-1-driver")
    assert done.code == 0 and "no events: " in done.out and "events is forbidden" in done.out


# --- names


def test_an_application_goes_by_many_names(team: Team) -> None:
    team.driver("a-driver", "spark-a", **{"sparkoperator.k8s.io/app-name": "nightly", "stoker.dev/submission": "s-1"})
    team.driver("b-driver", "spark-b", **{"spark-app-name": "other"})
    names = ["a-driver", f"{team.namespace}/a-driver", f"{team.namespace}:a-driver", "spark-a", "nightly", "s-1", "pi"]
    for name in names:
        assert team.json("show", name)["name"] == "a-driver", name
    team.use(json.loads(team.plane.kubeconfig().read_text()))  # of another namespace
    assert team.json("show", "a-driver", "-n", team.namespace)["name"] == "a-driver"
    assert team.json("show", "s-1", "-A")["namespace"] == team.namespace


def test_a_name_of_several_applications_lists_them(team: Team) -> None:
    team.driver("a-driver", "spark-a")
    team.driver("b-driver", "spark-b")
    done = team.apps("show", "pi")
    assert done.code == 2
    assert f"pi is 2 applications: {team.namespace}/a-driver, {team.namespace}/b-driver" in done.err


def test_an_unknown_name_says_the_nearest(team: Team) -> None:
    team.driver("pi-1-driver")
    for verb in ("show", "logs", "events", "kill"):
        done = team.apps(verb, "pi-1-drivr")
        assert done.code == 2 and 'did you mean "pi-1-driver"?' in done.err, done.err
    assert team.apps("show", "nothing-like-it").err.endswith(
        "stoker apps list shows those of a namespace, with -A all\n"
    )


def test_a_name_that_is_none(team: Team) -> None:
    done = team.apps("show", "a/b/c")
    assert done.code == 2 and "names no application" in done.err


# --- logs


def test_the_log_of_a_driver_and_of_an_executor(team: Team) -> None:
    driver, executor = team.driver(), team.executor(7)
    for pod, text in ((driver, "one\ntwo\nthree\n"), (executor, "from seven\n")):
        team.kubelet.run(pod)
        team.kubelet.log(pod, text)
    assert team.apps("logs", "pi-1-driver").out == "one\ntwo\nthree\n"
    assert team.apps("logs", "pi-1-driver", "--tail", "1").out == "three\n"
    assert team.apps("logs", "spark-1", "--executor", "7").out == "from seven\n"
    done = team.apps("logs", "pi-1-driver", "--executor", "8")
    assert done.code == 2 and "has no executor 8" in done.err and "it has 7" in done.err
    team.kubelet.restart(driver)
    team.kubelet.log(driver, "again\n")
    assert team.apps("logs", "pi-1-driver").out == "again\n"
    assert team.apps("logs", "pi-1-driver", "--previous").out == "one\ntwo\nthree\n"


def test_a_followed_log_goes_on_after_its_connection_broke(team: Team) -> None:
    driver = team.driver()
    process = team.stoker.start("apps", "logs", "-f", "--tail", "1", "pi-1-driver")
    team.kubelet.run(driver)
    team.kubelet.log(driver, "one\n")
    assert process.stdout and process.stdout.readline() == "one\n"
    team.kubelet.cut_logs()
    team.kubelet.log(driver, "two\nthree\n")
    team.kubelet.finish(driver, 5)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "two\nthree\n"), err


@pytest.mark.parametrize("more", [[], ["--follow"]], ids=["now", "followed"])
def test_a_log_that_cannot_be_printed_is_no_success(team: Team, more: list[str]) -> None:
    driver = team.driver()
    team.kubelet.run(driver)
    team.kubelet.log(driver, "one\n")
    team.kubelet.finish(driver, 0)
    with open("/dev/full", "w") as full:
        process = team.stoker.start("apps", "logs", "pi-1-driver", *more, stdout=full)
        assert process.stderr and "cannot print the log: write: No space left on device" in process.stderr.read()
        assert process.wait(60) == 3


def test_a_large_log_comes_whole(team: Team) -> None:
    driver = team.driver()
    team.kubelet.run(driver)
    text = "".join(f"line {number:06d} {'x' * 500}\n" for number in range(20_000))
    team.kubelet.log(driver, text)
    assert team.apps("logs", "pi-1-driver").out == text


def test_a_driver_that_waits_has_no_log(team: Team) -> None:
    team.kubelet.waiting(team.driver(), "ImagePullBackOff", "back-off")
    done = team.apps("logs", "pi-1-driver")
    assert done.code == 1 and "has no log yet: it is waiting (ImagePullBackOff)" in done.err


# --- events


def test_events_of_driver_and_executors_in_order(team: Team) -> None:
    driver, executor = team.driver(), team.executor(1)
    team.driver("other-driver", "spark-2")
    team.kubelet.run(team.api.get(path_of(driver)))
    team.kubelet.run(executor)
    team.kubelet.run("/".join((team.namespace, "other-driver")))
    for _ in range(3):
        team.kubelet.event(executor, "Unhealthy", "probe failed", "Warning")
    team.api.delete(path_of(executor), {"gracePeriodSeconds": 0})  # it is gone, what was said of it is not
    events = team.json("events", "pi-1-driver")
    assert {each["pod"] for each in events} == {"pi-1-driver", "pi-1-exec-1"}
    assert [each["time"] for each in events] == sorted(each["time"] for each in events)
    assert next(each["count"] for each in events if each["reason"] == "Unhealthy") == 3
    assert "probe failed (x3)" in team.apps("events", "pi-1-driver").out
    team.driver("quiet-driver", "spark-3")
    assert "no events of" in team.apps("events", "quiet-driver").err


# --- kill


def test_kill_ends_several(team: Team) -> None:
    for name in "abc":
        team.driver(f"{name}-driver", f"spark-{name}")
    done = team.apps("kill", "a-driver", "spark-b", "a-driver", "--grace-period", "0")
    assert (
        done.code == 0
        and done.out == f"driver {team.namespace}/a-driver deleted\ndriver {team.namespace}/b-driver deleted\n"
    )
    assert team.names() == ["c-driver"]


def test_kill_with_a_wrong_name_ends_nothing(team: Team) -> None:
    team.driver("a-driver")
    assert team.apps("kill", "a-driver", "b-drivr").code == 2
    assert team.names() == ["a-driver"]


def test_kill_gives_the_driver_the_time_that_was_said(team: Team) -> None:
    driver = team.driver()
    team.kubelet.run(driver)
    assert team.json("kill", "pi-1-driver", "--grace-period", "77")[0]["outcome"] == "deleted"
    assert team.api.get(path_of(driver))["metadata"]["deletionGracePeriodSeconds"] == 77
    assert "running, being deleted" in team.apps("list").out


def test_a_driver_that_is_gone_meanwhile_is_no_error(team: Team, proxy: FaultProxy) -> None:
    driver = team.driver()

    def before_the_answer(handler: Any) -> None:
        """Another of the same name comes, which nobody meant, and the call is made again."""
        team.api.delete(path_of(driver), {"gracePeriodSeconds": 0})
        team.driver("pi-1-driver", "spark-other")
        handler.hang_up()

    proxy.on("DELETE", "/pods/", Fault(before_the_answer), times=1)
    team.through(proxy)
    done = team.apps("kill", "pi-1-driver")
    assert done.code == 0 and "was gone already" in done.out, done.err
    assert team.names() == ["pi-1-driver"]


# --- cleanup


def unfinished(team: Team, name: str) -> None:
    marks = {"labels": {"stoker.dev/submission": name, "stoker.dev/unfinished": "true"},
             "annotations": {"stoker.dev/creation-deadline": "2020-01-01T00:00:00Z"}}  # fmt: skip
    team.api.create(f"/api/v1/namespaces/{team.namespace}/configmaps", {"metadata": {"name": f"{name}-conf", **marks}})


def test_cleanup_says_what_it_did(team: Team) -> None:
    assert team.apps("cleanup").out == "nothing to clean up\n"
    unfinished(team, "lost")
    unfinished(team, "found")
    team.driver("found-driver", "spark-f", **{"stoker.dev/submission": "found"})
    done = team.apps("cleanup")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [
        f"finished the submission found of {team.namespace} (found-conf)",
        f"removed the submission lost of {team.namespace} (lost-conf)",
    ]
    unfinished(team, "late")
    rows = [row for row in team.json("cleanup", "-A") if row["namespace"] == team.namespace]
    assert [(row["submission_id"], row["outcome"]) for row in rows] == [("late", "removed")]
    assert team.json("cleanup") == []


# --- who may not, and no server


@pytest.mark.parametrize("words", VERBS)
def test_a_user_without_rights_is_told(team: Team, words: str) -> None:
    team.become("nobody")
    done = team.apps(*words.split())
    assert done.code == 3 and "forbidden" in done.err and "stoker rbac" in done.err, done.err


@pytest.mark.parametrize("words", VERBS)
def test_a_server_that_is_down_is_told(team: Team, words: str) -> None:
    with FaultProxy("https://127.0.0.1:1", "", str(team.plane.path("ca.crt"))) as gone:
        team.through(gone)
    done = team.apps(*words.split())
    assert done.code == 3 and "does not answer" in done.err, done.err


def test_a_context_that_is_not_there(team: Team) -> None:
    done = team.apps("list", "--context", "tset")
    assert done.code == 2 and "test" in done.err


# --- submit --kill and --status


def test_submit_status_prints_the_driver(team: Team) -> None:
    team.kubelet.run(team.driver())
    done = team.submit("--status", f"{team.namespace}:pi-1-driver")
    assert done.code == 0
    for words in ("Application status (driver):", "\t pod name: pi-1-driver", "\t phase: Running", "\t state: running"):
        assert words in done.out
    # Without a namespace that of the kubeconfig's context.
    assert team.submit("--status", "pi-1-driver").out == done.out
    assert "pi-1-driver" in team.submit("--status", f"{team.namespace}:pi*").out


def test_submit_kill_takes_a_pattern_and_only_drivers(team: Team) -> None:
    team.driver("pi-1-driver")
    team.driver("pi-2-driver", "spark-2")
    team.driver("other-driver", "spark-3")
    team.executor(1)
    kept = ["--conf", "spark.kubernetes.appKillPodDeletionGracePeriod=42s"]
    running = team.kubelet.run(f"{team.namespace}/pi-2-driver")
    done = team.submit("--kill", f"{team.namespace}:pi-*", *kept)
    assert done.code == 0, done.err
    assert sorted(team.names()) == ["other-driver", "pi-1-exec-1"]
    assert team.api.get(path_of(running))["metadata"]["deletionGracePeriodSeconds"] == 42


@pytest.mark.parametrize("flag", ["--kill", "--status"])
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nothing", 1, "no driver is called nothing"),
        ("nothing*", 1, "no driver is called nothing*"),
        ("a:b:c", 2, "is no id of a submission"),
        ("a*b", 2, "is no id of a submission"),
        (":b", 2, "is no id of a submission"),
    ],
)
def test_submit_with_an_id_that_means_nothing(team: Team, flag: str, name: str, code: int, words: str) -> None:
    done = team.submit(flag, name)
    assert done.code == code and words in done.err, done.err


def test_submit_kill_with_a_wrong_grace_period(team: Team) -> None:
    done = team.submit("--kill", "x", "--conf", "spark.kubernetes.appKillPodDeletionGracePeriod=soon")
    assert done.code == 2 and "appKillPodDeletionGracePeriod" in done.err


# --- rights


def apply(team: Team, *words: str) -> None:
    done = team.stoker("rbac", "--namespace", team.namespace, *words)
    assert done.code == 0, done.err
    path = pathlib.Path(team.stoker.write("rights.yaml", done.out))
    team.plane.kubectl("apply", "-f", str(path))
    account = words[words.index("--service-account") + 1] if "--service-account" in words else ""
    if account:
        team.plane.until_allowed(f"system:serviceaccount:{team.namespace}:{account}", team.namespace, "get", "", "pods")


def test_a_driver_with_the_printed_rights_can_do_what_drivers_do(team: Team) -> None:
    apply(team, "--service-account", "spark")
    base = f"/api/v1/namespaces/{team.namespace}"
    token = team.api.create(f"{base}/serviceaccounts/spark/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})  # fmt: skip
    driver = Team(team.stoker, team.plane, team.namespace, team.kubelet)
    driver.api = team.plane.client(token=token["status"]["token"])
    driver.executor(1)
    driver.executor(2)
    assert driver.api.get(f"{base}/pods/pi-1-exec-1")
    driver.api.patch(f"{base}/pods/pi-1-exec-1", {"metadata": {"labels": {"spark-exec-inactive": "true"}}})
    assert len(driver.api.get(f"{base}/pods", labelSelector="spark-role=executor")["items"]) == 2
    list(driver.api.watch(f"{base}/pods", 1))
    driver.api.delete(f"{base}/pods/pi-1-exec-2")
    driver.api.create(f"{base}/configmaps", {"metadata": {"name": "c", "labels": {"spark-app-selector": "spark-1"}}})
    claim = {"metadata": {"name": "v", "labels": {"spark-app-selector": "spark-1"}},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
    driver.api.create(f"{base}/persistentvolumeclaims", claim)
    for plural in ("pods", "configmaps", "services", "persistentvolumeclaims"):
        driver.api.request("DELETE", f"{base}/{plural}", labelSelector="spark-app-selector=spark-1")
    # And nothing beyond.
    for method, path in (("GET", f"{base}/secrets"), ("GET", f"{base}/configmaps"), ("GET", "/api/v1/pods")):
        with pytest.raises(ApiError) as refused:
            driver.api.request(method, path)
        assert refused.value.code == 403


def test_a_submitter_with_the_printed_rights_can_work(team: Team) -> None:
    apply(team, "--submitter", "--user", "alice@example.com")
    team.become("alice@example.com")
    # Whether the driver may do its work is asked, too.
    process = team.stoker.start("submit", "--master", f"k8s://{team.plane.server}", "--deploy-mode", "cluster", "--name", "mine",
                                "--conf", f"spark.kubernetes.namespace={team.namespace}", "--follow",
                                "--conf", "spark.kubernetes.container.image=spark:3.5.7", PI)  # fmt: skip
    driver = team.kubelet.appears(team.namespace, "spark-role=driver")
    name = driver["metadata"]["name"]
    team.kubelet.run(driver)
    team.kubelet.log(driver, "hello\n")
    for words in ("list", f"show {name}", f"logs {name}", f"events {name}", "cleanup"):
        done = team.apps(*words.split())
        assert done.code == 0, done.err
    team.kubelet.finish(driver)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "hello\n"), err
    assert "warning: the driver's service account default may not get pods" in err
    assert "forbidden" not in err
    assert team.apps("kill", name).code == 0
    unfinished(team, "lost")
    assert team.apps("cleanup").out.startswith("removed the submission lost")


def test_a_driver_with_its_rights_gets_no_warning_and_nobody_who_may_not_ask_does(
    team: Team, proxy: FaultProxy
) -> None:
    apply(team, "--service-account", "default")

    def submitted() -> str:
        process = team.stoker.start("submit", "--master", f"k8s://http://127.0.0.1:{proxy.port}", "--deploy-mode", "cluster",
                                    "--conf", f"spark.kubernetes.namespace={team.namespace}", "--name", "mine",
                                    "--conf", "spark.kubernetes.container.image=spark:3.5.7", PI)  # fmt: skip
        driver = team.kubelet.appears(team.namespace, "spark-role=driver")
        team.kubelet.run(driver)
        team.kubelet.finish(driver)
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 0, err
        team.api.delete(path_of(driver), {"gracePeriodSeconds": 0})
        return err

    assert "service account" not in submitted()
    proxy.on("POST", "/localsubjectaccessreviews$", answer(403, "Forbidden", "may not ask"))
    err = submitted()
    assert "service account" not in err and "may not ask" not in err


def test_rbac_prints_reasons_and_json(team: Team) -> None:
    text = team.stoker("rbac").out
    assert "# finds its own pod, and makes, watches and removes executors\n" in text
    listed = json.loads(team.stoker("rbac", "-n", "ml", "--service-account", "s", "--json").out)
    assert [each["kind"] for each in listed["items"]] == ["ServiceAccount", "Role", "RoleBinding"]
    assert listed["items"][2]["subjects"] == [{"kind": "ServiceAccount", "name": "s", "namespace": "ml"}]
    done = team.stoker("rbac", "--namespace", "Not A Name")
    assert done.code == 2 and "is no name of a namespace" in done.err


# --- doctor


def test_doctor_of_a_cluster_that_is_well(team: Team) -> None:
    apply(team, "--service-account", "spark")
    done = team.stoker("doctor", "--cluster", "--service-account", "spark")
    assert done.code == 0, done.out
    for words in (
        "Kubernetes v1.",
        "admin, in the namespace",
        "may get list watch create delete pods",
        "spark is there",
    ):
        assert words in done.out, done.out
    assert "may not" not in done.out


def test_doctor_says_what_is_missing_and_what_to_do(team: Team) -> None:
    done = team.stoker("doctor", "--cluster", "--service-account", "spark", "--json")
    assert done.code == 3
    rows = json.loads(done.out)
    account = next(row for row in rows if "there is no service account spark" in row["text"])
    assert f"stoker rbac --namespace {team.namespace} --service-account spark" in account["advice"]
    missing = next(row for row in rows if row["what"] == "driver" and "may not get list watch" in row["text"])
    assert missing["verdict"] == "problem"


def test_doctor_of_a_namespace_that_is_not_there(team: Team) -> None:
    done = team.stoker("doctor", "--cluster", "--namespace", "missing")
    assert done.code == 3
    assert "there is no namespace missing" in done.out and "kubectl create namespace missing" in done.out
    assert "service account" not in done.out


def test_doctor_of_a_user_who_may_nothing(team: Team) -> None:
    team.become("nobody")
    done = team.stoker("doctor", "--cluster")
    assert done.code == 3
    assert "may not get list watch create delete pods" in done.out and "--submitter" in done.out
    assert "you may not ask what default may do" in done.out


def test_doctor_of_a_server_that_is_down(team: Team) -> None:
    with FaultProxy("https://127.0.0.1:1", "", str(team.plane.path("ca.crt"))) as gone:
        team.through(gone)
    done = team.stoker("doctor", "--cluster")
    assert done.code == 3 and "does not answer" in done.out


def test_the_rights_are_what_kubectl_says_they_are(team: Team) -> None:
    apply(team, "--service-account", "spark")
    who = f"--as=system:serviceaccount:{team.namespace}:spark"
    assert team.plane.kubectl("auth", "can-i", "create", "pods", who, "-n", team.namespace).strip() == "yes"
    with pytest.raises(subprocess.CalledProcessError):
        team.plane.kubectl("auth", "can-i", "list", "secrets", who, "-n", team.namespace)
