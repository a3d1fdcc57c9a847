"""`@step` and `@pipeline`.

Inside a pipeline function a call of a step makes a node and returns references in the shape of its result. Anywhere
else it runs the
function.
"""

import enum
import sys
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generic,
    List,
    Mapping,
    NoReturn,
    Optional,
    TypeVar,
    Union,
    cast,
    get_args,
    overload,
)

from stoker import _graph
from stoker._errors import CompileError
from stoker._options import Cache, Duration, Resources, Retry, Spark, StepOptions
from stoker._reference import Reference, to_template
from stoker._refuse import refuse
from stoker._text import nearest
from stoker._types import (
    MISSING,
    Argument,
    NoResult,
    Signature,
    is_named_tuple,
    is_session,
    named_tuple_fields,
    never_fits,
    optional,
    signature_of,
    type_text,
)

R = TypeVar("R")

if TYPE_CHECKING:
    from typing import Protocol

    from typing_extensions import Concatenate, ParamSpec

    from stoker import _document_types as types
    from stoker._run import Run
    from stoker._values import Secret

    P = ParamSpec("P")

    class _Session(Protocol):
        """What tells a SparkSession from any other first argument, so that pyspark need not be installed to check types.

        Methods, not properties: a DataFrame has a `__getattr__` that would pass for any property.
        """

        def newSession(self) -> Any: ...
        def stop(self) -> None: ...

    S = TypeVar("S", bound=_Session)

    class _Nobody:
        """No value is one, so only an argument of unknown type matches: whether it is a session cannot be told then."""

        def nobody(self) -> NoReturn: ...

    N = TypeVar("N", bound=_Nobody)

    class Mapped(List[R]):
        """The results of a mapped step: a list, in order. With several outputs `.name` is the list of one of them."""

        def __getattr__(self, name: str) -> Any: ...

elif sys.version_info >= (3, 10):
    from typing import ParamSpec

    P = ParamSpec("P")
else:
    # Generic[P, R] needs two names at run time, no more.
    P = TypeVar("P")


class Step(Generic[P, R]):
    """A function as a step of pipelines. `.function` is the function itself."""

    def __init__(
        self, function: Callable[..., Any], options: StepOptions, origin: "Optional[Step[Any, Any]]" = None
    ) -> None:
        self.function = function
        self._options = options
        self._origin: Step[Any, Any] = origin or self
        self._signature: Optional[Signature] = None
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", "step")
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<step {self.__module__}.{self.__qualname__}>"

    @property
    def name(self) -> str:
        return self.__name__

    @property
    def spark(self) -> Optional[Spark]:
        """The Spark settings of a Spark step, None of a plain one."""
        given: Optional[Spark] = self._options.get("spark")
        return Spark() if given is None and self.takes_session else given

    @property
    def takes_session(self) -> bool:
        code = getattr(self.function, "__code__", None)
        if code is None or not code.co_argcount:
            return False
        return is_session(getattr(self.function, "__annotations__", {}).get(code.co_varnames[0]))

    @property
    def signature(self) -> Signature:
        """Arguments without the injected session, and result."""
        if self._origin._signature is None:
            whole = signature_of(self.function, "step")
            skip = 1 if self.takes_session else 0
            self._origin._signature = Signature(whole.arguments[skip:], whole.result)
        return self._origin._signature

    def __call__(self, *args: "P.args", **kwargs: "P.kwargs") -> R:
        scope = _graph.current()
        if scope is None:
            return cast(R, self._run_here(args, kwargs))
        inputs = bound(self.signature, args, kwargs, self.__name__)
        _check_types(self.signature, inputs, self.__name__)
        return cast(R, self._add(scope, inputs))

    def _run_here(self, args: Any, kwargs: Any) -> Any:
        if not self.takes_session:
            return self.function(*args, **kwargs)
        from stoker._session import local_session

        return self.function(local_session(self.spark), *args, **kwargs)

    def _add(self, scope: _graph.Scope, inputs: Dict[str, Any], extra: "Optional[types.StepKeys]" = None) -> Any:
        shape = Shape(self.signature.result, self.function)
        node = scope.add(
            self._origin,
            self.__name__,
            "python",
            {},
            inputs=inputs,
            outputs=shape.declared(),
            options=self._options,
            extra=extra,
        )
        node.body = self
        return shape.references(scope, node.name, "foreach" in (extra or {}))

    def options(
        self,
        *,
        name: Optional[str] = None,
        after: Optional[object] = None,
        spark: Optional[Spark] = None,
        retry: Union[int, Retry, Mapping[str, Any], None] = None,
        timeout: Optional[Duration] = None,
        cache: Union[bool, Cache, None] = None,
        resources: Union[Resources, Mapping[str, Any], None] = None,
        env: Optional[Mapping[str, object]] = None,
        secrets: "Optional[Mapping[str, Union[str, Secret]]]" = None,
        labels: Optional[Mapping[str, str]] = None,
        continue_on_failure: Optional[bool] = None,
        parallelism: Optional[int] = None,
    ) -> "Step[P, R]":
        """This step with other options, for one call: `train.options(name="big", retry=2)(…)`."""
        given = {key: value for key, value in locals().items() if key != "self"}
        return Step(self.function, self._options.overlaid(StepOptions(given)), self._origin)

    def map(self, **inputs: object) -> "Mapped[R]":
        """One run of the step per item of the list-valued arguments; the outputs come as lists, in order.

        A list for an argument that is itself no list is mapped over (several are taken side by side, as `zip` does);
        everything else
        goes to each run. Wrap in `each(…)` where that is not clear.
        """
        from stoker._blocks import mapped

        return cast("Mapped[R]", mapped(self, inputs))


