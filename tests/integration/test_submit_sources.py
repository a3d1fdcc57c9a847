"""Where `stoker submit` finds what it is not told: versions, masters, the real spark-submit, templates and settings that are elsewhere."""

from __future__ import annotations

import contextlib
import http.server
import os
import pathlib
import sys
import threading
from typing import Iterator

import pytest
import yaml
from conftest import Stoker

TARGET = ("--master", "k8s://https://host:6443", "--deploy-mode", "cluster")
IMAGE = ("--conf", "spark.kubernetes.container.image=apache/spark:3.5.7")
PI = "local:///opt/spark/examples/src/main/python/pi.py"
TEMPLATE = "metadata: {labels: {from: elsewhere}}\n"


def labels(text: str) -> dict[str, str]:
    return next(item for item in yaml.safe_load(text)["items"] if item["kind"] == "Pod")["metadata"]["labels"]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("apache/spark:3.5.7-scala2.12-java17-ubuntu", "3.5.7"),
        ("apache/spark:3.5.7@sha256:0123", "3.5.7"),
        ("registry:5000/spark:v3.4", "3.4"),
        ("team/spark:spark-3.3.4.dev", "3.3.4"),
        ("spark:4.0.1-amzn-0", "4.0.1"),
    ],
)
def test_the_version_of_a_tag(stoker: Stoker, image: str, version: str) -> None:
    done = stoker("submit", "--dry-run", *TARGET, "--conf", f"spark.kubernetes.container.image={image}", PI)
    assert (done.code, done.err) == (0, "")
    assert labels(done.out)["spark-version"] == version


@pytest.mark.parametrize("image", ["apache/spark:3.2.1", "spark:5.0.0", "team/my-spark-job:4.9"])
def test_a_spark_of_a_release_that_is_not_known_is_refused(stoker: Stoker, image: str) -> None:
    done = stoker("submit", "--dry-run", *TARGET, "--conf", f"spark.kubernetes.container.image={image}", PI)
    assert done.code == 2 and "is not known" in done.err and "--spark-version" in done.err
    assert stoker("submit", "--dry-run", "--spark-version", "4.0.1", *TARGET, "--conf",
                  f"spark.kubernetes.container.image={image}", PI).code == 0  # fmt: skip


@pytest.mark.parametrize("image", ["team/app:1.2.3", "team/app:2026-11", "spark@sha256:0123", "host:5000/spark"])
def test_a_tag_that_is_no_version_of_spark(stoker: Stoker, image: str) -> None:
    done = stoker("submit", "--dry-run", *TARGET, "--conf", f"spark.kubernetes.container.image={image}", PI)
    assert done.code == 0 and "made as for 4.3.0" in done.err


@pytest.mark.parametrize("version", ["3.5.1+amzn", "4.0.1.", "4.0.1-ü"])
def test_a_version_that_cannot_be_a_label(stoker: Stoker, version: str) -> None:
    done = stoker("submit", "--dry-run", "--spark-version", version, *TARGET, *IMAGE, PI)
    assert done.code == 2 and "is no version of Spark" in done.err


@pytest.mark.parametrize("where", ["properties", "defaults", "variable"])
def test_a_master_that_is_elsewhere_is_the_real_ones_wherever_it_is_said(
    stoker: Stoker, real: pathlib.Path, where: str
) -> None:
    stoker.write("conf/spark-defaults.conf", "spark.master yarn\n")
    words = {"properties": ["--properties-file", "conf/spark-defaults.conf"]}.get(where, [])
    variables = {"defaults": {"SPARK_CONF_DIR": "conf"}, "variable": {"MASTER": "local[2]"}}.get(where, {})
    done = stoker("submit", *words, PI, **variables)
    assert (done.code, done.out.splitlines()) == (41, [f"[{word}]" for word in [*words, PI]])


def test_the_real_one_of_the_pyspark_that_is_beside_the_project(stoker: Stoker) -> None:
    os.symlink(sys.prefix, stoker.folder / ".venv")
    for name in ("VIRTUAL_ENV", "SPARK_HOME", "CONDA_PREFIX"):
        stoker.environment.pop(name, None)
    done = stoker("submit", "--jvm", "--master", "local[1]", "none.jar", PATH="/usr/bin:/bin")
    assert done.code == 1 and "pyspark/bin/spark-submit" in done.err and "none.jar" in done.err, done.err


