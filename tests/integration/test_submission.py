"""`stoker submit` against a real API server, with the node played by the test."""

from __future__ import annotations

import pathlib
import signal
import time
from typing import Any, Callable

import pytest
from cluster import pod_groups
from cluster.client import ApiError, Object
from cluster.kubelet import FakeKubelet, path_of
from fakes.fault_proxy import Fault, FaultProxy, answer, cut, half, hang, html
from submission_fixtures import SECONDS, Team


def address(proxy: FaultProxy) -> str:
    return f"http://127.0.0.1:{proxy.port}"


def test_a_driver_runs_and_ends_well(team: Team) -> None:
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.run(driver)
    submission.says("runs on")
    team.kubelet.log(driver, "Pi is roughly 3.14\n")
    team.kubelet.finish(driver, 0)
    done = submission.ends()
    assert (done.code, done.out) == (0, "Pi is roughly 3.14\n")
    assert f"driver {team.namespace}/{driver['metadata']['name']} succeeded" in done.err


def test_the_driver_owns_everything_by_one_patch(team: Team, proxy: FaultProxy) -> None:
    done = team.submit("--no-wait", master=address(proxy))
    assert done.code == 0, done.err
    driver = team.list("pods")[0]
    assert done.out == f"{team.namespace}:{driver['metadata']['name']}\n"
    [config] = team.list("configmaps", labelSelector="stoker.dev/submission")
    [service] = team.list("services", labelSelector="stoker.dev/submission")
    assert [each["uid"] for each in config["metadata"]["ownerReferences"]] == [driver["metadata"]["uid"]]
    assert [each["uid"] for each in service["metadata"]["ownerReferences"]] == [config["metadata"]["uid"]]
    assert "stoker.dev/unfinished" not in config["metadata"]["labels"]
    assert not config["metadata"].get("annotations")
    ids = {each["metadata"]["labels"]["stoker.dev/submission"] for each in (driver, config, service)}
    assert len(ids) == 1
    assert [method for method, _ in proxy.writes()] == ["POST", "POST", "POST", "PATCH"]


def test_a_pod_group_is_there_before_its_driver(team: Team, proxy: FaultProxy, tmp_path: pathlib.Path) -> None:
    pod_groups.install(team.api)
    template = tmp_path / "group.yaml"
    template.write_text("apiVersion: scheduling.volcano.sh/v1beta1\nkind: PodGroup\nspec: {minMember: 2, queue: q1}\n")
    settings = {
        "scheduler.name": "volcano",
        "scheduler.volcano.podGroupTemplateFile": str(template),
        "driver.pod.featureSteps": "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep",
    }
    words = [word for key, value in settings.items() for word in ("--conf", f"spark.kubernetes.{key}={value}")]
    done = team.submit("--no-wait", *words, master=address(proxy))
    assert done.code == 0, done.err
    [driver] = team.list("pods")
    path = f"/apis/scheduling.volcano.sh/v1beta1/namespaces/{team.namespace}/podgroups"
    [group] = team.api.get(path)["items"]
    assert group["spec"] == {"minMember": 2, "queue": "q1"}
    assert driver["metadata"]["annotations"]["scheduling.k8s.io/group-name"] == group["metadata"]["name"]
    [config] = team.list("configmaps", labelSelector="stoker.dev/submission")
    assert [each["uid"] for each in group["metadata"]["ownerReferences"]] == [config["metadata"]["uid"]]
    made = [path.rsplit("/", 1)[1] for method, path in proxy.writes() if method == "POST"]
    assert made.index("podgroups") < made.index("pods")


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (lambda kubelet, driver: kubelet.finish(driver, 7), 7, "exit code 7"),
        (lambda kubelet, driver: kubelet.finish(driver, 137, reason="OOMKilled"), 137, "OOMKilled"),
        (lambda kubelet, driver: kubelet.finish(driver, 143), 143, "exit code 143"),
        (lambda kubelet, driver: kubelet.evict(driver), 125, "Evicted"),
    ],
    ids=["code", "memory", "signal", "evicted"],
)
def test_the_exit_code_says_how_it_ended(
    team: Team, end: Callable[[FakeKubelet, Object], Any], code: int, words: str
) -> None:
    submission = team.start()
    driver = submission.driver()
    team.kubelet.run(driver)
    end(team.kubelet, driver)
    done = submission.ends()
    assert done.code == code and words in done.err, done.err


