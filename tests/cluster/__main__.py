"""The control plane by hand: `tests/cluster up`. Run with the Python of the checkout's environment.

up     start one, print the KUBECONFIG of each user, and stop it at Ctrl-C
build  only make sure that its programs are there, and print their folder
keep   (for the tests) one for several processes
"""

from __future__ import annotations

import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from go_programs import MissingProgram

from cluster import assets, control_plane


def up() -> None:
    with tempfile.TemporaryDirectory(prefix="stoker-cluster-") as folder:
        plane = control_plane.ControlPlane(pathlib.Path(folder))
        try:
            plane.start()
            for user in control_plane.USERS:
                print(f"export KUBECONFIG={plane.kubeconfig(user)}  # {user}")
            print(f"PATH=$PATH:{assets.find()}  # has kubectl; Ctrl-C ends the control plane", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            plane.stop()


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["up"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            up()
        elif arguments == ["build"]:
            print(f"cluster: the programs of the control plane are in {assets.find()}")
        elif len(arguments) == 2 and arguments[0] == "keep":
            control_plane.keep(pathlib.Path(arguments[1]))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (MissingProgram, control_plane.StartFailed) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
