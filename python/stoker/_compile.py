"""From a pipeline function to the pipeline document."""

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from stoker import _graph
from stoker._authoring import Pipeline, Shape, Step
from stoker._options import duration
from stoker._project import import_name, is_project_file, project_root
from stoker._reference import Reference, member, to_template
from stoker._refuse import refuse
from stoker._types import MISSING, is_named_tuple, parameter_document, type_text

if TYPE_CHECKING:
    from stoker import _document_types as types


class Target:
    """Where the document belongs: the project's root, and the folder that relative paths count from."""

    def __init__(self, root: str, base: str) -> None:
        self.root = root
        self.base = base

    @classmethod
    def of_file(cls, file: str) -> "Target":
        return cls(project_root(file), os.path.dirname(os.path.abspath(file)))


def compile_pipeline(maker: Pipeline[Any, Any], target: Target, code: bool = True) -> "types.Pipeline":
    """The document of a pipeline. The same code gives the same document."""
    compilation = _graph.Compilation(target.base)
    body, steps, _ = _body(maker, compilation)
    document: types.Pipeline = {"apiVersion": "stoker.dev/v1beta1", "kind": "Pipeline", "name": maker.name, **body}
    nodes = list(steps)
    subs = {name: compiled for name, compiled in compilation.pipelines.items() if compiled is not None}
    if subs:
        document["pipelines"] = {name: sub_body for name, (sub_body, _, _) in subs.items()}
        for _, sub_nodes, _ in subs.values():
            nodes += sub_nodes
    experiment = maker.settings.get("experiment")
    if experiment is not None:
        document["experiment"] = experiment
    _fill_python(nodes, target, code)
    return document


def sub_pipeline(maker: Pipeline[Any, Any], scope: _graph.Scope) -> Tuple[str, Shape]:
    """The name under `pipelines` of a pipeline that is called in another; it is compiled once."""
    compilation = scope.compilation
    known = compilation.makers.get(id(maker))
    if known is None:
        if _graph.is_compiling(maker):
            refuse(f"the pipeline '{maker.name}' calls itself", "repeat(…) runs a step or pipeline again")
        known = maker.name
        count = 1
        while known in compilation.pipelines:
            count += 1
            known = f"{maker.name}_{count}"
        compilation.alive.append(maker)
        compilation.pipelines[known] = None  # keeps its place: pipelines stand in the order of their first calls
        compilation.pipelines[known] = _body(maker, compilation)
        compilation.makers[id(maker)] = known
    compiled = compilation.pipelines[known]
    assert compiled is not None  # what is being compiled has no name in `makers` yet
    shape: Shape = compiled[2]
    return known, shape


def _body(
    maker: Pipeline[Any, Any], compilation: _graph.Compilation
) -> "Tuple[types.SubPipeline, List[_graph.Node], Shape]":
    function = maker.function
    signature = maker.signature
    scope = _graph.Scope(maker.name, maker, compilation)
    _graph.push(scope)
    try:
        parameters = {argument.name: parameter_document(argument, function) for argument in signature.arguments}
        arguments = {
            argument.name: Reference(
                f"parameters{member(argument.name)}",
                label=f"the parameter '{argument.name}'",
                type=type(argument.default) if argument.annotation is MISSING else argument.annotation,
                scope=scope,
            )
            for argument in signature.arguments
        }
        result = function(**arguments)
        shape, outputs = _outputs(result, signature.result, maker)
    finally:
        _graph.pop()
    if not scope.nodes:
        raise _graph.compile_error_for(
            function, f"the pipeline '{maker.name}' calls no step", "call steps in its function"
        )
    head: types.SubPipelineKeys = {}
    description = maker.settings.get("description") or _first_paragraph(function.__doc__)
    if description:
        head["description"] = description
    if maker.settings.get("annotations"):
        head["annotations"] = dict(maker.settings["annotations"])
    if parameters:
        head["parameters"] = parameters
    body: types.SubPipeline = {**head, "steps": [node.document for node in scope.nodes]}
    if scope.finally_nodes:
        body["finally"] = [node.document for node in scope.finally_nodes]
    if outputs:
        body["outputs"] = outputs
    if maker.settings.get("parallelism") is not None:
        body["parallelism"] = maker.settings["parallelism"]
    if maker.settings.get("timeout") is not None:
        body["timeout"] = duration(maker.settings["timeout"], "timeout")
    return body, scope.nodes + scope.finally_nodes, shape