def test_a_driver_that_somebody_deletes_is_lost(team: Team) -> None:
    submission = team.start()
    driver = submission.driver()
    team.kubelet.run(driver)
    submission.says("runs on")
    team.api.delete(path_of(driver), {"gracePeriodSeconds": 0})
    done = submission.ends()
    assert done.code == 125 and "Deleted" in done.err


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (lambda kubelet, driver: kubelet.unschedulable(driver), "no node takes the driver: 0/1 nodes are available"),
        (lambda kubelet, driver: kubelet.waiting(driver, "ErrImagePull", "not found"), "the image cannot be pulled: not found"),
        (lambda kubelet, driver: kubelet.waiting(driver, "CreateContainerConfigError", 'secret "db" not found'),
         'the container cannot be set up: secret "db" not found'),
        (lambda kubelet, driver: kubelet.event(kubelet.bind(driver), "FailedMount", 'secret "db" not found', "Warning"),
         'a volume cannot be mounted: secret "db" not found'),
    ],
    ids=["unschedulable", "image", "secret", "mount"],
)  # fmt: skip
def test_why_a_driver_does_not_start_is_said_and_it_may_still_start(
    team: Team, trouble: Callable[[FakeKubelet, Object], Any], words: str
) -> None:
    submission = team.start()
    driver = submission.driver()
    trouble(team.kubelet, driver)
    submission.says(words)
    team.kubelet.run(driver)
    submission.says("runs on")
    team.kubelet.finish(driver, 0)
    assert submission.ends().code == 0


def test_an_image_that_is_none_is_given_up_and_removed(team: Team) -> None:
    submission = team.start()
    driver = submission.driver()
    team.kubelet.waiting(driver, "InvalidImageName", "couldn't parse image name")
    submission.says("the image's name is none")
    team.api.until(path_of(driver), lambda pod: pod is None or "deletionTimestamp" in pod["metadata"])
    assert submission.ends().code == 125


def test_a_timeout_removes_the_driver(team: Team) -> None:
    submission = team.start("--timeout", "15s")
    driver = submission.driver()
    done = submission.ends()
    assert done.code == 124 and "--timeout" in done.err
    team.api.until(path_of(driver), lambda pod: pod is None)


@pytest.mark.parametrize("detach", [False, True])
def test_ctrl_c_removes_the_driver_unless_it_is_detached(team: Team, detach: bool) -> None:
    submission = team.start(*(["--detach"] if detach else []))
    driver = submission.driver()
    submission.says("created")
    submission.process.send_signal(signal.SIGINT)
    done = submission.ends()
    assert done.code == 130
    assert ("goes on" in done.err) == detach
    assert (team.list("pods") != []) == detach
    assert driver["metadata"]["name"] in done.err


@pytest.mark.parametrize(
    ("wanted", "log", "code", "out"),
    [
        ("pi", "stoker-result pi=3.1\nnoise\nstoker-result pi=3.14\n", 0, "3.14\n"),
        ("/roughly ([0-9.]+)/", "Pi is roughly 3.14159\n", 0, "3.14159\n"),
        ("/^Pi.*/", "Pi is roughly 3.14159\n", 0, "Pi is roughly 3.14159\n"),
        ("pi", "nothing of the kind\n", 1, ""),
    ],
)
def test_the_result_of_an_application(team: Team, wanted: str, log: str, code: int, out: str) -> None:
    submission = team.start("--result", wanted)
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.log(driver, log)
    team.kubelet.finish(driver, 0)
    done = submission.ends()
    assert (done.code, done.out) == (code, out), done.err


