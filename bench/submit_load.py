"""Submissions end to end on a real API server, beside a raw loop of the same writes in the same run.

python bench/submit_load.py [COUNT [THREADS]]     starts etcd and kube-apiserver as tests/cluster makes them, and ends them
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cluster.control_plane import ControlPlane

BUILD = ROOT / "build/release"


def main() -> int:
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(BUILD), "-j2", "--target", "submit_load"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        plane = ControlPlane(pathlib.Path(folder))
        plane.start()
        try:
            plane.client().create("/api/v1/namespaces", {"metadata": {"name": "load"}})
            command = [str(BUILD / "bench/submit_load"), str(plane.kubeconfig(certificate=True)), "load", *sys.argv[1:]]
            return subprocess.run(command).returncode
        finally:
            plane.stop()


if __name__ == "__main__":
    sys.exit(main())
