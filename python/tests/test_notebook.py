"""A real notebook: runs a pipeline of its own cells, edits a cell, runs again."""

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any, List

import pytest

FAKE = pathlib.Path(__file__).resolve().parent / "fake_program.py"
PACKAGE_FOLDER = str(FAKE.parents[1])


def programs() -> List[str]:
    """The stand-in, and the real program where one is built that can run pipelines."""
    found = [str(FAKE)]
    real = os.environ.get("STOKER_BIN", "")
    if real and os.access(real, os.X_OK):
        said = subprocess.run([real, "run", "--help"], capture_output=True, text=True)
        if said.returncode == 0 and "--set-file" in said.stdout:
            found.append(real)
    return found


CELLS = [
    "from typing import List\nfrom stoker import pipeline, step, context\nfactor = 3",
    "def scaled(x):\n    return x * factor",
    "@step\ndef numbers(count: int) -> List[int]:\n    return list(range(count))",
    "@step\ndef total(data: List[int]) -> int:\n    context().log_metrics(n=len(data))\n    return sum(scaled(x) for x in data)",
    "@pipeline\ndef notebook(count: int = 4) -> int:\n    return total(numbers(count))",
    "run = notebook.run()\nprint('output', run.output, run.steps['total'].cached, run.steps['numbers'].cached)",
    "def scaled(x):\n    return x * factor + 1",
    "run = notebook.run()\nprint('output', run.output, run.steps['total'].cached, run.steps['numbers'].cached)",
    "from stoker._compile import Target, compile_pipeline\n"
    "code = [s['python']['code'] for s in compile_pipeline(notebook, Target('.', '.'))['steps']]\n"
    "print('parts', sorted(code[1]['parts']))",
    "@step\ndef broken(data: List[int]) -> int:\n    return data[99]\n"
    "@pipeline\ndef breaks() -> int:\n    return broken(numbers(1))\nbreaks.run()",
]

if all(
    __import__("importlib.util").util.find_spec(name) for name in ("nbclient", "nbformat", "ipykernel", "cloudpickle")
):

    @pytest.mark.parametrize("program", programs(), ids=lambda path: "fake" if path == str(FAKE) else "real")
    def test_a_notebook(program: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import nbclient
        import nbformat

        kernels = tmp_path / "jupyter" / "kernels" / "here"
        kernels.mkdir(parents=True)
        arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (kernels / "kernel.json").write_text(
            json.dumps({"argv": arguments, "display_name": "here", "language": "python"})
        )
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        monkeypatch.setenv("STOKER_BIN", program)
        monkeypatch.setenv("PYTHONPATH", PACKAGE_FOLDER)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        if program == str(FAKE):
            monkeypatch.delenv("STOKER_STORE", raising=False)
        folder = tmp_path / "work"
        folder.mkdir()
        cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
        cells[-1].metadata["tags"] = ["raises-exception"]
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbclient.NotebookClient(
            notebook, kernel_name="here", timeout=120, resources={"metadata": {"path": str(folder)}}
        ).execute()
        outputs = [cell.outputs for cell in notebook.cells]
        assert text_of(outputs[5]).startswith("output 18 False False")
        # Only what the edited cell reaches runs again.
        again = "False False" if program == str(FAKE) else "False True"
        assert text_of(outputs[7]).startswith(f"output 22 {again}")
        # The tree is drawn in place: one display, updated.
        drawings = [output for output in outputs[5] if output.output_type == "display_data"]
        assert len(drawings) == 1
        html = drawings[0].data["text/html"]
        assert "total" in html and "succeeded" in html and "n=4" in html
        assert text_of(outputs[8]).strip() == "parts ['__main__.factor', '__main__.scaled', '__main__.total']"
        error = next(output for output in outputs[9] if output.output_type == "error")
        assert error.ename == "RunFailed" and "IndexError" in re.sub(r"\x1b\[[0-9;]*m", "", error.evalue)
        assert not [path for path in folder.iterdir() if path.suffix == ".json"]


def text_of(outputs: List[Any]) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