class Pipeline(Generic[P, R]):
    """A function that joins steps. Calling it inside another pipeline makes a sub-pipeline; `.run(…)` runs it."""

    def __init__(
        self, function: Callable[..., Any], settings: Mapping[str, Any], options: Optional[StepOptions] = None
    ) -> None:
        self.function = function
        self.settings = {key: value for key, value in settings.items() if value is not None}
        self._options = options or StepOptions({})
        self._origin: Pipeline[Any, Any] = self
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__

    def __repr__(self) -> str:
        return f"<pipeline {self.__module__}.{self.__qualname__}>"

    @property
    def name(self) -> str:
        return str(self.settings.get("name", self.__name__))

    @property
    def signature(self) -> Signature:
        return signature_of(self.function, "pipeline")

    def __call__(self, *args: "P.args", **kwargs: "P.kwargs") -> R:
        scope = _graph.current()
        if scope is None:
            refuse(
                f"the pipeline '{self.name}' is not run by calling it",
                f"write {self.__name__}.run(…), or `stoker run` in a shell",
            )
        inputs = bound(self.signature, args, kwargs, self.name, defaults=False)
        _check_types(self.signature, inputs, self.name)
        return cast(R, self._add(scope, inputs))

    def _add(self, scope: _graph.Scope, inputs: Dict[str, Any], extra: "Optional[types.StepKeys]" = None) -> Any:
        from stoker._compile import sub_pipeline

        name, shape = sub_pipeline(self._origin, scope)
        node = scope.add(self._origin, self.name, "pipeline", name, inputs=inputs, options=self._options, extra=extra)
        node.body = self
        return shape.references(scope, node.name, "foreach" in (extra or {}))

    def options(
        self,
        *,
        name: Optional[str] = None,
        after: Optional[object] = None,
        retry: Union[int, Retry, Mapping[str, Any], None] = None,
        timeout: Optional[Duration] = None,
        labels: Optional[Mapping[str, str]] = None,
        continue_on_failure: Optional[bool] = None,
        parallelism: Optional[int] = None,
    ) -> "Pipeline[P, R]":
        """This pipeline as a sub-pipeline with options for one call."""
        given = {key: value for key, value in locals().items() if key != "self"}
        other: Pipeline[P, R] = Pipeline(self.function, self.settings, self._options.overlaid(StepOptions(given)))
        other._origin = self._origin
        return other

    def map(self, **inputs: object) -> "Mapped[R]":
        """One run of the sub-pipeline per item, as `Step.map`."""
        from stoker._blocks import mapped

        return cast("Mapped[R]", mapped(self, inputs))

    def run(self, *args: "P.args", **kwargs: "P.kwargs") -> "Run":
        """Run the pipeline with the `stoker` program and wait for it. Raises RunFailed when it does not succeed."""
        from stoker._run import run_pipeline

        return run_pipeline(self._origin, bound(self.signature, args, kwargs, self.name, defaults=False))


