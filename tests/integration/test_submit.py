"""`stoker submit --dry-run`, as somebody types it who knows spark-submit."""

from __future__ import annotations

import json
import os
import pathlib
import zipfile

import pytest
import yaml
from conftest import Stoker

TARGET = ("--master", "k8s://https://host:6443", "--deploy-mode", "cluster")
IMAGE = ("--conf", "spark.kubernetes.container.image=apache/spark:3.5.7-python3")
PI = "local:///opt/spark/examples/src/main/python/pi.py"


def objects(text: str) -> dict[str, dict]:
    whole = yaml.safe_load(text)
    assert whole["kind"] == "List"
    return {item["kind"]: item for item in whole["items"]}


def test_the_objects_of_a_plain_application(stoker: Stoker) -> None:
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, "--name", "Pi job", PI, "10", "--dry-run")
    assert done.code == 0, done.err
    found = objects(done.out)
    assert list(found) == ["Service", "ConfigMap", "Pod"]
    container = found["Pod"]["spec"]["containers"][0]
    assert container["args"][-3:] == [PI, "10", "--dry-run"]  # what stands behind the application is the application's
    assert found["Pod"]["metadata"]["labels"]["spark-version"] == "3.5.7"  # as the image's tag says
    assert found["Pod"]["metadata"]["name"].startswith("pi-job-")
    assert done.err == ""


def test_json_and_yaml_say_the_same(stoker: Stoker) -> None:
    # PyYAML reads YAML 1.1, as kubectl does: what is a text must stay one.
    words = ("yes", "on", "1_000", "0644", "0b11", "10:30", "2026-11-29", "=", "1e3", "\u2028", "~")
    arguments = (*TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.pod.name=d", "--conf",
                 "spark.kubernetes.driver.label.debug=yes", PI, *words)  # fmt: skip
    as_json = json.loads(stoker("submit", "--dry-run", "-o", "json", *arguments).out)
    as_yaml = yaml.safe_load(stoker("submit", "--dry-run", *arguments).out)
    assert [item["kind"] for item in as_json["items"]] == [item["kind"] for item in as_yaml["items"]]
    for pod in (as_json["items"][-1], as_yaml["items"][-1]):
        assert pod["spec"]["containers"][0]["args"][-len(words) :] == list(words)
        assert pod["metadata"]["labels"]["debug"] == "yes"


def test_secrets_are_hidden_until_asked_for(stoker: Stoker) -> None:
    arguments = (*TARGET, *IMAGE, "--conf", "spark.db.password=hunter2", "--conf",
                 "spark.kubernetes.authenticate.driver.oauthToken=hunter2", PI)  # fmt: skip
    hidden = stoker("submit", "--dry-run", *arguments)
    assert hidden.code == 0 and "hunter2" not in hidden.out + hidden.err and "aHVudGVyMg" not in hidden.out
    shown = stoker("submit", "--dry-run", "--show-secrets", *arguments)
    assert "spark.db.password=hunter2" in shown.out and "aHVudGVyMg==" in shown.out


def test_which_spark_is_meant(stoker: Stoker, tmp_path: pathlib.Path) -> None:
    plain = (*TARGET, "--conf", "spark.kubernetes.container.image=registry:5000/team/spark", PI)
    unknown = stoker("submit", "--dry-run", *plain)
    assert "which Spark the image has is not known; objects are made as for 4.3.0" in unknown.err
    assert unknown.err.count("\n") == 1
    home = tmp_path / "spark"
    (home / "jars").mkdir(parents=True)
    (home / "jars" / "spark-core_2.12-3.4.4.jar").touch()
    of_home = stoker("submit", "--dry-run", *plain, SPARK_HOME=str(home))
    assert objects(of_home.out)["Pod"]["metadata"]["labels"]["spark-version"] == "3.4.4"
    said = stoker("submit", "--dry-run", "--spark-version", "4.0.1", *plain, SPARK_HOME=str(home))
    assert objects(said.out)["Pod"]["metadata"]["labels"]["spark-version"] == "4.0.1"


