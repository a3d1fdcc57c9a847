"""The pipeline being compiled: scopes, nodes and their names. One scope per (sub-)pipeline, innermost last."""

import os
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

from stoker._errors import CompileError
from stoker._options import StepOptions
from stoker._reference import Reference, member, operand, references_in, to_template
from stoker._refuse import refuse
from stoker._text import nearest
from stoker._values import is_uri

if TYPE_CHECKING:
    from stoker import _document_types as types

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
MAXIMUM_DEPTH = 20


class Node:
    """One step as the document will have it, with what the compiler still needs of it."""

    __slots__ = ("body", "document", "maker", "name")

    def __init__(self, name: str, maker: Any, body: Any, document: "types.Step") -> None:
        self.name = name
        self.maker = maker
        self.body = body
        self.document = document


class Scope:
    """One pipeline function at work."""

    def __init__(self, name: str, maker: Any, compilation: "Compilation") -> None:
        self.name = name
        self.maker = maker
        self.compilation = compilation
        self.nodes: List[Node] = []
        self.finally_nodes: List[Node] = []
        self.conditions: List[Reference] = []
        self.in_finally = False
        self._counts: Dict[str, int] = {}
        self._names: Dict[str, Any] = {}

    def find(self, name: str) -> Optional[Node]:
        found: Optional[Node] = self._names.get(name)
        return found

    def names(self) -> List[str]:
        return list(self._names)

    def claim(self, wanted: str, explicit: Optional[str]) -> str:
        """The node's name: the given one, or the function's, with `_2`, `_3` for further calls."""
        if explicit is not None:
            if not NAME.fullmatch(explicit):
                refuse(
                    f"'{explicit}' cannot name a step", "names are letters, digits, _ and -, at most 63, no digit first"
                )
            if explicit in self._names:
                refuse(f"two steps are named '{explicit}'", "give one of them another name")
            return explicit
        if not NAME.fullmatch(wanted):
            refuse(f"'{wanted}' cannot name a step in the document", "give it a name: .options(name='…')")
        count = self._counts.get(wanted, 0)
        while True:
            count += 1
            name = wanted if count == 1 else f"{wanted}_{count}"
            if name not in self._names:
                self._counts[wanted] = count
                return name

    def add(
        self,
        maker: Any,
        wanted: str,
        kind: str,
        body: Any,
        *,
        inputs: Optional[Dict[str, Any]] = None,
        outputs: "Optional[Dict[str, types.Output]]" = None,
        options: Optional[StepOptions] = None,
        extra: "Optional[types.StepKeys]" = None,
    ) -> Node:
        options = options or StepOptions({})
        name = self.claim(wanted, options.get("name"))
        document = cast("types.Step", {"name": name, kind: body})  # `kind` is one of the six that it may have
        if inputs:
            check_scope(inputs)
            document["inputs"] = {key: to_template(value) for key, value in inputs.items()}
        if outputs:
            document["outputs"] = outputs
        if options.get("after") is not None:
            document["needs"] = step_names(_as_list(options.get("after")))
        if self.conditions:
            power = 2 if len(self.conditions) > 1 else 0  # `||` inside `&&` needs parentheses
            document["when"] = f"${{{{ {' && '.join(operand(c, power)[0] for c in self.conditions)} }}}}"
        if extra is not None:
            document = {**document, **extra}
        document = {**document, **options.to_document()}
        node = Node(name, maker, body, document)
        (self.finally_nodes if self.in_finally else self.nodes).append(node)
        self._names[name] = node
        return node


def _as_list(value: Any) -> List[Any]:
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return list(value)
    return [value]


# Its document, its nodes, and the shape of what it returns.
CompiledPipeline = Tuple["types.SubPipeline", List[Node], Any]


