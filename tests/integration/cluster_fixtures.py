"""Fixtures for tests that need a real API server: tests/cluster has what is behind them."""

from __future__ import annotations

import os
import pathlib
import sys
import uuid
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from cluster import assets
from cluster.control_plane import ControlPlane, shared
from cluster.kubelet import FakeKubelet
from fakes.fault_proxy import FaultProxy
from go_programs import MissingProgram


@pytest.fixture(scope="session")
def control_plane_programs() -> pathlib.Path:
    """Their folder. Where they are not to be had, what needs them is skipped."""
    try:
        return assets.find()
    except MissingProgram as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def control_plane(
    control_plane_programs: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """One for all tests of the session, whichever of its processes they run in. It starts with the first test that asks."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a folder of its own in that of the session
        folder = folder.parent
    with shared(folder / "control-plane") as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """The test's own. Nothing deletes it: that takes a controller, and the control plane is thrown away as a whole."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    control_plane.client().create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def kubelet(control_plane: ControlPlane) -> Iterator[FakeKubelet]:
    """A node of the test's own."""
    node = FakeKubelet(control_plane, f"node-{uuid.uuid4().hex[:12]}")
    node.start()
    yield node
    node.stop()


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[FaultProxy]:
    """Before the control plane: it breaks what the test says."""
    with FaultProxy(control_plane.server, control_plane.tokens["admin"], str(control_plane.path("ca.crt"))) as proxy:
        yield proxy
