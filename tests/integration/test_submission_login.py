"""Who a submitter is, and whom it trusts: credentials and certificates before a real API server."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any, Callable

import pytest
from cluster.client import Object
from submission_fixtures import Team


def answer_of_plugin(token: str, **more: str) -> str:
    return json.dumps(
        {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": token, **more}}
    )


def plugin(command: str, *arguments: str) -> Object:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": list(arguments),
                     "interactiveMode": "Never"}}  # fmt: skip


def exec_plugin(team: Team) -> Object:
    return plugin("cat", str(team.stoker.write("credential.json", answer_of_plugin(team.plane.tokens["admin"]))))


def change(team: Team, cluster: Object, user: Callable[[Team], Object] | None = None) -> None:
    """Puts these into the kubeconfig; None takes a key away."""
    path = pathlib.Path(team.stoker.environment["KUBECONFIG"])
    config = json.loads(path.read_text())
    merged = {**config["clusters"][0]["cluster"], **cluster}
    config["clusters"][0]["cluster"] = {key: value for key, value in merged.items() if value is not None}
    if user is not None:
        config["users"][0]["user"] = user(team)
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({}, lambda team: {"client-certificate": str(team.plane.path("admin.crt")), "client-key": str(team.plane.path("admin.key"))}),
        ({}, exec_plugin),
        ({"certificate-authority": None, "insecure-skip-tls-verify": True}, None),
        ({"tls-server-name": "localhost"}, None),
    ],
    ids=["certificate", "exec", "insecure", "server-name"],
)  # fmt: skip
def test_ways_to_prove_oneself(team: Team, cluster: Object, user: Callable[[Team], Object] | None) -> None:
    change(team, cluster, user)
    done = team.submit("--no-wait")
    assert done.code == 0, done.err
    assert len(team.list("pods")) == 1


@pytest.mark.parametrize(
    "cluster", [{"certificate-authority": None}, {"tls-server-name": "other.example"}], ids=["no-authority", "name"]
)
def test_a_server_that_cannot_be_trusted(team: Team, cluster: Object) -> None:
    change(team, cluster)
    done = team.submit("--no-wait")
    assert done.code == 125 and "certificate" in done.err


def test_a_wrong_certificate_authority(team: Team, tmp_path: Any) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "1",
                    "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "ca")], check=True, capture_output=True)  # fmt: skip
    done = team.submit("--conf", f"spark.kubernetes.authenticate.submission.caCertFile={tmp_path / 'ca'}")
    assert done.code == 125 and "certificate" in done.err


def test_a_wrong_token(team: Team) -> None:
    team.stoker.environment["KUBECONFIG"] = str(team.plane.kubeconfig(token="expired-7f3a"))
    done = team.submit()
    assert done.code == 125 and "does not know these credentials" in done.err and "7f3a" not in done.err


# --- a token that was good and is not any more

# A plugin whose answers are the lines of a file: each once, the last for ever.
LOGIN = """
head -n 1 "$1"
[ "$(wc -l < "$1")" -eq 1 ] || sed -i 1d "$1"
"""
ENDED = "of-yesterday-7f3a"


def use_plugin(team: Team, *tokens: str) -> Callable[..., None]:
    """Each token is over at once, so that each call asks for one. Returns what sets the next ones."""

    def set_tokens(*tokens: str) -> None:
        past = {"expirationTimestamp": "2020-01-01T00:00:00Z"}
        new = team.stoker.write("tokens.new", "".join(answer_of_plugin(token, **past) + "\n" for token in tokens))
        new.rename(new.with_suffix(""))

    script = team.stoker.write("login.sh", LOGIN)
    set_tokens(*tokens)
    change(team, {}, lambda team: plugin("sh", str(script), str(script.with_name("tokens"))))
    return set_tokens


@pytest.mark.parametrize("calls", [1, 3], ids=["before-anything-is-made", "while-writing"])
def test_a_token_that_was_good_and_has_ended(team: Team, calls: int) -> None:
    good = team.plane.tokens["admin"]
    set_tokens = use_plugin(team, *[good] * calls, ENDED)
    done = team.submit("--no-wait")
    assert done.code == 125 and "does not know these credentials" in done.err and "log in anew" in done.err, done.err
    assert ENDED not in done.err and good not in done.err
    left = team.ours()
    assert (left != []) == (calls > 1) == ("stoker apps cleanup" in done.err), done.err
    set_tokens(good)  # logged in anew
    team.let_time_pass()
    assert team.stoker("apps", "cleanup", "--namespace", team.namespace).code == 0
    assert team.ours() == []


def test_a_token_that_ends_while_its_driver_runs(team: Team) -> None:
    set_tokens = use_plugin(team, team.plane.tokens["admin"])
    submission = team.start("--follow")
    driver = submission.driver()
    team.kubelet.waiting(driver, "ErrImagePull", "not found")
    submission.says("the image cannot be pulled")
    team.kubelet.waiting(driver, "CreateContainerConfigError", 'secret "db" not found')
    submission.says(
        "the container cannot be set up"
    )  # the first may be of a list; this one is of a watch, which goes on
    set_tokens(ENDED)
    team.kubelet.run(driver)
    submission.says("Unauthorized")
    team.kubelet.finish(driver, 3)
    assert submission.ends().code == 3


def test_a_plugin_that_has_a_newer_token_is_asked_once_more(team: Team) -> None:
    use_plugin(team, *[ENDED, team.plane.tokens["admin"]] * 20)
    done = team.submit("--no-wait")
    assert done.code == 0 and "credentials" not in done.err, done.err
    assert len(team.list("pods")) == 1