def test_a_log_goes_on_after_its_connection_broke(team: Team) -> None:
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.log(driver, "one\ntwo\n")
    assert submission.process.stdout
    assert [submission.process.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
    team.kubelet.cut_logs()
    team.kubelet.log(driver, "three\n")
    team.kubelet.finish(driver, 0)
    assert submission.ends().out == "three\n"


def test_the_driver_is_removed_afterwards_when_asked(team: Team) -> None:
    submission = team.start("--delete-after")
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.finish(driver, 3)
    team.api.until(path_of(driver), lambda pod: pod is None or "deletionTimestamp" in pod["metadata"])
    assert submission.ends().code == 3


def test_the_same_key_finds_the_first_submission(team: Team) -> None:
    first = team.submit("--no-wait", "--submission-id", "nightly-7")
    again = team.submit("--no-wait", "--submission-id", "nightly-7")
    assert first.code == again.code == 0 and first.out == again.out
    assert "is there already" in again.err
    assert len(team.list("pods")) == 1
    other = team.submit("--no-wait", "--submission-id", "nightly-8")
    assert other.out != first.out


# --- what goes wrong

REFUSED = answer(403, "Forbidden", 'pods is forbidden: User "x" cannot create resource')


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/configmaps$"), ("POST", "/services$"), ("POST", "/pods$")],
    ids=["configmaps", "services", "pods"],
)
def test_who_may_not_create_is_told_and_nothing_stays(team: Team, proxy: FaultProxy, method: str, path: str) -> None:
    proxy.on(method, path, REFUSED)
    done = team.submit(master=address(proxy))
    assert done.code == 125 and "cannot create resource" in done.err and "stoker rbac" in done.err
    assert team.ours() == []


def test_an_owner_that_cannot_be_written_is_a_warning(team: Team, proxy: FaultProxy) -> None:
    proxy.on("PATCH", "/configmaps/", REFUSED)
    done = team.submit("--no-wait", master=address(proxy))
    assert done.code == 0 and "warning: " in done.err and "stoker apps cleanup" in done.err
    team.let_time_pass()
    assert team.submit("--no-wait").code == 0  # the next one finishes it
    assert team.list("configmaps", labelSelector="stoker.dev/unfinished") == []
    assert len(team.list("pods")) == 2


@pytest.mark.parametrize("path", ["/pods$", "/log$"], ids=["watch", "log"])
def test_who_may_not_look_is_told(team: Team, proxy: FaultProxy, path: str) -> None:
    proxy.on("GET", path, REFUSED)
    submission = team.start("--follow", master=address(proxy))
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.finish(driver, 0)
    done = submission.ends()
    assert "cannot create resource" in done.err
    # Without its log a driver is still followed; without its pod it is not, and goes on.
    assert done.code == (125 if path == "/pods$" else 0), done.err


def test_who_may_not_see_events_follows_all_the_same(team: Team, proxy: FaultProxy) -> None:
    proxy.on("GET", "/events$", REFUSED)
    submission = team.start(master=address(proxy))
    driver = submission.driver()
    team.kubelet.run(driver)
    team.kubelet.finish(driver, 0)
    assert submission.ends().code == 0


def test_a_name_that_is_taken(team: Team) -> None:
    name = ["--conf", "spark.kubernetes.driver.pod.name=mine"]
    assert team.submit("--no-wait", *name).code == 0
    done = team.submit("--no-wait", *name)
    assert done.code == 125 and "exists" in done.err
    assert len(team.list("pods")) == 1 and len(team.ours()) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["spark.kubernetes.driver.label.team=a b"], "a valid label must be"),
        (["spark.kubernetes.driver.pod.name=Not_A_Name!"], "a lowercase RFC 1123 subdomain must"),
        (["spark.kubernetes.driver.pod.name=" + "long-" * 60 + "name"], "must be no more than"),
        (["spark.kubernetes.driver.request.cores=2", "spark.kubernetes.driver.limit.cores=1"], "must be less than or equal to cpu limit"),
    ],
    ids=["label", "name", "long-name", "cpu-limit"],
)  # fmt: skip
def test_what_kubernetes_refuses(team: Team, settings: list[str], words: str) -> None:
    done = team.submit("--no-wait", *(word for setting in settings for word in ("--conf", setting)))
    assert done.code == 125 and words in done.err, done.err
    assert team.ours() == []


def test_arguments_arrive_as_they_are(team: Team) -> None:
    words = ["", "a b", "it's", 'say "x"', "two\nlines", "zażółć 🚀", "$HOME `id` \\", "--conf"]
    done = team.stoker(*team.words("--no-wait"), *words)
    assert done.code == 0, done.err
    [driver] = team.list("pods")
    assert driver["spec"]["containers"][0]["args"][-len(words) :] == words


def test_a_namespace_that_is_not_there(team: Team) -> None:
    done = team.submit("--conf", "spark.kubernetes.namespace=nowhere")
    assert done.code == 125 and 'namespaces "nowhere" not found' in done.err