def test_files_of_this_machine(stoker: Stoker) -> None:
    stoker.write("conf/spark-defaults.conf", "spark.from.defaults yes\n")
    stoker.write("conf/log4j2.properties", "rootLogger.level = warn\n")
    with zipfile.ZipFile(stoker.folder / "app.jar", "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: org.example.Main\r\n\r\n")
    done = stoker("submit", "--dry-run", "--show-secrets", *TARGET, *IMAGE, "--conf", "spark.kubernetes.file.upload.path=s3a://bucket/up",
                  "app.jar", SPARK_CONF_DIR="conf")  # fmt: skip
    assert done.code == 0, done.err
    found = objects(done.out)
    assert found["Pod"]["spec"]["containers"][0]["args"][-2:] == ["org.example.Main", "spark-internal"]
    data = found["ConfigMap"]["data"]
    assert "spark.from.defaults=yes" in data["spark.properties"]
    assert data["log4j2.properties"] == "rootLogger.level = warn\n"
    assert "/app.jar would be uploaded to s3a://bucket/up/spark-upload-" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*TARGET, PI), "there is no image for the driver"),
        ((*TARGET, *IMAGE, "--driver-memory", "lots", PI), "is no positive size"),
        ((*TARGET, *IMAGE, "local:///app.jar"), "write --class with the class"),
        ((*TARGET, *IMAGE, "--exector-memory", "1g", PI), 'did you mean "--executor-memory"?'),
        ((*TARGET, *IMAGE, "-o", "jsno", PI), 'did you mean "json"?'),
        ((*TARGET, *IMAGE, "--properties-file", "none.conf", PI), "none.conf"),
        ((*TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.podTemplateFile=none.yaml", PI), "none.yaml"),
        ((*TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.label.spark-role=boss", PI), "the label spark-role is Spark's own"),
        ((*TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.volumes.emptyDir.a.mount.path=/data", "--conf",
          "spark.kubernetes.driver.volumes.emptyDir.b.mount.path=/data", PI), "two volumes are mounted at /data"),
    ],
    ids=["no-image", "bad-memory", "no-class", "unknown-flag", "bad-output", "no-properties-file", "no-template", "reserved-label", "mount-paths"],
)  # fmt: skip
def test_what_is_wrong_is_said(stoker: Stoker, arguments: tuple[str, ...], words: str) -> None:
    done = stoker("submit", "--dry-run", "--conf", "spark.db.password=hunter2", *arguments)
    assert done.code == 2
    assert words in done.err
    assert done.out == "" and "hunter2" not in done.err


def test_properties_with_every_escape_arrive_as_java_reads_them(stoker: Stoker) -> None:
    r"""As `java.util.Properties` has them, \u with its four digits included."""
    stoker.write("all.conf", r"""
        spark.test.a : x\ty\nz\fq\r\u00e9\\ \q
        spark.test.b\ c\=d\:e  one \
                 line
        ! a comment
        spark.test.empty
    """)  # fmt: skip
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, "--properties-file", "all.conf", PI)
    assert done.code == 0, done.err
    lines = objects(done.out)["ConfigMap"]["data"]["spark.properties"].splitlines()
    assert r"spark.test.a=x\ty\nz\fq\ré\\ q" in lines
    assert r"spark.test.b\ c\=d\:e=one line" in lines
    assert "spark.test.empty=" in lines


def test_a_property_that_java_cannot_read_is_refused(stoker: Stoker) -> None:
    stoker.write("bad.conf", "spark.test.a \\u12zz\n")
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, "--properties-file", "bad.conf", PI)
    assert done.code == 2 and "bad.conf" in done.err and "\\u" in done.err


def test_a_template_that_explodes_is_refused(stoker: Stoker) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    stoker.write("t.yaml", "\n".join([*lines, "kind: Pod"]))
    done = stoker(
        "submit", "--dry-run", *TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.podTemplateFile=t.yaml", PI
    )
    assert done.code == 2
    assert "t.yaml:" in done.err


def test_a_template_of_ten_megabytes_is_refused(stoker: Stoker) -> None:
    stoker.write("t.yaml", "kind: Pod\n" + "# x\n" * 2_600_000)
    done = stoker(
        "submit", "--dry-run", *TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.podTemplateFile=t.yaml", PI
    )
    assert done.code != 0
    assert "t.yaml" in done.err