def bound(
    signature: Signature, args: Any, kwargs: Mapping[str, Any], name: str, defaults: bool = True
) -> Dict[str, Any]:
    """Arguments by name, with the constants that stand as defaults; the errors are Python's own, at the user's line."""
    names = signature.names()
    if len(args) > len(names):
        refuse(f"{name}() takes {len(names)} arguments, {len(args)} were given")
    values = dict(zip(names, args))
    for key, value in kwargs.items():
        if key in values:
            refuse(f"{name}() got two values for '{key}'")
        if key not in names:
            refuse(f"{name}() has no argument '{key}'{nearest(key, names)}", f"it takes {', '.join(names) or 'none'}")
        values[key] = value
    out: Dict[str, Any] = {}
    missing = []
    for argument in signature.arguments:
        if argument.name in values:
            out[argument.name] = values[argument.name]
        elif argument.default is MISSING:
            missing.append(f"'{argument.name}'")
        elif defaults and _can_be_written(argument.default):
            out[argument.name] = argument.default
    if missing:
        refuse(f"{name}() lacks {', '.join(missing)}")
    return out


def _check_types(signature: Signature, inputs: Mapping[str, Any], name: str) -> None:
    """Refuses a result or parameter that can never be the argument it is given for."""
    for argument in signature.arguments:
        value = inputs.get(argument.name)
        if isinstance(value, enum.Enum):
            _check_member(value, argument, name)
        if not isinstance(value, Reference) or not never_fits(value._type, argument.annotation):
            continue
        from stoker.materializers._registry import for_class

        produced = optional(value._type)[0]
        saver = for_class(produced) if isinstance(produced, type) and not get_args(produced) else None
        if saver is not None and not saver.__module__.startswith("stoker."):
            continue  # one of the user's may load another type than it saved
        refuse(
            f"{name}() takes {type_text(argument.annotation)} for '{argument.name}', but {value._label} is "
            f"{type_text(value._type)}",
            "convert it in one of the two steps, or correct the annotation that is wrong",
        )


def _check_member(value: enum.Enum, argument: Argument, name: str) -> None:
    """A document has what a member of an Enum stands for; refused is one that the step would not get back as it is."""
    from stoker._convert import ConversionError, convert

    try:
        convert(to_template(value), argument.annotation, f"'{argument.name}'")
    except ConversionError as error:
        refuse(f"{name}() cannot be given {value}: {error}")


def _can_be_written(value: Any) -> bool:
    try:
        to_template(value)
    except CompileError:
        return False
    return True


class Shape:
    """The result of a step or pipeline: nothing, one output, or a NamedTuple of several."""

    def __init__(self, annotation: Any, function: Callable[..., Any]) -> None:
        self.annotation = annotation
        self._function = function
        self.fields: Dict[str, Any]
        if annotation is type(None):
            self.fields = {}
        elif is_named_tuple(annotation):
            self.fields = named_tuple_fields(annotation)
        else:
            self.fields = {"output": annotation}

    def declared(self) -> "Dict[str, types.Output]":
        """The `outputs` of the document."""
        from stoker._outputs import declaration

        return {name: declaration(annotation, name, self._function) for name, annotation in self.fields.items()}

    def references(self, scope: _graph.Scope, step: str, many: bool) -> Any:
        """References in the shape of the result; of a mapped step each output is a list."""
        made = {
            name: _graph.output(scope, step, name, _list_of(kind) if many else kind)
            for name, kind in self.fields.items()
        }
        return self.filled(made, many, step, scope)

    def filled(self, made: Dict[str, Any], many: bool, step: str, scope: _graph.Scope) -> Any:
        if is_named_tuple(self.annotation):
            return MappedOutputs(self.annotation, made) if many else self.annotation(**made)
        if not self.fields:
            # The call's place in the order of steps is all that such a result is good for.
            return Reference(f"steps.{step}", label=f"'{step}' returns nothing; it", type=NoResult, scope=scope)
        return made["output"]


def _list_of(kind: Any) -> Any:
    return list if kind is MISSING else List[kind]