def _first_paragraph(text: Optional[str]) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _outputs(result: Any, annotation: Any, maker: Pipeline[Any, Any]) -> Tuple[Shape, Dict[str, Any]]:
    """The pipeline's outputs from what its function returned."""
    function = maker.function
    if annotation is MISSING:
        annotation = type(None) if result is None else type(result) if is_named_tuple(type(result)) else MISSING
    shape = Shape(annotation, function)
    _graph.check_scope(result)
    if not shape.fields:
        if result is not None:
            raise _graph.compile_error_for(
                function,
                f"the pipeline '{maker.name}' is declared to return None and returns {result!r}",
                "annotate its result",
            )
        return shape, {}
    if is_named_tuple(annotation):
        if not (isinstance(result, tuple) and hasattr(result, "_asdict")):
            raise _graph.compile_error_for(
                function,
                f"the pipeline '{maker.name}' is declared to return {type_text(annotation)} and returns {result!r}",
                f"return {type_text(annotation)}(…) of results of its steps",
            )
        return shape, {name: to_template(value) for name, value in result._asdict().items()}
    if result is None:
        raise _graph.compile_error_for(
            function, f"the pipeline '{maker.name}' is declared to return {type_text(annotation)} and returns nothing"
        )
    return shape, {"output": to_template(result)}


# The python part of each step.


def _fill_python(nodes: List[_graph.Node], target: Target, code: bool) -> None:
    python = [node for node in nodes if isinstance(node.body, Step)]
    digests: Dict[int, Any] = {}
    if code:
        from stoker._code import digests_of

        steps = {id(node.maker): node.maker.function for node in python}
        artifact_readers = {id(node.maker) for node in python if _reads_objects(node)}
        digests = digests_of(steps, target.root, artifact_readers)
    for node in python:
        entry = node.document["python"] = _entry(node.body, target)
        step: Step[Any, Any] = node.body
        if step.spark is not None:
            entry["session"] = step.spark.to_document()
        if step.takes_session:
            entry["injectSession"] = True
        interfaces = {a.name: type_text(a.annotation) for a in step.signature.arguments if a.annotation is not MISSING}
        if interfaces:
            entry["interfaces"] = interfaces
        if id(node.maker) in digests:
            entry["code"] = digests[id(node.maker)]


def _reads_objects(node: _graph.Node) -> bool:
    """Whether an argument may be an object whose class is project code: what is no plain value, file or frame."""
    from stoker._types import is_artifact

    for argument in node.maker.signature.arguments:
        name = type_text(argument.annotation)
        if argument.annotation is MISSING or name in ("Any", "object"):
            return True
        if is_artifact(argument.annotation) and name not in (
            "DataFrame",
            "Series",
            "ndarray",
            "File",
            "Directory",
            "Table",
            "Secret",
        ):
            return True
    return False


def _entry(step: Step[Any, Any], target: Target) -> "types.Python":
    """How a worker finds the function: by module and name, or by value."""
    function = step.function
    file = _source_file(function)
    name = _name_in_module(step)
    if file is None or name is None:
        return {"pickle": _pickled(step)}
    module = function.__module__
    if module == "__main__":
        module = import_name(file).module
    path = os.path.relpath(file, target.root)
    return {"module": module, "file": path, "function": name}


def _source_file(function: Any) -> Optional[str]:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not os.path.isfile(file) or not file.endswith(".py"):
        return None
    if not is_project_file(file) and function.__module__ == "__main__":
        return None  # an interactive shell's own main module
    return os.path.abspath(file)


def _name_in_module(step: Step[Any, Any]) -> Optional[str]:
    """The qualified name that leads from the module to this step, None when there is none."""
    module: Any = sys.modules.get(step.function.__module__)
    if module is None:
        return None
    found: Any = module
    for part in step.function.__qualname__.split("."):
        found = getattr(found, part, None)
    if _is_step(found, step):
        return str(step.function.__qualname__)
    for name, value in vars(module).items():
        if _is_step(value, step):
            return str(name)
    return None


def _is_step(found: Any, step: Step[Any, Any]) -> bool:
    return found is step.function or (isinstance(found, Step) and found.function is step.function)


def _pickled(step: Step[Any, Any]) -> str:
    import base64

    return base64.b64encode(pickle_function(step.function)).decode("ascii")


def pickle_function(function: Any) -> bytes:
    """The function by value, with its closure and globals."""
    from stoker._types import refuse_function

    try:
        import cloudpickle
    except ImportError:
        refuse_function(
            function,
            f"the step '{function.__name__}' is in no file and must travel by value, which needs cloudpickle",
            "pip install 'stoker[notebook]', or put the step into a module",
        )
    try:
        pickled: bytes = cloudpickle.dumps(function)
    except Exception as error:
        refuse_function(
            function,
            f"the step '{function.__name__}' cannot travel by value: {type(error).__name__}: {error}",
            "a global or an outer variable that it uses cannot be pickled: make it inside the step",
        )
    return pickled
