"""Stoker: Spark and plain Python steps as pipelines.

Names load on first use, so `import stoker` costs next to nothing and the worker, which needs few of them, stays small.
"""

from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from stoker._authoring import Pipeline as Pipeline
    from stoker._authoring import Step as Step
    from stoker._authoring import pipeline as pipeline
    from stoker._authoring import step as step
    from stoker._blocks import collect as collect
    from stoker._blocks import each as each
    from stoker._blocks import finally_ as finally_
    from stoker._blocks import repeat as repeat
    from stoker._blocks import when as when
    from stoker._context import Context as Context
    from stoker._context import context as context
    from stoker._errors import CompileError as CompileError
    from stoker._errors import RunFailed as RunFailed
    from stoker._errors import StokerError as StokerError
    from stoker._expressions import in_ as in_
    from stoker._expressions import not_ as not_
    from stoker._expressions import one_of as one_of
    from stoker._expressions import size as size
    from stoker._expressions import state_of as state_of
    from stoker._expressions import text as text
    from stoker._expressions import this_run as this_run
    from stoker._kinds import Output as Output
    from stoker._kinds import Outputs as Outputs
    from stoker._kinds import command as command
    from stoker._kinds import resource as resource
    from stoker._kinds import spark_application as spark_application
    from stoker._kinds import wait as wait
    from stoker._options import Cache as Cache
    from stoker._options import Parameter as Parameter
    from stoker._options import Resources as Resources
    from stoker._options import Retry as Retry
    from stoker._options import Spark as Spark
    from stoker._run import Run as Run
    from stoker._run import StepRun as StepRun
    from stoker._values import Directory as Directory
    from stoker._values import File as File
    from stoker._values import Secret as Secret
    from stoker._values import Table as Table
    from stoker.materializers import Html as Html
    from stoker.materializers import Image as Image
    from stoker.materializers import Markdown as Markdown

__version__ = "0.1.0"

_HOME = {
    "Cache": "_options",
    "CompileError": "_errors",
    "Context": "_context",
    "Directory": "_values",
    "File": "_values",
    "Html": "materializers",
    "Image": "materializers",
    "Markdown": "materializers",
    "Output": "_kinds",
    "Outputs": "_kinds",
    "Parameter": "_options",
    "Pipeline": "_authoring",
    "Resources": "_options",
    "Retry": "_options",
    "Run": "_run",
    "RunFailed": "_errors",
    "Secret": "_values",
    "Table": "_values",
    "Spark": "_options",
    "Step": "_authoring",
    "StepRun": "_run",
    "StokerError": "_errors",
    "collect": "_blocks",
    "command": "_kinds",
    "context": "_context",
    "each": "_blocks",
    "finally_": "_blocks",
    "in_": "_expressions",
    "not_": "_expressions",
    "one_of": "_expressions",
    "pipeline": "_authoring",
    "repeat": "_blocks",
    "resource": "_kinds",
    "size": "_expressions",
    "spark_application": "_kinds",
    "state_of": "_expressions",
    "step": "_authoring",
    "text": "_expressions",
    "this_run": "_expressions",
    "wait": "_kinds",
    "when": "_blocks",
}

__all__ = [
    "Cache",
    "CompileError",
    "Context",
    "Directory",
    "File",
    "Html",
    "Image",
    "Markdown",
    "Output",
    "Outputs",
    "Parameter",
    "Pipeline",
    "Resources",
    "Retry",
    "Run",
    "RunFailed",
    "Secret",
    "Spark",
    "Step",
    "StepRun",
    "StokerError",
    "Table",
    "collect",
    "command",
    "context",
    "each",
    "finally_",
    "in_",
    "not_",
    "one_of",
    "pipeline",
    "repeat",
    "resource",
    "size",
    "spark_application",
    "state_of",
    "step",
    "text",
    "this_run",
    "wait",
    "when",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'stoker' has no attribute '{name}'")
    module = __import__(f"stoker.{home}", fromlist=[name])
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOME))
