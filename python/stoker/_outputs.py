"""What a step's result type says in the document: the type's name and its materializer."""

from typing import TYPE_CHECKING, Any, Callable

from stoker._types import MISSING, refuse_function, type_text

if TYPE_CHECKING:
    from stoker import _document_types as types


def declaration(annotation: Any, name: str, function: Callable[..., Any]) -> "types.Output":
    """`{type, materializer}` of one output. A type that no materializer fits is refused, with how to add one."""
    from stoker.materializers import NoMaterializer, for_annotation

    if annotation is MISSING:
        # Without an annotation the value decides, when it is there.
        return {"type": "any"}
    try:
        choice = for_annotation(annotation)
    except NoMaterializer as error:
        message, _, hint = str(error).partition("; ")
        what = (
            f"the result of '{function.__name__}'"
            if name == "output"
            else f"the output '{name}' of '{function.__name__}'"
        )
        refuse_function(function, f"{what} ({type_text(annotation)}) cannot be kept: {message}", hint)
    return {"type": choice.type, "materializer": choice.materializer} if choice.materializer else {"type": choice.type}
