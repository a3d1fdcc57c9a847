"""Local dependencies on their way to a bucket or a shared folder, against a real S3 server (tests/s3)."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from conftest import ROOT, Outcome, Stoker
from go_programs import MissingProgram
from s3 import assets
from s3.server import ACCESS_KEY, REGION, SECRET_KEY, S3Server

LIMIT_SECONDS = 120
PARTS = 5 << 20


def find_driver() -> pathlib.Path | None:
    named = os.environ.get("STOKER_UPLOAD_DRIVER")
    places = [pathlib.Path(named)] if named else []
    places += [ROOT / "build" / name / "src/submission/upload_driver" for name in ("dev", "release")]
    return next((place for place in places if place.exists()), None)


DRIVER = find_driver()
pytestmark = pytest.mark.skipif(DRIVER is None, reason="upload_driver is not built")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    try:
        assets.find()
    except MissingProgram as missing:
        pytest.skip(str(missing))
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@dataclass
class Submitter:
    """Somebody with files, keys and a place to upload to."""

    folder: pathlib.Path
    properties: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    umask: int = -1  # as it is

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def command(self, files: list[str], *options: str) -> list[str]:
        conf = {"spark.kubernetes.container.image": "example.test/spark:4.0.1", **self.properties}
        words = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
        lists = ["--files", ",".join(files)] if files else []
        target = ["--master", "k8s://https://host:6443", "--deploy-mode", "cluster"]
        return [str(DRIVER), *options, *target, *words, *lists, "local:///opt/spark/main.py"]

    def variables(self) -> dict[str, str]:
        # Nor does a test take the role of the machine that it runs on.
        home = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
        return {**home, **self.environment}

    def __call__(self, *files: str, options: tuple[str, ...] = ()) -> Outcome:
        done = subprocess.run(
            self.command(list(files), *options),
            cwd=self.folder,
            env=self.variables(),
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.bucket()


@pytest.fixture
def submitter(tmp_path: pathlib.Path, s3: S3Server, bucket: str) -> Submitter:
    properties = {
        "spark.kubernetes.file.upload.path": f"s3a://{bucket}/team/uploads",
        "spark.hadoop.fs.s3a.endpoint": s3.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": REGION,
    }
    return Submitter(tmp_path, properties, {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})


def key_of(name: str, content: bytes) -> str:
    return f"team/uploads/spark-upload-{hashlib.sha256(content).hexdigest()}/{name}"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


SMALL = {"a.txt": b"hello", "empty.txt": b"", "größe und 100%.txt": "ü".encode(), "日本 +&=~'(1).txt": b"x"}


def test_files_are_put_by_their_content(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    files = {**SMALL, "large.bin": os.urandom(20_000_000)}
    done = submitter(*(submitter.write(name, content) for name, content in files.items()))
    assert done.code == 0, done.err
    assert s3.objects(bucket) == {key_of(name, content): content for name, content in files.items()}
    assert {event["to"] for event in done.events} == {f"s3a://{bucket}/{key_of(*each)}" for each in files.items()}
    assert not any(event["there"] for event in done.events)


def test_what_is_there_is_left_alone(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    names = [submitter.write(name, content) for name, content in SMALL.items()]
    assert submitter(*names).code == 0
    before = len(s3.requests(f"PUT | /{bucket}"))
    done = submitter(*names, submitter.write("b.txt", b"new"))
    assert [event["from"].endswith("b.txt") for event in done.events if not event["there"]] == [True]
    assert len(s3.requests(f"PUT | /{bucket}")) == before + 1


def test_a_bucket_in_the_name_of_the_host(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    submitter.properties["spark.hadoop.fs.s3a.endpoint"] = s3.named_endpoint
    for style in ("false", "true"):
        submitter.properties["spark.hadoop.fs.s3a.path.style.access"] = style
        done = submitter(submitter.write(f"{style} ü.txt", style.encode()))
        assert done.code == 0, done.err
    assert len(s3.objects(bucket)) == 2


def test_the_region_that_the_server_names(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    submitter.properties["spark.hadoop.fs.s3a.endpoint.region"] = "us-west-2"
    done = submitter(*(submitter.write(name, content) for name, content in SMALL.items()))
    assert done.code == 0, done.err
    assert len(s3.objects(bucket)) == len(SMALL)


def test_keys_of_properties_for_one_bucket(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    submitter.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    submitter.properties[f"spark.hadoop.fs.s3a.bucket.{bucket}.access.key"] = ACCESS_KEY
    submitter.properties[f"spark.hadoop.fs.s3a.bucket.{bucket}.secret.key"] = SECRET_KEY
    assert submitter(submitter.write("a.txt", b"1")).code == 0


def test_keys_of_a_profile(submitter: Submitter) -> None:
    submitter.environment = {"AWS_PROFILE": "team"}
    (submitter.folder / ".aws").mkdir()
    text = f"[team]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (submitter.folder / ".aws/credentials").write_text(text)
    assert submitter(submitter.write("a.txt", b"1")).code == 0


def test_settings_and_keys_of_hadoops_own_configuration(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    values = {"fs.s3a.endpoint": s3.endpoint, "fs.s3a.endpoint.region": REGION, "fs.s3a.access.key": ACCESS_KEY,
              "fs.s3a.secret.key": SECRET_KEY}  # fmt: skip
    properties = "".join(
        f"<property><name>{key}</name><value>{value}</value></property>" for key, value in values.items()
    )
    (submitter.folder / "hadoop").mkdir()
    (submitter.folder / "hadoop/core-site.xml").write_text(f"<configuration>{properties}</configuration>")
    submitter.environment = {"HADOOP_CONF_DIR": "hadoop"}
    submitter.properties = {"spark.kubernetes.file.upload.path": f"s3a://{bucket}/team/uploads"}
    done = submitter(submitter.write("a.txt", b"1"))
    assert done.code == 0, done.err
    assert list(s3.objects(bucket)) == [key_of("a.txt", b"1")]
    submitter.properties["spark.hadoop.fs.s3a.secret.key"] = "wrong"  # over what the file says
    assert submitter("a.txt", submitter.write("b.txt", b"2")).code == 3


def test_a_template_of_a_bucket(s3: S3Server, bucket: str, stoker: Stoker) -> None:
    (s3.root / bucket / "t.yaml").write_text("metadata: {labels: {from: bucket}}")
    words = ["submit", "--dry-run", "--master", "k8s://https://host:6443", "--deploy-mode", "cluster",
             "--conf", "spark.kubernetes.container.image=spark:3.5.7", "--conf", f"spark.hadoop.fs.s3a.endpoint={s3.endpoint}",
             "--conf", f"spark.hadoop.fs.s3a.endpoint.region={REGION}"]  # fmt: skip
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    for key, code, said in (("t.yaml", 0, "from: bucket"), ("none.yaml", 2, "none.yaml")):
        template = ["--conf", f"spark.kubernetes.driver.podTemplateFile=s3a://{bucket}/{key}", "local:///main.py"]
        done = stoker(*words, *template, **keys)
        assert done.code == code and said in done.out + done.err, done.err


def test_a_session_token_is_sent(submitter: Submitter) -> None:
    """The server has no sessions, and says so; that the token is signed too, the vectors of src/objects/aws_signature_test.cc prove."""
    submitter.environment["AWS_SESSION_TOKEN"] = "token/with+signs=="
    done = submitter(submitter.write("a.txt", b"1"))
    assert done.code == 3
    assert "does not accept the session token of the environment" in done.err


def test_a_large_file_goes_in_parts(s3: S3Server, bucket: str, submitter: Submitter) -> None:
    content = os.urandom(2 * PARTS + 12345)
    done = submitter(submitter.write("große Datei.bin", content), options=("--part-bytes", str(PARTS)))
    assert done.code == 0, done.err
    assert s3.objects(bucket) == {key_of("große Datei.bin", content): content}
    assert len(s3.requests(f"PUT | /{bucket}")) == 3


@pytest.mark.parametrize("options", [(), ("--part-bytes", str(PARTS))], ids=["whole", "parts"])
def test_ctrl_c_leaves_nothing(
    s3: S3Server, bucket: str, submitter: Submitter, tmp_path: pathlib.Path, options: tuple[str, ...]
) -> None:
    name = submitter.write("large.bin", os.urandom(1 << 20) * 200)
    process = subprocess.Popen(
        submitter.command([name], *options),
        cwd=submitter.folder,
        env=submitter.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "planned\n"
    until(lambda: bool(s3.unfinished(bucket)))
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130, words
    assert "cancelled" in words
    assert s3.objects(bucket) == {}
    # The server may still be at a part whose connection broke, and keep its temporary file: only that it was told is ours.
    told = s3.requests(f"DELETE | /{bucket}")
    assert [" 204 " in line for line in told] == ([True] if options else [])


@pytest.mark.parametrize(
    "change, code, words",
    [
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, 3, ["secret key of the environment"], id="wrong-secret"),
        pytest.param({"AWS_ACCESS_KEY_ID": "nobody"}, 3, ["does not know the access key"], id="wrong-key"),
        pytest.param({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 3, ["AWS_PROFILE"], id="no-keys"),
        pytest.param({"AWS_SECRET_ACCESS_KEY": ""}, 2, ["AWS_SECRET_ACCESS_KEY"], id="half-the-keys"),
        pytest.param({"AWS_PROFILE": "none", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 2, ["profile none"],
                     id="no-profile"),
        pytest.param({"path": "s3a://no-such-bucket-here/x"}, 2, ["no-such-bucket-here does not exist"], id="no-bucket"),
        pytest.param({"path": "hdfs://namenode/x"}, 2, ["hdfs: needs Hadoop's libraries", "--jvm"], id="hdfs"),
        pytest.param({"path": "s3a://key:hunter2@bucket/x"}, 2, ["keys in the address"], id="keys-in-the-address"),
        pytest.param({"path": "shared/folder"}, 2, ["absolute path"], id="relative-folder"),
        pytest.param({"fs.s3a.aws.credentials.provider": "org.example.Mine"}, 2, ["org.example.Mine", "--jvm"],
                     id="a-class-of-ones-own"),
        pytest.param({"fs.s3a.endpoint": "http://127.0.0.1:1"}, 3, ["uploading"], id="no-server"),
        pytest.param({"fs.s3a.path.style.access": "maybe"}, 2, ["path.style.access"], id="bad-flag"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(submitter: Submitter, change: dict[str, str], code: int, words: list[str]) -> None:
    for name, value in change.items():
        if name == "path":
            submitter.properties["spark.kubernetes.file.upload.path"] = value
        elif name.startswith("fs."):
            submitter.properties["spark.hadoop." + name] = value
        else:
            submitter.environment[name] = value
    done = submitter(submitter.write("a.txt", b"hello"))
    assert done.code == code, done.err
    for word in words:
        assert word in done.err
    for secret in (SECRET_KEY, "hunter2"):
        assert secret not in done.err + done.out


def test_a_file_that_is_missing(submitter: Submitter) -> None:
    done = submitter("none.txt")
    assert done.code == 2
    assert "none.txt" in done.err


def test_a_folder_that_the_cluster_shares(submitter: Submitter) -> None:
    shared = submitter.folder / "shared ü"
    submitter.properties["spark.kubernetes.file.upload.path"] = f"file://{shared}/a"
    names = [submitter.write(name, content) for name, content in SMALL.items()]
    submitter.umask = 0o077
    first = submitter(*names)
    assert first.code == 0, first.err
    files = {path for path in shared.rglob("*") if path.is_file()}
    assert {path.name: path.read_bytes() for path in files} == SMALL
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in files)
    assert all(path.stat().st_mode & 0o755 == 0o755 for path in [shared, *shared.rglob("*")] if path.is_dir())
    assert all(json.loads(line)["there"] for line in submitter(*names).out.splitlines()[1:])