@pytest.mark.parametrize(
    "words",
    [
        ("https://u:hunter2@h/x.jar",),
        ("--files", "nosuch://u:hunter2@h/x", PI),
        ("--files", "https://u:hunter2@h/x y", PI),
        ("--master", "k8s://http://u:hunter2@h", PI),
        ("--master", "k8s://ftp://u:hunter2@h", PI),
        ("--conf", "spark.kubernetes.driver.podTemplateFile=hdfs://u:hunter2@h/t", PI),
    ],
)
def test_passwords_of_addresses_are_in_no_message(stoker: Stoker, words: tuple[str, ...]) -> None:
    done = stoker("submit", "--dry-run", *TARGET, *IMAGE, *words)
    assert "***@h" in done.err and "hunter2" not in done.err + done.out


def test_verbose_tells_what_the_words_come_to(stoker: Stoker) -> None:
    stoker.write("conf/spark-defaults.conf", "spark.from.file yes\nspark.db.sfPass hunter2\n")
    words = ("submit", "--dry-run", "--verbose", *TARGET, *IMAGE, "--executor-memory", "3g", PI)
    done = stoker(*words, SPARK_CONF_DIR="conf")
    assert done.code == 0 and "Spark 3.5.7, main class org.apache.spark.deploy.PythonRunner" in done.err
    assert "  spark.from.file=yes\n" in done.err and "  spark.executor.memory=3g\n" in done.err
    assert "hunter2" not in done.err + done.out
    assert "hunter2" in stoker(*words[:1], "--show-secrets", *words[1:], SPARK_CONF_DIR="conf").err


@contextlib.contextmanager
def web_server(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """Answers by path: a body, or where to go on."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers.get(self.path, (404, ""))
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", text)
                text = ""
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def with_template(stoker: Stoker, uri: str) -> tuple[int, str, str]:
    done = stoker("submit", "--dry-run", "--show-secrets", *TARGET, *IMAGE, "--conf", f"spark.kubernetes.driver.podTemplateFile={uri}",
                  "--conf", f"spark.kubernetes.executor.podTemplateFile={uri}", PI)  # fmt: skip
    return done.code, done.out, done.err


def test_templates_of_a_web_server(stoker: Stoker) -> None:
    answers = {
        "/t.yaml": (200, TEMPLATE),
        "/moved": (302, "/t.yaml"),
        "/ring": (301, "/ring"),
        "/away": (302, "ftp://host/t"),
    }
    with web_server(answers) as address:
        for path in ("/t.yaml", "/moved"):
            code, out, err = with_template(stoker, address + path)
            assert code == 0, err
            data = [item.get("data", {}) for item in yaml.safe_load(out)["items"]]
            assert labels(out)["from"] == "elsewhere" and {"podspec-configmap-key": TEMPLATE} in data
        for path, words in (("/none", "answers 404"), ("/ring", "answers 301"), ("/away", "ftp://host/t")):
            code, _, err = with_template(stoker, address + path)
            assert code == 3 - (path == "/none") and words in err and "podTemplateFile" in err, err


def test_a_template_that_is_too_large_is_not_read_to_its_end(stoker: Stoker) -> None:
    with web_server({"/t.yaml": (200, "#" * 30_000_000)}) as address:
        code, _, err = with_template(stoker, f"{address}/t.yaml")
    assert code != 0 and "more than" in err, err


@pytest.mark.parametrize("uri", ["hdfs://namenode{}", "https://127.0.0.1:1{}", "gs://bucket{}"])
def test_a_template_that_is_elsewhere_is_not_looked_for_here(stoker: Stoker, uri: str) -> None:
    here = stoker.write("t.yaml", TEMPLATE)
    code, out, err = with_template(stoker, uri.format(here))
    assert code != 0 and out == "" and "podTemplateFile" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--result", "/(/"), "--result"),
        (("--result", ""), "--result"),
        (("--submission-id", ""), "--submission-id"),
        (("--submission-id", "a b"), "--submission-id"),
    ],
)
def test_a_dry_run_looks_at_what_only_a_submission_uses(stoker: Stoker, words: tuple[str, ...], said: str) -> None:
    done = stoker("submit", "--dry-run", *words, *TARGET, *IMAGE, PI)
    assert done.code == 2 and said in done.err and done.out == ""