def test_ten_thousand_properties(stoker: Stoker) -> None:
    stoker.write("many.conf", "".join(f"spark.many.key{i} value{i}\n" for i in range(10_000)))
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, "--properties-file", "many.conf", PI)
    assert done.code == 0, done.err
    assert objects(done.out)["ConfigMap"]["data"]["spark.properties"].count("spark.many.key") == 10_000


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("kind: Job\n", 'kind is "Job", and a pod template has Pod'),
        ("kind: Pod\n---\nkind: Pod\n", "t.yaml"),
        ("kind: Pod\nspec: {containers: 7}\n", "containers"),
    ],
    ids=["no-pod", "two-documents", "no-containers"],
)
def test_templates_that_are_none(stoker: Stoker, template: str, words: str) -> None:
    stoker.write("t.yaml", template)
    done = stoker(
        "submit", "--dry-run", *TARGET, *IMAGE, "--conf", "spark.kubernetes.driver.podTemplateFile=t.yaml", PI
    )
    assert done.code == 2 and words in done.err, done.err


def test_a_config_map_that_is_too_large_says_what_is(stoker: Stoker) -> None:
    stoker.write("large.conf", f"spark.large {'x' * 1_100_000}\n")
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, "--properties-file", "large.conf", PI)
    assert done.code == 2 and "spark.properties has 11" in done.err
    conf = stoker.folder / "conf"
    conf.mkdir()
    for name, size in (("small.xml", 10), ("huge.xml", 1_200_000)):
        (conf / name).write_text("x" * size)
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, PI, SPARK_CONF_DIR=str(conf))
    assert done.code == 0 and "huge.xml does not travel" in done.err and "small.xml" not in done.err


def test_help_has_the_words_of_spark_submit(stoker: Stoker) -> None:
    done = stoker("submit", "--help")
    assert done.code == 0
    for flag in (
        "--dry-run",
        "--master",
        "--deploy-mode",
        "--py-files",
        "--driver-memory",
        "--conf",
        "--spark-version",
    ):
        assert flag in done.out


def test_bytes_that_are_no_text_are_refused(stoker: Stoker) -> None:
    for words in ((PI, os.fsdecode(b"caf\xe9")), ("--conf", os.fsdecode(b"spark.x=\xff\xfe"), PI)):
        done = stoker("submit", "--dry-run", *TARGET, *IMAGE, *words)
        assert done.code == 2
        assert "is no UTF-8 text" in done.err


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["--jvm", *TARGET, "--conf", "a.b=c d", PI, "--jvm"], [*TARGET, "--conf", "a.b=c d", PI, "--jvm"]),
        (["--master", "local[2]", PI, "1"], ["--master", "local[2]", PI, "1"]),
        (["--master", "yarn", "--deploy-mode", "cluster", PI], ["--master", "yarn", "--deploy-mode", "cluster", PI]),
    ],
    ids=["asked", "local", "yarn"],
)
def test_the_real_one_gets_the_words_and_its_exit_code_is_ours(
    stoker: Stoker, real: pathlib.Path, words: list[str], given: list[str]
) -> None:
    done = stoker("submit", *words)
    assert (done.code, done.out.splitlines()) == (41, [f"[{word}]" for word in given])
    assert str(real) in done.err


def test_what_the_real_one_does_not_know_is_refused(stoker: Stoker, real: pathlib.Path) -> None:
    done = stoker("submit", "--jvm", "--follow", *TARGET, PI)
    assert done.code == 2 and "--follow" in done.err


def test_without_a_real_one_there_is_nothing_to_hand_over_to(stoker: Stoker) -> None:
    done = stoker("submit", "--jvm", *TARGET, PI, PATH="/nowhere", VIRTUAL_ENV="/nowhere")
    assert done.code == 125 and "pip install pyspark" in done.err


@pytest.mark.parametrize("application", [[], [""]])
def test_no_application_is_a_usage_error(stoker: Stoker, application: list[str]) -> None:
    done = stoker("submit", *TARGET, *IMAGE, *application)
    assert done.code == 2 and "there is no application" in done.err


@pytest.mark.parametrize(
    "words",
    [("rbac",), ("--help",), ("submit", "--dry-run", *TARGET, *IMAGE, PI)],
)
def test_what_cannot_be_printed_is_no_success(stoker: Stoker, words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = stoker.start(*words, stdout=full)
        assert process.stderr and "cannot write to standard output: No space left" in process.stderr.read()
        assert process.wait(60) == 3


def test_a_file_that_cannot_be_read_prevents_it(stoker: Stoker) -> None:
    done = stoker("submit", *TARGET, *IMAGE,
                  "--conf", f"spark.kubernetes.authenticate.submission.caCertFile={stoker.folder}", PI)  # fmt: skip
    assert done.code == 125 and "Is a directory" in done.err and "may be left" not in done.err
