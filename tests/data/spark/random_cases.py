"""Random command lines of spark-submit, the same for the same seed: what `test_spark_submit_differential.py` gives to the real one and to ours.

A case is {"argv", "env", "files", "dirs"}, with ${MASTER} and ${WORK} for the API server and the current folder.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List

K8S = "spark.kubernetes."
TEXTS = ["v", "two words", "a=b", "a,b", "", " x ", "ü日", "$HOME", "{{APP_ID}}", "c:\\d", "#x", "a:b", '"q"', "{{EXECUTOR_ID}}-{{APP_ID}}"]  # fmt: skip
SIZES = ["1g", "2048m", "4G", "1500", "512mb", "1t", "3gb", "700M", "1048576k"]
NAMES = ["pi", "My Job", "2026 report", "a.b_c", "Überbau", "x" * 70, "--odd--", " trailing ", "9", "A--B"]
KEYS = ["a", "b-c", "d1", "team", "example.com/x"]
PATHS = ["/a", "/b/c", "/data", "/x y"]
TEMPLATE = """kind: Pod
metadata:
  labels: {t: x}
spec:
  nodeSelector: {z: q}
  containers:
  - {name: c, env: [{name: T, value: '1'}], resources: {limits: {memory: 1Gi}}}
"""


class Case:
    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.options: List[str] = []
        self.conf: Dict[str, str] = {}
        self.env: Dict[str, str] = {}
        self.files: Dict[str, str] = {}
        self.dirs: List[str] = []
        self.app = ["--class", "org.example.Pi", "local:///opt/spark/examples/pi.jar", "10"]

    def one(self, choices: List[Any]) -> Any:
        return self.source.choice(choices)

    def chance(self, share: float) -> bool:
        return self.source.random() < share

    def volume(self) -> None:
        kind = self.one(["hostPath", "emptyDir", "nfs", "persistentVolumeClaim"])
        base = f"{K8S}driver.volumes.{kind}.{self.one(['v1', 'v-2', 'spark-local-dir-3'])}."
        self.conf[base + "mount.path"] = self.one(PATHS)
        if self.chance(0.4):
            self.conf[base + "mount.readOnly"] = self.one(["true", "false", "TRUE"])
        if self.chance(0.3):
            self.conf[base + "mount.subPath"] = "sub"
        if kind == "hostPath":
            self.conf.update({base + "options.path": "/h", base + "options.type": self.one(["", "Directory"])})
        if kind == "nfs":
            self.conf.update({base + "options.path": "/h", base + "options.server": "s"})
        if kind == "emptyDir" and self.chance(0.6):
            self.conf[base + "options.sizeLimit"] = self.one(["1Gi", "500Mi", "4096"])
        if kind == "emptyDir" and self.chance(0.5):
            self.conf[base + "options.medium"] = self.one(["Memory", ""])
        if kind == "persistentVolumeClaim":
            self.conf[base + "options.claimName"] = self.one(["c1", "OnDemand", "x-OnDemand-y"])
            if self.chance(0.6):
                self.conf.update({base + "options.storageClass": "fast", base + "options.sizeLimit": self.one(["5Gi", "100Mi"])})
            if self.chance(0.3):
                self.conf[base + "label.l"] = "1"

    def local_folders(self) -> None:
        self.conf["spark.local.dir"] = self.one(["/l1", "/l1,/l2", "/l 1"])
        self.conf[K8S + "local.dirs.tmpfs"] = self.one(["true", "false"])

    def namespace(self) -> None:
        self.conf[K8S + "namespace"] = self.one(["n1", "${env:OF_THE_ENVIRONMENT}", "${spark.test.ns}"])
        self.env["OF_THE_ENVIRONMENT"] = "env-ns"
        self.conf["spark.test.ns"] = "conf-ns"

    def dependencies(self) -> None:
        self.options += self.one(
            [
                ["--jars", "local:///a.jar,local:///b.jar"],
                ["--files", "https://h/f.txt"],
                ["--archives", "local:///e.tgz#e"],
                ["--py-files", "local:///d.py,,local:///e.zip"],
                ["--jars", "${WORK}/l/*.jar"],
                ["--files", "${WORK}/l/a*,local:///z"],
            ]
        )
        self.files.update({"l/a.jar": "a", "l/b.jar": "b"})
        self.dirs = ["upload"]
        self.conf[K8S + "file.upload.path"] = "file://${WORK}/upload"

    def devices(self) -> None:
        base = f"spark.driver.resource.{self.one(['gpu', 'fpga'])}."
        self.conf.update({base + "amount": self.one(["1", "2", "0"]), base + "vendor": self.one(["nvidia.com", "x.io"])})

    def template(self) -> None:
        self.files["t.yaml"] = TEMPLATE
        self.conf[K8S + "driver.podTemplateFile"] = "${WORK}/t.yaml"

    def flag(self, name: str, choices: List[str]) -> Callable[[], None]:
        return lambda: self.options.extend([name, self.one(choices)])

    def key(self, keys: List[str], choices: List[str]) -> Callable[[], None]:
        return lambda: self.conf.update({self.one(keys): self.one(choices)})

    def features(self) -> List[Callable[[], None]]:
        prefixed = lambda prefix, names: [prefix + name for name in names]  # noqa: E731
        ports = ["spark.driver.port", "spark.driver.blockManager.port", "spark.blockManager.port", "spark.ui.port"]
        return [
            self.flag("--name", NAMES),
            self.flag("--driver-memory", SIZES),
            self.flag("--executor-memory", SIZES),
            self.flag("--driver-java-options", ["-Da=b -Dc=d"]),
            self.flag("--proxy-user", ["alice"]),
            self.key(["spark.driver.memoryOverhead"], SIZES),
            self.key(["spark.driver.memoryOverheadFactor", K8S + "memoryOverheadFactor"], ["0.2", "0", "1", "0.05", "1.5"]),
            self.key(["spark.driver.minMemoryOverhead"], ["100m", "1g"]),
            self.key(prefixed(K8S + "driver.label.", KEYS), ["v", "{{APP_ID}}", "x-1", ""]),
            self.key(prefixed(K8S + "driver.annotation.", KEYS), TEXTS),
            self.key(prefixed(K8S + "driver.service.annotation.", KEYS), TEXTS),
            self.key(prefixed(K8S + "driver.service.label.", KEYS), ["v", "x-1"]),
            self.key(prefixed(K8S + "driverEnv.", ["A", "B_C", "lower", "SPARK_USER", "X.Y"]), TEXTS),
            self.key(prefixed(K8S + "driver.secrets.", ["s1", "s-2"]), PATHS),
            self.key(prefixed(K8S + "driver.secretKeyRef.", ["E1", "E2"]), ["sec:k", "sec:k.x"]),
            self.key([K8S + "driver.request.cores"], ["500m", "0.5", "2", "1.5"]),
            self.key([K8S + "driver.limit.cores"], ["500m", "4"]),
            self.key(["spark.driver.cores"], ["1", "3", "2"]),
            self.key([K8S + "node.selector.a", K8S + "driver.node.selector.a", K8S + "node.selector.b.c/d"], ["x", "y"]),
            self.key([K8S + "scheduler.name", K8S + "driver.scheduler.name"], ["sch"]),
            self.key([K8S + "container.image.pullSecrets"], ["a", "a,b", " a , b ", ",a,"]),
            self.key([K8S + "authenticate.driver.serviceAccountName"], ["sa"]),
            self.key(ports, ["1024", "17078", "60000"]),
            self.key(prefixed("spark.test.", ["a", "b c", "é", "x:y"]), TEXTS),
            self.volume,
            self.local_folders,
            self.namespace,
            self.dependencies,
            self.devices,
            self.template,
        ]  # fmt: skip

    def applications(self) -> List[List[str]]:
        text = self.one(TEXTS)
        return [
            self.app,
            ["local:///opt/app/main.py", "--x", text],
            ["local:///opt/app/m.R"],
            ["--class", "org.example.M", "spark-internal"],
        ]

    def document(self) -> Dict[str, Any]:
        for feature in self.source.sample(self.features(), self.source.randint(2, 9)):
            feature()
        app = self.one(self.applications())
        conf = {K8S + "container.image": "image:1", K8S + "submission.waitAppCompletion": "false", **self.conf}
        words = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
        argv = ["--master", "${MASTER}", "--deploy-mode", "cluster", *self.options, *words, *app]
        return {"argv": argv, "env": self.env, "files": self.files, "dirs": self.dirs}


def random_case(seed: int) -> Dict[str, Any]:
    return Case(random.Random(seed)).document()