class MappedOutputs:
    """The outputs of a mapped step with several outputs: `[i]` is one run's, `.name` the list of one output."""

    __slots__ = ("_fields_", "_shape")

    def __init__(self, shape: Any, fields: Dict[str, Any]) -> None:
        self._shape = shape
        self._fields_ = fields

    def __getitem__(self, index: Any) -> Any:
        return self._shape(**{name: value[index] for name, value in self._fields_.items()})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._fields_:
            refuse(f"the mapped step has no output '{name}'{nearest(name, self._fields_)}")
        return self._fields_[name]

    def __iter__(self) -> Any:
        refuse(
            "how many results a mapped step gives is known only at run time, so they cannot be iterated",
            "write collect(results, lambda one: one.name), or pass the list on",
        )

    def __len__(self) -> int:
        refuse("how many results a mapped step gives is known only at run time", "write size(…) of one of its outputs")


@overload
def step(function: "Callable[Concatenate[N, P], R]", /) -> "Step[..., R]": ...
@overload
def step(function: "Callable[Concatenate[S, P], R]", /) -> "Step[P, R]": ...
@overload
def step(function: "Callable[P, R]", /) -> "Step[P, R]": ...
@overload
def step(
    *,
    name: Optional[str] = None,
    spark: Optional[Spark] = None,
    retry: Union[int, Retry, Mapping[str, Any], None] = None,
    timeout: Optional[Duration] = None,
    cache: Union[bool, Cache, None] = None,
    resources: Union[Resources, Mapping[str, Any], None] = None,
    env: Optional[Mapping[str, object]] = None,
    secrets: "Optional[Mapping[str, Union[str, Secret]]]" = None,
    labels: Optional[Mapping[str, str]] = None,
    continue_on_failure: Optional[bool] = None,
) -> "StepDecorator": ...
def step(function: Optional[Callable[..., Any]] = None, /, *, name: Optional[str] = None, **options: Any) -> Any:
    """Make a function a step: `@step` or `@step(spark=Spark(…), retry=2, timeout="30m")`.

    A leading SparkSession argument is injected and not passed by callers.
    """
    decorator = StepDecorator(name, StepOptions(options))
    return decorator if function is None else decorator(function)


class StepDecorator:
    """`@step(…)` with options."""

    def __init__(self, name: Optional[str], options: StepOptions) -> None:
        self._name = name
        self._options = options

    @overload
    def __call__(self, function: "Callable[Concatenate[N, P], R]", /) -> "Step[..., R]": ...
    @overload
    def __call__(self, function: "Callable[Concatenate[S, P], R]", /) -> "Step[P, R]": ...
    @overload
    def __call__(self, function: "Callable[P, R]", /) -> "Step[P, R]": ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        if isinstance(function, (Step, Pipeline)) or not callable(function):
            refuse(f"@step goes on a function, not on {function!r}")
        made: Step[Any, Any] = Step(function, self._options)
        if self._name is not None:
            made.__name__ = self._name
        return made


@overload
def pipeline(function: "Callable[P, R]", /) -> "Pipeline[P, R]": ...
@overload
def pipeline(
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
    annotations: Optional[Mapping[str, Any]] = None,
    parallelism: Optional[int] = None,
    timeout: Optional[Duration] = None,
    experiment: Optional[str] = None,
) -> "PipelineDecorator": ...
def pipeline(function: Optional[Callable[..., Any]] = None, /, **settings: Any) -> Any:
    """Make a function a pipeline: its arguments are the parameters, its calls the steps, its result the outputs."""
    decorator = PipelineDecorator(settings)
    return decorator if function is None else decorator(function)


class PipelineDecorator:
    """`@pipeline(…)` with settings."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    def __call__(self, function: "Callable[P, R]", /) -> "Pipeline[P, R]":
        if isinstance(function, (Step, Pipeline)) or not hasattr(function, "__code__"):
            refuse(f"@pipeline goes on a function, not on {function!r}")
        name = self._settings.get("name") or function.__name__
        if not _graph.NAME.fullmatch(name):
            refuse(f"'{name}' cannot name a pipeline", "names are letters, digits, _ and -, at most 63, no digit first")
        return Pipeline(function, self._settings)
