"""The contract of the API server that tests/contract runs against the fake, against a real one: both must keep it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

from cluster.control_plane import ControlPlane
from conftest import LIMIT_SECONDS, ROOT

PROGRAM = pathlib.Path(os.environ.get("STOKER_CONTRACT_TEST", str(ROOT / "build/dev/tests/contract/contract_test")))
# Rows and stories; fewer means that the filter finds nothing.
LEAST = 50


def test_real_server_keeps_the_contract(control_plane: ControlPlane) -> None:
    assert PROGRAM.exists(), f"{PROGRAM} is not built: cmake --build build/dev --target contract_test"
    done = subprocess.run(
        [str(PROGRAM), "--gtest_filter=Real*"],
        env={**os.environ, "STOKER_TEST_KUBECONFIG": str(control_plane.kubeconfig())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"\[  PASSED  \] (\d+) tests", done.stdout)
    assert passed and int(passed[1]) >= LEAST, done.stdout
