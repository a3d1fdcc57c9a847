"""Secrets by each kind of reference, and that their values stay out of everything that is kept."""

from __future__ import annotations

import hashlib
import pathlib

import pytest
from conftest import Stoker

DOCUMENT = """\
apiVersion: stoker.dev/v1beta1
kind: Pipeline
name: secrets
parameters:
  token: {type: secret, default: database}
steps:
  - name: use
    command: {script: 'echo "digest=$(printf %s "$TOKEN" | sha256sum | cut -c1-64)" >> "$STOKER_RESULT"'}
    secrets: {TOKEN: "${{ parameters.token }}"}
    outputs: {digest: {from: result, type: string}}
outputs: {digest: "${{ steps.use.outputs.digest }}"}
"""
VALUE = "hunter-two-of-the-north"


def kept(store: pathlib.Path) -> bytes:
    return b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file() and path.parent.name != "secrets")


@pytest.mark.parametrize(
    "reference", ["database", "in_the_store", "env:MY_TOKEN", "file:token.txt", "file:{folder}/token.txt"]
)
def test_a_secret_by_its_reference(stoker: Stoker, reference: str) -> None:
    (stoker.folder / "pipeline.yaml").write_text(DOCUMENT)
    (stoker.folder / "token.txt").write_text(VALUE + "\n")
    secrets = stoker.folder / ".stoker/secrets"
    secrets.mkdir(parents=True)
    (secrets / "in_the_store").write_text(VALUE)
    named = reference.format(folder=stoker.folder)
    done = stoker.run("pipeline.yaml", "--set", f"token={named}", STOKER_SECRET_DATABASE=VALUE, MY_TOKEN=VALUE)
    assert done.code == 0, done.err + done.out
    assert done.outputs == {"digest": hashlib.sha256(VALUE.encode()).hexdigest()}
    assert VALUE not in done.out + done.err
    assert VALUE.encode() not in kept(stoker.folder / ".stoker")


@pytest.mark.parametrize(
    "reference, words",
    [
        ("nowhere", "STOKER_SECRET_NOWHERE"),
        ("env:NOWHERE", "NOWHERE"),
        ("file:nowhere.txt", "nowhere.txt"),
    ],
)
def test_a_secret_that_is_not_there_is_named(stoker: Stoker, reference: str, words: str) -> None:
    (stoker.folder / "pipeline.yaml").write_text(DOCUMENT)
    done = stoker.run("pipeline.yaml", "--set", f"token={reference}")
    assert done.code == 1
    assert words in done.out + done.err