class Compilation:
    """One compile of one top pipeline: what its sub-pipelines share."""

    def __init__(self, base: Optional[str] = None) -> None:
        # Relative paths in the document count from here: the folder of the compiled file.
        self.base = base
        self.pipelines: Dict[str, Optional[CompiledPipeline]] = {}  # None: being compiled
        self.makers: Dict[int, str] = {}
        # Sub-pipelines and steps stay alive as long as their ids are keys.
        self.alive: List[Any] = []
        self.warnings: List[str] = []


_scopes: List[Scope] = []


def current() -> Optional[Scope]:
    return _scopes[-1] if _scopes else None


def required(what: str) -> Scope:
    if not _scopes:
        refuse(f"{what} belongs inside a function with @pipeline")
    return _scopes[-1]


def push(scope: Scope) -> None:
    if len(_scopes) >= MAXIMUM_DEPTH:
        refuse(f"pipelines are nested more than {MAXIMUM_DEPTH} deep")
    _scopes.append(scope)


def pop() -> None:
    _scopes.pop()


def is_compiling(maker: Any) -> bool:
    return any(scope.maker is maker for scope in _scopes)


def output(scope: Scope, step: str, name: str, annotation: Any) -> Reference:
    label = f"'{step}'" if name == "output" else f"'{step}.{name}'"
    return Reference(
        f"steps{member(step)}.outputs{member(name)}", label=f"{label} (result of a step)", type=annotation, scope=scope
    )


def check_scope(value: Any) -> None:
    """Refuse references of another pipeline: a sub-pipeline gets values as arguments."""
    here = current()
    for reference in references_in(value):
        if reference._scope is not None and reference._scope is not here:
            refuse(
                f"{reference._label} belongs to the pipeline '{reference._scope.name}'",
                "pass it as an argument of the pipeline that uses it",
            )


def step_names(steps: Sequence[Any]) -> List[str]:
    """Names of the steps behind results, step functions (their last call here) or plain names."""
    scope = required("naming steps")
    names: List[str] = []
    for step in steps:
        for name in _names_behind(scope, step):
            if name not in names:
                names.append(name)
    return names


def _names_behind(scope: Scope, step: Any) -> List[str]:
    if isinstance(step, str):
        if scope.find(step) is None:
            refuse(f"there is no step '{step}' before this{nearest(step, scope.names())}")
        return [step]
    if type(step).__name__ == "MappedOutputs":
        step = list(step._fields_.values())
    elif type(step).__name__ == "Outputs":
        step = step._step
    if isinstance(step, Reference) or (isinstance(step, (tuple, list, dict)) and references_in(step)):
        check_scope(step)
        found = [m for r in references_in(step) for m in re.findall(r'\bsteps(?:\.(\w+)|\["([^"]+)"\])', r._expression)]
        return list(dict.fromkeys(a or b for a, b in found))
    calls = [node.name for node in scope.nodes + scope.finally_nodes if step is not None and node.maker is step]
    if calls:
        return calls[-1:]
    if step is None:
        refuse("None is no step", "give the result of a step call, the step function, or its name")
    refuse(
        f"{step!r} was not called in this pipeline before",
        "give the result of a step call, the step function, or its name",
    )


def relative_location(location: Any, function: Optional[Callable[..., Any]] = None) -> str:
    """A File's path as the document has it: relative paths count from the file that declares them."""
    path: str = location.path
    if is_uri(path) or os.path.isabs(path):
        return path
    declared_in: Optional[str] = None
    if function is not None:
        declared_in = function.__code__.co_filename
    else:
        from stoker._place import user_place

        place = user_place()
        declared_in = place.file if place else None
    scope = current()
    base = scope.compilation.base if scope else None
    if declared_in is None or not os.path.isfile(declared_in):
        return path
    folder = os.path.dirname(os.path.abspath(declared_in))
    if base is None or folder == base:
        return path
    return os.path.relpath(os.path.join(folder, path), base)


def compile_error_for(function: Callable[..., Any], message: str, hint: str = "") -> CompileError:
    code = function.__code__
    return CompileError(message, hint, code.co_filename, code.co_firstlineno)
