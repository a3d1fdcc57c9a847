"""What random command lines are made of: tables, so that a new key of Spark is a row.

A value of `bad` is one that spark-submit refuses: rarely drawn, since whatever else the line has then shows nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

K8S = "spark.kubernetes."
DRIVER_STEPS = "org.apache.spark.deploy.k8s.features."
TEXTS = ["v", "two words", "a=b", "a,b", "", " x ", "ü日", "$HOME", "{{APP_ID}}", "c:\\d", "#x", "a:b", '"q"', "{{EXECUTOR_ID}}-{{APP_ID}}",
         "tab\tx", "line\nbreak", "🚀", "it's", "!x", "a\\", "${spark.test.ns}", "${env:OF_THE_ENVIRONMENT}"]  # fmt: skip
SIZES = ["1g", "2048m", "4G", "1500", "512mb", "1t", "3gb", "700M", "1048576k", "900MB", "1gB", "2000000kb", " 2g "]
BAD_SIZES = ["1.5g", "lots", "", "1 g", "1gib"]
NAMES = ["pi", "My Job", "2026 report", "a.b_c", "Überbau", "x" * 70, "--odd--", " trailing ", "9", "A--B", "日本", "x" * 40 + "-" * 20,
         "ßẞİ", "a" * 237]  # fmt: skip
KEYS = ["a", "b-c", "d1", "team", "example.com/x", "dotted.name"]
PATHS = ["/a", "/b/c", "/data", "/x y", "/a/", "/d", "/e", "/f/g/h", "relative", "/opt/spark/work-dir"]
BOOLEANS = ["true", "false", "TRUE", "False"]
OVERHEAD_FACTORS = ["0.2", "1", "0.05", "1.5", "0.10", ".5", "2.", "1e-1", " 0.3 ", "10"]
FAMILY_POLICIES = ["SingleStack", "PreferDualStack", "RequireDualStack"]
PORTS = ["1024", "17078", "60000"]


class Row(NamedTuple):
    keys: list[str]
    good: list[str]
    bad: Sequence[str] = ()


def prefixed(prefix: str, names: list[str]) -> list[str]:
    return [prefix + name for name in names]


FLAGS = [
    Row(["--name"], NAMES),
    Row(["--driver-memory", "--executor-memory"], SIZES, BAD_SIZES),
    Row(["--driver-java-options"], ["-Da=b -Dc=d", "-Dx='a b'", "-XX:+UseG1GC"]),
    Row(["--driver-class-path", "--driver-library-path"], ["/opt/a:/opt/b", "/opt/x y"]),
    Row(["--driver-cores", "--executor-cores", "--num-executors"], ["1", "3", "16"], ["two", "1.5"]),
    Row(["--queue", "--total-executor-cores"], ["7"]),
]

# Keys of --conf, spark-defaults.conf and properties files.
CONF = [
    Row(["spark.driver.memory", "spark.executor.memory"], SIZES, BAD_SIZES),
    Row(["spark.driver.memoryOverhead", "spark.executor.memoryOverhead", "spark.yarn.driver.memoryOverhead"], SIZES, BAD_SIZES),
    Row(["spark.driver.memoryOverheadFactor", K8S + "memoryOverheadFactor"], OVERHEAD_FACTORS, ["0", "lots", "-1", "0,5"]),
    Row(["spark.driver.minMemoryOverhead"], ["100m", "1g", "5000"], BAD_SIZES),
    Row(prefixed(K8S + "driver.label.", KEYS), ["v", "{{APP_ID}}", "x-1", "", "{{EXECUTOR_ID}}x"]),
    Row(prefixed(K8S + "executor.label.", KEYS), ["v"]),
    Row(prefixed(K8S + "driver.annotation.", KEYS), TEXTS),
    Row(prefixed(K8S + "driver.service.annotation.", KEYS), TEXTS),
    Row(prefixed(K8S + "driver.service.label.", [*KEYS, "spark-app-selector"]), ["v", "x-1", "{{APP_ID}}"]),
    Row([K8S + "driver.service.ipFamilyPolicy"], FAMILY_POLICIES, ["Single"]),
    Row([K8S + "driver.service.ipFamilies"], ["IPv4", "IPv6", "IPv4,IPv6", "IPv6,IPv4"], ["IPv4, IPv6"]),
    Row(prefixed(K8S + "driverEnv.", ["A", "B_C", "lower", "SPARK_USER", "X.Y", "SPARK_LOCAL_DIRS", "PYSPARK_PYTHON"]), TEXTS),
    Row(prefixed(K8S + "driver.secrets.", ["s1", "s-2"]), PATHS),
    Row(prefixed(K8S + "driver.secretKeyRef.", ["E1", "E2"]), ["sec:k", "sec:k.x"], ["seck", "a:b:c"]),
    Row([K8S + "driver.request.cores"], ["500m", "0.5", "2", "1.5"]),
    Row([K8S + "driver.limit.cores"], ["500m", "4"]),
    Row(["spark.driver.cores"], ["1", "3"], ["1.5"]),
    Row([K8S + "node.selector.a", K8S + "driver.node.selector.a", K8S + "node.selector.b.c/d"], ["x", "y", ""]),
    Row([K8S + "scheduler.name", K8S + "driver.scheduler.name"], ["sch"]),
    Row([K8S + "container.image.pullPolicy"], ["Always", "Never", "IfNotPresent"], ["Sometimes", "always"]),
    Row([K8S + "container.image.pullSecrets"], ["a", "a,b", " a , b ", ",a,", ""]),
    Row([K8S + "driver.container.image"], ["other/image:${SPARK_VERSION}", "registry:5000/spark", "spark@sha256:" + "0" * 64, "${spark.test.ns}/spark"]),
    Row([K8S + "authenticate.driver.serviceAccountName"], ["sa", "${spark.test.ns}"]),
    Row([K8S + "driver.pod.name"], ["mine", "the.pod"], ["Not_A_Name", ""]),
    Row([K8S + "executor.podNamePrefix"], ["ex", "a-b"], ["Not_A_Name", "x" * 60]),
    Row(["spark.driver.port", "spark.driver.blockManager.port", "spark.blockManager.port", "spark.ui.port"], PORTS, ["x", "0"]),
    Row(["spark.driver.host"], ["me.example"]),
    Row(["spark.app.name"], NAMES),
    Row(["spark.app.id"], ["spark-mine"]),
    Row(["spark.dynamicAllocation.enabled", "spark.eventLog.enabled"], BOOLEANS),
    Row(["spark.executor.instances", "spark.executor.cores"], ["4"], ["none", "-1"]),
    Row(["spark.pyspark.python", "spark.pyspark.driver.python"], ["python3.11", "/opt/env/bin/python"]),
    Row([K8S + "configMap.maxSize"], ["1048576", "2000"], ["2097152", "lots"]),
    Row([K8S + "driver.pod.excludedFeatureSteps"], [DRIVER_STEPS + "MountSecretsFeatureStep"]),
    Row([K8S + "legacy.useReadWriteOnceAccessMode"], BOOLEANS),
    Row([K8S + "submission.connectionTimeout", K8S + "report.interval"], ["9999"]),
    Row([K8S + "authenticate.submission.oauthToken", "spark.my.oauthToken"], ["token-1"]),
    Row(prefixed("spark.test.", ["a", "b c", "é", "x:y", "secret.password", "a=b"]), TEXTS),
    Row(["not.spark.key", "Spark.a"], ["ignored"]),
    Row(["spark.jars.excludes", "spark.jars.repositories"], ["g:a"]),
]  # fmt: skip

# What no value makes right.
REFUSED = {
    K8S + "driver.label.spark-role": "boss",
    K8S + "driver.label.spark-app-name": "mine",
    "spark.driver.bindAddress": "10.0.0.1",
    K8S + "driver.pod.featureSteps": "org.example.MyStep",
    K8S + "driver.volumes.csi.v.mount.path": "/csi",
    "spark.submit.deployMode": "client",
}

# Variables of the submitter's environment.
ENVIRONMENT = [
    Row(["SPARK_USER"], ["alice", "a b", "ü"]),
    Row(["HADOOP_USER_NAME"], ["hugo"]),
    Row(["SPARK_LOCAL_DIRS"], ["/e1", "/e1,/e2", "/x y"]),
    Row(["PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"], ["python3.12", "/opt/p"]),
    Row(["SPARK_DRIVER_MEMORY", "SPARK_EXECUTOR_MEMORY"], SIZES, BAD_SIZES),
    Row(["SPARK_EXECUTOR_CORES"], ["2"], ["x"]),
]

# Lines of properties files. Java reads them, the value then without blanks at its ends.
PROPERTIES = [
    "spark.props.a value",
    "spark.props.b=value",
    "spark.props.c: value",
    "  spark.props.d   =   two words   ",
    r"spark.props.e x\ty\nz\fq\r\u00e9\\ \q",
    r"spark.props.f\ g\=h\:i  x",
    "spark.props.j one \\\n    two \\\n\tthree",
    "spark.props.k",
    "spark.props.l ü日🚀",
    "# a comment\n! and another",
    "#\\\nspark.props.m after a comment that ends in a backslash",
    "spark.props.n  trailing\\n",
    "\tspark.props.o\tx",
    "spark.props.p a=b:c d#e!f",
    r"spark.props.q \ x\ ",
    "spark.props.r first\nspark.props.r second",
    "other.key is ignored",
    "spark.props.s x\r\nspark.props.t y\r",
    r"spark.props.u \ud83d\ude80",
    "spark.props.v\\\n w",
    r"spark.props.w c:\\dir\\",
    K8S + "driver.label.from-file yes",
    K8S + "driverEnv.FROM_FILE a b",
    "spark.driver.memory 3g",
    "spark.app.name from a file",
    "spark.executor.memory=2g",
]
BAD_PROPERTIES = [r"spark.props.z \u12zz", r"spark.props.z \u12"]
