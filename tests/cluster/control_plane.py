"""A control plane of one's own: etcd and kube-apiserver on loopback, with RBAC, TLS and a few users.

Objects are validated, defaulted, stored and watched as in any cluster, but nothing acts on them: no scheduler, no controllers. The node's
part is for a test to play (kubelet.py). Service accounts get no tokens into pods, since no controller makes the accounts.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import Iterator

from go_programs import locked
from servers import end_with_parent, free_port

from cluster import assets
from cluster.client import Client, Object

# Token users and their groups. None but `admin` may do anything before a test grants it (`ControlPlane.grant`).
USERS = {"admin": "system:masters", "submitter": "", "viewer": "", "nobody": ""}
# For a hang. On a busy machine a start may take minutes.
READY_SECONDS = 300
TRIES = 3


class StartFailed(Exception):
    pass


class ProgramEnded(StartFailed):
    pass


class ControlPlane:
    """`start` and `stop` are its owner's; whoever knows the folder of one that runs can `attach` to it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.server = ""
        self.tokens: dict[str, str] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._data = pathlib.Path()

    # --- using it

    @classmethod
    def attach(cls, folder: pathlib.Path) -> ControlPlane:
        plane = cls(folder)
        state = json.loads((folder / "state.json").read_text())
        plane.server, plane.tokens = state["server"], state["tokens"]
        return plane

    def client(self, user: str = "admin", token: str | None = None) -> Client:
        """As this user of USERS, or with any other token."""
        return Client(
            self.server, ssl.create_default_context(cafile=str(self.path("ca.crt"))), token or self.tokens[user]
        )

    def kubeconfig(
        self, user: str = "admin", namespace: str = "default", token: str | None = None, certificate: bool = False
    ) -> pathlib.Path:
        """Writes one for this user, who shows a token (theirs, or what else is given), or the administrator's client certificate."""
        shown: Object = {"token": token or self.tokens[user]}
        if certificate:
            shown = {"client-certificate": str(self.path("admin.crt")), "client-key": str(self.path("admin.key"))}
        cluster = {"server": self.server, "certificate-authority": str(self.path("ca.crt"))}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": shown}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": namespace}}],
            "current-context": "test",
        }
        handle, name = tempfile.mkstemp(prefix=f"{user}-", suffix=".kubeconfig", dir=self.folder)
        with open(handle, "w") as file:  # JSON is YAML
            json.dump(config, file, indent=2)
        return pathlib.Path(name)

    def kubectl(self, *arguments: str, user: str = "admin") -> str:
        command = [str(assets.find() / "kubectl"), f"--kubeconfig={self.kubeconfig(user)}", *arguments]
        return subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        ).stdout

    def grant(self, user: str, namespace: str, *rules: Object) -> None:
        """Lets a user do this in a namespace: rules of a Role, such as {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}."""
        admin = self.client()
        group = "rbac.authorization.k8s.io"
        path = f"/apis/{group}/v1/namespaces/{namespace}"
        name = f"{user}-{secrets.token_hex(4)}"
        admin.create(f"{path}/roles", {"metadata": {"name": name}, "rules": list(rules)})
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        admin.create(f"{path}/rolebindings", binding)
        for rule in rules:
            self.until_allowed(user, namespace, rule["verbs"][0], rule["apiGroups"][0], rule["resources"][0])

    def until_allowed(self, user: str, namespace: str, verb: str, group: str, resource: str) -> None:
        """Rights count when the server's own watch has brought them, a little after they were written."""
        resource, _, part = resource.partition("/")
        wanted = {"namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": part}
        review = {"spec": {"user": user, "resourceAttributes": wanted}}
        deadline = time.monotonic() + READY_SECONDS
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        while not self.client().create(path, review)["status"].get("allowed"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{user} is still not allowed to {verb} {resource} in {namespace}")
            time.sleep(0.02)

    # --- running it

    def path(self, name: str) -> pathlib.Path:
        return self.folder / name

    def start(self) -> None:
        """Both programs up and ready, else StartFailed with the end of the log of the one that is not."""
        programs = assets.find()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        with open(self.path("tokens.csv"), "w", newline="") as file:
            csv.writer(file).writerows([token, user, user, USERS[user]] for user, token in self.tokens.items())
        make_certificates(self.folder)
        for left in reversed(range(TRIES)):
            try:
                self._start_programs(programs)
                break
            except ProgramEnded:  # somebody may have taken a port between our choice and its use
                self.stop()
                if left == 0:
                    raise
        state = self.path("state.json.new")
        state.write_text(json.dumps({"server": self.server, "tokens": self.tokens}))
        state.rename(self.path("state.json"))

    def stop(self) -> None:
        """At once: nothing of it is wanted again."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._processes.clear()
        self.path("state.json").unlink(missing_ok=True)
        if self._data.name:
            shutil.rmtree(self._data, ignore_errors=True)

    def _start_programs(self, programs: pathlib.Path) -> None:
        memory = pathlib.Path("/dev/shm")
        self._data = pathlib.Path(
            tempfile.mkdtemp(prefix="stoker-etcd-", dir=memory if os.access(memory, os.W_OK) else None)
        )
        etcd, server = (f"{scheme}://127.0.0.1:{free_port()}" for scheme in ("http", "https"))
        self.server = server
        self._run(programs / "etcd", f"{etcd}/health", *etcd_arguments(self._data, etcd))
        self._run(programs / "kube-apiserver", f"{server}/readyz", *server_arguments(self.folder, etcd, server))

    def _run(self, program: pathlib.Path, health: str, *arguments: str) -> None:
        log = self.path(f"{program.name}.log")
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [str(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                preexec_fn=end_with_parent,
            )
        self._processes.append(process)
        context = ssl.create_default_context(cafile=str(self.path("ca.crt"))) if health.startswith("https") else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        deadline = time.monotonic() + READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                opener.open(health, timeout=10).close()
                return
            time.sleep(0.05)
        end = f"its log {log} ends:\n{log.read_text(errors='replace')[-2000:]}"
        if process.returncode is not None:
            raise ProgramEnded(f"{program.name} ended with {process.returncode}; {end}")
        raise StartFailed(f"{program.name} is not ready after {READY_SECONDS} s; {end}")


def etcd_arguments(data: pathlib.Path, address: str) -> list[str]:
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        "--listen-peer-urls=http://127.0.0.1:0",  # nobody dials it
    ]


def server_arguments(folder: pathlib.Path, etcd: str, address: str) -> list[str]:
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={address.rpartition(':')[2]}",
        # May not be a loopback address; nothing connects to it.
        "--advertise-address=192.0.2.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--cert-dir={folder}",
        f"--tls-cert-file={folder}/server.crt",
        f"--tls-private-key-file={folder}/server.key",
        f"--client-ca-file={folder}/ca.crt",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--disable-admission-plugins=ServiceAccount",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder}/server.crt",
        f"--service-account-signing-key-file={folder}/server.key",
        f"--kubelet-certificate-authority={folder}/ca.crt",
        f"--kubelet-client-certificate={folder}/admin.crt",
        f"--kubelet-client-key={folder}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
    ]


def make_certificates(folder: pathlib.Path) -> None:
    """An authority, what listens on 127.0.0.1 (the server, and kubelets of tests), and the administrator."""

    def make(name: str, subject: str, *options: str) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", f"{name}.key"]
        config = "[req]\ndistinguished_name=dn\n[dn]\n"
        command = [
            "openssl",
            "req",
            "-config",
            "/dev/stdin",
            "-x509",
            "-days",
            "30",
            "-subj",
            subject,
            *key,
            "-out",
            f"{name}.crt",
        ]
        done = subprocess.run([*command, *options], cwd=folder, input=config, capture_output=True, text=True)
        if done.returncode != 0:
            raise StartFailed(f"openssl: {done.stderr}")

    make(
        "ca",
        "/CN=stoker-test",
        "-addext",
        "basicConstraints=critical,CA:true",
        "-addext",
        "keyUsage=critical,keyCertSign",
    )
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"
    make("server", "/CN=kube-apiserver", *signed, "-addext", names, "-addext", "extendedKeyUsage=serverAuth")
    make("admin", "/O=system:masters/CN=certificate-admin", *signed, "-addext", "extendedKeyUsage=clientAuth")


# --- one for several processes


@contextlib.contextmanager
def shared(folder: pathlib.Path) -> Iterator[ControlPlane]:
    """The control plane of this folder, for each process that asks; it runs from the first to the last of them.

    A keeper process owns it. Each user holds a shared lock of the file `users`, and the keeper waits for an exclusive one: the kernel
    counts, and a user that is killed counts no more.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / "users", "w") as users:
        with locked(folder / "lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (folder / "state.json").exists():
                start_keeper(folder)
        yield ControlPlane.attach(folder)


def start_keeper(folder: pathlib.Path) -> None:
    command = [sys.executable, str(pathlib.Path(__file__).parent), "keep", str(folder)]
    with open(folder / "keeper.log", "wb") as log:
        keeper = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert keeper.stdout is not None
    with keeper.stdout as said:
        ready = said.readline() == b"ready\n"
    if not ready:
        raise StartFailed((folder / "keeper.log").read_text(errors="replace")[-3000:])


def keep(folder: pathlib.Path) -> None:
    """The keeper's life. It says `ready` once, and stops the control plane before it lets the users' lock go: a newcomer finds all or nothing."""
    plane = ControlPlane(folder)
    try:
        plane.start()
        print("ready", flush=True)
        with open(folder / "users") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            plane.stop()
    finally:
        plane.stop()