def until_quota_counts(team: Team) -> None:
    """Admission hears of a quota a little after it was written."""
    pod = {"metadata": {"name": "first"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            team.api.request("POST", f"/api/v1/namespaces/{team.namespace}/pods", pod, dryRun="All")
        except ApiError as refused:
            if "exceeded quota" in refused.message:
                return
    raise TimeoutError("the quota does not count")


def test_a_quota_that_is_used_up(team: Team) -> None:
    quotas = f"/api/v1/namespaces/{team.namespace}/resourcequotas"
    team.api.create(quotas, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}})
    team.api.patch(f"{quotas}/few/status", {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}})
    until_quota_counts(team)
    done = team.submit()
    assert done.code == 125 and "exceeded quota: few" in done.err and "kubectl describe quota" in done.err
    assert team.ours() == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (html(), "no API server"),
        (html(502), "502"),
        (answer(401, "Unauthorized", "Unauthorized"), "does not know these credentials"),
        (answer(422, "Invalid", "spec: Invalid value"), "Invalid value"),
        (answer(429, "TooManyRequests", "too many requests", Retry_After="0"), "too many requests"),
        (half(), "does not answer"),
    ],
    ids=["html", "bad-gateway", "expired-token", "invalid", "too-many", "closed-mid-body"],
)
def test_an_api_server_that_does_not_answer_as_one(team: Team, proxy: FaultProxy, fault: Fault, words: str) -> None:
    proxy.on("POST", "/configmaps$", fault)
    done = team.submit("--conf", "spark.app.secret=hunter2", master=address(proxy))
    assert done.code == 125 and words in done.err, done.err
    assert "hunter2" not in done.err + done.out
    assert team.ours() == []


def test_an_api_server_that_is_down(team: Team, proxy: FaultProxy) -> None:
    with FaultProxy("https://127.0.0.1:1", "", str(team.plane.path("ca.crt"))) as gone:
        port = gone.port
    done = team.submit(master=f"http://127.0.0.1:{port}")
    assert done.code == 125 and "does not answer" in done.err and "kubectl cluster-info" in done.err


def test_an_api_server_that_is_slow(team: Team, proxy: FaultProxy) -> None:
    proxy.on("POST", "/pods$", hang())
    done = team.submit("--timeout", "15s", master=address(proxy))
    assert done.code == 124 and "stoker apps cleanup" in done.err
    # The pod may still come: what it needs stays for as long.
    team.let_time_pass()
    assert team.stoker("apps", "cleanup", "--namespace", team.namespace).code == 0
    assert team.ours() == []


@pytest.mark.parametrize("fault", [cut(), cut(after=True), half(after=True)], ids=["before", "after", "half"])
@pytest.mark.parametrize("path", ["/configmaps$", "/services$", "/pods$"])
def test_a_connection_that_breaks_while_writing_doubles_nothing(
    team: Team, proxy: FaultProxy, fault: Fault, path: str
) -> None:
    proxy.on("POST", path, fault, times=1)
    done = team.submit("--no-wait", master=address(proxy))
    assert done.code == 0, done.err
    assert len(team.list("pods")) == 1 and len(team.ours()) == 3
    assert team.list("configmaps", labelSelector="stoker.dev/unfinished") == []


def test_local_files_are_there_before_the_driver(team: Team, tmp_path: Any) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    main = team.stoker.write("job.py", "print('hello')\n")
    words = team.words("--no-wait", "--conf", f"spark.kubernetes.file.upload.path=file://{shared}")
    done = team.stoker(*words[:-1], str(main))
    assert done.code == 0, done.err
    [uploaded] = shared.rglob("job.py")
    assert uploaded.read_text() == main.read_text()
    [driver] = team.list("pods")
    assert f"file://{uploaded}" in driver["spec"]["containers"][0]["args"]
    assert "uploaded" in done.err
    assert "is up already" in team.stoker(*words[:-1], str(main)).err


def test_a_place_that_needs_hadoop_is_refused_before_anything_is_made(team: Team) -> None:
    main = team.stoker.write("job.py", "print('hello')\n")
    words = team.words("--conf", "spark.kubernetes.file.upload.path=hdfs://nn/staging")
    done = team.stoker(*words[:-1], str(main))
    assert done.code in (2, 125) and "hdfs" in done.err
    assert team.ours() == []
