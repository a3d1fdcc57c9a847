"""Random command lines of spark-submit, the same for the same seed.

A case is {"argv", "env", "files", "links", "dirs"}, with ${MASTER}, ${WORK} and ${SPARK_VERSION} for the API server, the current
folder and the real one's version. A file's content is its text, or {"base64": …}.
"""

from __future__ import annotations

import base64
import io
import random
import zipfile
from typing import Any, Callable

from differential import templates, values
from differential.values import K8S, Row

# How often a value is one that spark-submit refuses, where a row has such.
BAD_SHARE = 0.04
# Each case has so many features that its number chooses: a few dozen cases in a row have every feature.
CHOSEN = 4
VOLCANO = "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep"


def jar(manifest: str) -> dict[str, str]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", (2020, 1, 1, 0, 0, 0)), manifest)
    return {"base64": base64.b64encode(content.getvalue()).decode()}


class Case:
    def __init__(self, number: int) -> None:
        self.number = number
        self.source = random.Random(number)
        self.options: list[str] = []
        self.conf: dict[str, str] = {}
        self.env: dict[str, str] = {"OF_THE_ENVIRONMENT": "env-ns"}
        self.files: dict[str, Any] = {}
        self.links: dict[str, str] = {}
        self.dirs: list[str] = []

    def one(self, choices: list[Any]) -> Any:
        return self.source.choice(choices)

    def chance(self, share: float) -> bool:
        return self.source.random() < share

    def drawn(self, row: Row) -> tuple[str, str]:
        is_bad = row.bad and self.chance(BAD_SHARE)
        return self.one(row.keys), self.one(row.bad if is_bad else row.good)

    # --- features

    def volume(self, side: str = "driver") -> None:
        kind = self.one(["hostPath", "emptyDir", "nfs", "persistentVolumeClaim"])
        # Of two volumes of one name the order would be that of a hash.
        name = self.one([f"{kind[:4].lower()}-1", f"{kind[:4].lower()}2"])
        if self.chance(0.2) and not any("spark-local-dir" in key for key in self.conf):
            name = "spark-local-dir-3"
        base = f"{K8S}{side}.volumes.{kind}.{name}."
        self.conf[base + "mount.path"] = self.one(values.PATHS)
        if self.chance(0.4):
            self.conf[base + "mount.readOnly"] = self.one(values.BOOLEANS)
        if self.chance(0.4):
            self.conf[base + self.one(["mount.subPath", "mount.subPathExpr"])] = self.one(["sub", "$(A)/b", ""])
        options = {
            "hostPath": {"path": "/h", "type": self.one(["", "Directory", "DirectoryOrCreate"])},
            "nfs": {"path": "/h", "server": self.one(["s", "nfs.example"])},
            "emptyDir": {"sizeLimit": self.one(["1Gi", "500Mi", "4096"]), "medium": self.one(["Memory", ""])},
            "persistentVolumeClaim": {
                "claimName": self.one(["c1", "OnDemand", "x-OnDemand-y"]),
                "storageClass": "fast",
                "sizeLimit": self.one(["5Gi", "100Mi"]),
            },
        }
        needed = {"path", "server", "claimName"}
        for name, value in options[kind].items():
            if self.chance(0.99 if name in needed else 0.6):
                self.conf[f"{base}options.{name}"] = value
        if kind == "persistentVolumeClaim" and self.chance(0.5):
            self.conf[base + self.one(["label.l", "annotation.a/b"])] = self.one(["1", "x y"])

    def executor_volume(self) -> None:
        self.volume("executor")

    def local_folders(self) -> None:
        self.conf["spark.local.dir"] = self.one(["/l1", "/l1,/l2", "/l 1"])
        self.conf[K8S + "local.dirs.tmpfs"] = self.one(values.BOOLEANS)

    def namespace(self) -> None:
        self.conf[K8S + "namespace"] = self.one(["n1", "${env:OF_THE_ENVIRONMENT}", "${spark.test.ns}"])
        self.conf["spark.test.ns"] = "conf-ns"

    def dependencies(self) -> None:
        """Files of this machine, of the image and of others, with patterns and links."""
        self.files.update({"l/a.jar": "a", "l/b.jar": "b", "l/B.jar": "B", "l/.hidden.jar": "h", "l/sub/c.jar": "c",
                           "l/a.py": "a", "l/z.zip": "z", "l/ü x.txt": "u", "l/data.txt": "d"})  # fmt: skip
        self.links.update({"l/link.jar": "a.jar", "linked": "l"})
        jars = ["local:///a.jar", "local:///b.jar", "https://h/c.jar", "${WORK}/l/*.jar", "l/a.jar", "l/../l/b.jar", "l/link.jar",
                "linked/a.jar", "file://${WORK}/l/a.jar", "${WORK}/l/sub/*", "file:${WORK}/l/B.jar"]  # fmt: skip
        other = [
            "local:///z",
            "https://h/f.txt?a=b",
            "${WORK}/l/a*",
            "l/data.txt",
            "${WORK}/l/data.txt",
            "l/./*.txt",
            "linked/*.zip",
        ]
        lists = {
            "--jars": jars,
            "--files": other,
            "--archives": ["local:///e.tgz#e", "l/z.zip#unpacked", "https://h/e.zip#x"],
            "--py-files": ["local:///d.py", "local:///e.zip", "l/a.py", "${WORK}/l/*.zip", "https://h/d.py"],
        }
        for flag in self.source.sample(list(lists), self.one([1, 1, 2])):
            chosen = self.source.sample(lists[flag], self.one([1, 2, 3]))
            self.options += [flag, self.one([",", ",", ",,"]).join(chosen)]
        self.dirs.append("upload")
        self.conf[K8S + "file.upload.path"] = self.one(
            ["file://${WORK}/upload", "file://${WORK}/upload/", "${WORK}/upload"]
        )

    def devices(self) -> None:
        for side in self.source.sample(["driver", "executor", "task"], self.one([1, 2])):
            base = f"spark.{side}.resource.{self.one(['gpu', 'fpga'])}."
            self.conf[base + "amount"] = self.one(["1", "2", "0"])
            if self.chance(0.95):
                self.conf[base + "vendor"] = self.one(["nvidia.com", "x.io"])
            if self.chance(0.3):
                self.conf[base + "discoveryScript"] = "/opt/find.sh"

    def template(self, side: str = "driver") -> None:
        names = self.one([["c"], ["c"], ["first", "second"], ["first", "second", "third"], [""], []])
        is_bad = self.chance(BAD_SHARE)
        name = f"{side} template.yml" if self.chance(BAD_SHARE) else f"{side}.yaml"
        self.files[name] = self.one(templates.BAD) if is_bad else templates.random_template(self.source, names)
        self.conf[f"{K8S}{side}.podTemplateFile"] = self.one(["${WORK}/" + name, name, "./x/../" + name])
        if len(names) > 1 and self.chance(0.7):
            self.conf[f"{K8S}{side}.podTemplateContainerName"] = self.one([*names, "missing"])
        self.dirs.append("x")

    def executor_template(self) -> None:
        self.template("executor")

    def properties_text(self) -> str:
        lines = self.source.sample(values.PROPERTIES, self.source.randint(2, 9))
        if self.chance(BAD_SHARE):
            lines.append(self.one(values.BAD_PROPERTIES))
        for row in self.source.sample(values.CONF, 2):
            if row.good:
                key, value = self.one(row.keys), self.one(row.good)
                lines.append(f"{escaped(key, ' =:')} {escaped(value, '')}")
        return "\n".join(lines) + self.one(["\n", ""])

    def properties_file(self) -> None:
        if "--properties-file" in self.options:
            return
        name = self.one(["my.conf", "my properties"])
        self.files[name] = self.properties_text()
        self.options += ["--properties-file", self.one([name, "${WORK}/" + name])]
        if self.chance(0.4):
            self.options.append("--load-spark-defaults")

    def defaults_file(self) -> None:
        self.files["conf/spark-defaults.conf"] = self.properties_text()

    def conf_folder(self) -> None:
        """What travels in the driver's ConfigMap, and what stays behind."""
        names = ["log4j2.properties", "metrics.properties", "core-site.xml", "fairscheduler.xml.template", "spark-x.conf", "old.zip",
                 "sub/deep.txt", ".hidden", "ü.txt", "empty"]  # fmt: skip
        texts = ["rootLogger.level = warn\n", "# nothing\n", "ü\r\n\ttab\n", "", "x" * 3000]
        for name in self.source.sample(names, self.source.randint(1, 5)):
            self.files["conf/" + name] = "<configuration/>" if name.endswith(".xml") else self.one(texts)

    def hadoop(self) -> None:
        if self.chance(0.75):
            self.env["HADOOP_CONF_DIR"] = self.one(["${WORK}/hadoop", "hadoop", "${WORK}/hadoop-link"])
            self.links["hadoop-link"] = "hadoop"
            self.files["hadoop/core-site.xml"] = "<configuration/>\n"
            if self.chance(0.5):
                self.files["hadoop/hdfs-site.xml"] = "<configuration>\n<!-- ü -->\n</configuration>"
            if self.chance(0.3):
                self.files["hadoop/conf.d/ignored.xml"] = "<configuration/>"
        if "HADOOP_CONF_DIR" not in self.env or self.chance(0.05):
            self.conf[K8S + "hadoop.configMapName"] = "my-hadoop"

    def kerberos(self) -> None:
        base = K8S + "kerberos."
        if self.chance(0.5):
            self.files["krb5.conf"] = "[libdefaults]\ndefault_realm = EXAMPLE\n"
            self.conf[base + "krb5.path"] = self.one(["${WORK}/krb5.conf", "krb5.conf"])
        if base + "krb5.path" not in self.conf or self.chance(0.05):
            self.conf[base + "krb5.configMapName"] = "my-krb5"
        if self.chance(0.5):
            self.conf[base + "tokenSecret.name"] = "tokens"
            if self.chance(0.95):
                self.conf[base + "tokenSecret.itemKey"] = "hadoop-token"

    def credentials(self) -> None:
        base = K8S + "authenticate.driver."
        self.files["secret.pem"] = "-----BEGIN-----\nü\n"
        keys = [
            "oauthToken",
            "caCertFile",
            "clientKeyFile",
            "clientCertFile",
            "mounted.oauthTokenFile",
            "mounted.caCertFile",
        ]
        for key in self.source.sample(keys, self.one([1, 2, 3])):
            is_file = key.endswith("File") and not key.startswith("mounted.")
            self.conf[base + key] = self.one(["${WORK}/secret.pem", "secret.pem"]) if is_file else "x-y"

    def pod_group(self) -> None:
        self.conf[K8S + "driver.pod.featureSteps"] = VOLCANO
        self.conf[K8S + "scheduler.name"] = "volcano"
        if self.chance(0.8):
            spec = self.one(
                [
                    "{minMember: 1}",
                    "{minMember: 2, queue: q1, minResources: {cpu: 2, memory: 3Gi}}",
                    "{priorityClassName: p}",
                ]
            )
            head = "apiVersion: scheduling.volcano.sh/v1beta1\nkind: PodGroup\n"
            meta = self.one(["", "metadata: {name: mine, labels: {a: b}}\n"])
            self.files["group.yaml"] = f"{head}{meta}spec: {spec}\n"
            self.conf[K8S + "scheduler.volcano.podGroupTemplateFile"] = self.one(["${WORK}/group.yaml", "group.yaml"])

    def without_conf_folder(self) -> None:
        self.env["SPARK_CONF_DIR"] = self.one(["${WORK}/nowhere", "conf", "${WORK}/conf-link"])
        self.links["conf-link"] = "conf"

    def switches(self) -> None:
        self.options += self.one([["--verbose"], ["-v"], ["--supervise"]])

    def proxy_user(self) -> None:
        self.options += ["--proxy-user", self.one(["alice", "a b"])]
        self.env.setdefault("SPARK_USER", "bob")

    def joined_flags(self) -> None:
        self.options += self.one(
            [
                ["--name=joined up"],
                ["--conf=spark.test.joined=a=b"],
                ["-c", "spark.test.short=1"],
                ["--driver-memory=3g"],
            ]
        )

    def refused(self) -> None:
        if self.chance(0.3):
            key = self.one(list(values.REFUSED))
            self.conf[key] = values.REFUSED[key]

    def said_twice(self) -> None:
        self.options += [
            "--conf",
            "spark.test.twice=first",
            "--conf",
            "spark.test.twice=second",
            "--name",
            "one",
            "--name",
            "two",
        ]

    def row(self, row: Row, into: str) -> Callable[[], None]:
        def draw() -> None:
            key, value = self.drawn(row)
            if into == "options":
                self.options += [key, value]
            else:
                getattr(self, into)[key] = value

        return draw

    def features(self) -> list[Callable[[], None]]:
        tables = (("options", values.FLAGS), ("conf", values.CONF), ("env", values.ENVIRONMENT))
        rows = [self.row(row, into) for into, table in tables for row in table]
        return [*rows, self.volume, self.volume, self.executor_volume, self.local_folders, self.namespace, self.dependencies,
                self.dependencies, self.devices, self.template, self.template, self.executor_template, self.properties_file,
                self.defaults_file, self.conf_folder, self.hadoop, self.kerberos, self.credentials, self.pod_group,
                self.without_conf_folder, self.switches, self.proxy_user, self.joined_flags, self.said_twice,
                self.refused]  # fmt: skip

    # --- the whole

    def application(self) -> list[str]:
        words = self.source.sample(values.TEXTS, self.source.randint(0, 4))
        kinds = {
            "jar": ["--class", "org.example.Pi", "local:///opt/spark/examples/pi.jar"],
            "https": ["--class", "org.example.Pi", "https://h/pi.jar"],
            "own jar": [
                "--class",
                "org.example.Pi",
                self.one(["app.jar", "${WORK}/app.jar", "file://${WORK}/app.jar"]),
            ],
            "manifest": ["app.jar"],
            "python": [self.one(["local:///opt/app/main.py", "https://h/main.py", "local:/opt/main.py"])],
            "own python": [self.one(["main.py", "${WORK}/main.py", "./main.py"])],
            "r": [self.one(["local:///opt/app/m.R", "local:///m.r"])],
            "internal": ["--class", "org.example.M", "spark-internal"],
        }
        kind = self.one(
            ["jar", "jar", "python", "python", "https", "own jar", "manifest", "own python", "r", "internal"]
        )
        if kind in ("own jar", "manifest"):
            self.files["app.jar"] = jar("Manifest-Version: 1.0\r\nMain-Class: org.example.of.\r\n the.Manifest\r\n\r\n")
        if kind == "own python":
            self.files["main.py"] = "print('ü')\n"
        if kind in ("own jar", "manifest", "own python") and self.chance(0.97):
            self.conf.setdefault(K8S + "file.upload.path", "file://${WORK}/upload")
            self.dirs.append("upload")
        return kinds[kind] + words

    def chosen(self) -> list[Callable[[], None]]:
        """Those that the number chooses, and some at random."""
        features = self.features()
        by_number = [features[(self.number * CHOSEN + each) % len(features)] for each in range(CHOSEN)]
        return by_number + self.source.sample(features, self.source.randint(0, 7))

    def document(self) -> dict[str, Any]:
        self.dirs.append("conf")
        for feature in self.chosen():
            feature()
        app = self.application()
        conf = {K8S + "container.image": self.one(["image:1", "apache/spark:${SPARK_VERSION}-python3", "registry:5000/team/spark"]),
                K8S + "submission.waitAppCompletion": "false", **self.conf}  # fmt: skip
        words = [["--conf", f"{key}={value}"] for key, value in conf.items()]
        if self.chance(0.3):
            self.source.shuffle(words)
        flat = [word for pair in words for word in pair]
        options = [*self.options, *flat] if self.chance(0.7) else [*flat, *self.options]
        argv = ["--master", "${MASTER}", "--deploy-mode", "cluster", *options, *app]
        return {"argv": argv, "env": self.env, "files": self.files, "links": self.links, "dirs": self.dirs}


def escaped(text: str, more: str) -> str:
    """As `java.util.Properties` writes it."""
    plain = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    for sign in more:
        plain = plain.replace(sign, "\\" + sign)
    return "\\" + plain if plain[:1] in " #!=:" and plain else plain


def random_case(number: int) -> dict[str, Any]:
    return Case(number).document()


# So many in a row have every feature.
ENOUGH_CASES = -(-len(Case(0).features()) // CHOSEN)
