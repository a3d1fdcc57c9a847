"""What an object that a step reaches is: project code, a step, code made at run time; and what names mean in its module."""

import ast
import builtins
import sys
import types
from typing import Any, Dict, List

from stoker._project import is_project_file, is_project_module
from stoker._source import Chain, Import


def module_name(value: Any) -> str:
    return str(getattr(value, "__module__", "") or "?")


def cells_of(function: Any) -> Dict[str, Any]:
    cells = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            cells[name] = cell.cell_contents
        except ValueError:
            continue  # not filled yet
    return cells


def code_names(code: types.CodeType) -> List[str]:
    names = list(code.co_names)
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            names += code_names(item)
    return names


def has_project_source(filename: str) -> bool:
    if filename.startswith("<") and not filename.startswith(("<ipython", "<python-input")):
        return False
    return filename.startswith("<") or is_project_file(filename)


def is_made_code(filename: str) -> bool:
    """Code from exec or a shell without source: only its byte code can be compared."""
    return filename.startswith("<") and not filename.startswith("<frozen")


def wraps(function: Any) -> bool:
    """Whether a library's function object may carry project code."""
    return bool(function.__closure__) or bool(vars(function))


def is_project_class(cls: Any) -> bool:
    module = sys.modules.get(cls.__module__)
    if module is None:
        return any(
            isinstance(v, types.FunctionType) and has_project_source(v.__code__.co_filename) for v in vars(cls).values()
        )
    if cls.__module__ == "__main__":
        return True
    return is_project_module(module)


def subclasses(cls: Any) -> List[Any]:
    try:
        return [subclass for subclass in cls.__subclasses__() if is_project_class(subclass)]
    except TypeError:
        return []


def is_step(value: Any) -> bool:
    return type(value).__module__ == "stoker._authoring" and hasattr(value, "function")


def is_code(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, type, types.ModuleType)) or is_step(value)


def is_stoker_decorator(decorator: ast.AST, scope: Dict[str, Any]) -> bool:
    """`@step(…)` itself is no code of the step: its options are in the document."""
    value = evaluated(decorator, scope)
    return value is not None and str(getattr(value, "__module__", "")).startswith("stoker.")


def evaluated(node: Any, scope: Dict[str, Any]) -> Any:
    """What a decorator or base class expression names, None when it is not a plain name."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    attributes = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    value = scope.get(node.id, getattr(builtins, node.id, None))
    for attribute in reversed(attributes):
        value = getattr(value, attribute, None) if isinstance(value, (types.ModuleType, type)) else None
    return value


def absolute(item: Import, scope: Dict[str, Any]) -> str:
    if not item.level:
        return item.module
    package = scope.get("__package__")
    if package is None:
        name = str(scope.get("__name__", ""))
        package = name if "__path__" in scope else name.rpartition(".")[0]
    pieces = str(package).split(".")
    base = ".".join(pieces[: len(pieces) - item.level + 1])
    return f"{base}.{item.module}" if item.module and base else base or item.module


def imported_names(item: Import, chain: Chain) -> List[str]:
    """The dotted name that a chain means whose root is an absolute import."""
    if item.name is not None:
        return [item.module, item.name, *chain.attributes]
    return [item.module if item.alias else item.module.split(".")[0], *chain.attributes]


def scope_of_file(file: str) -> Dict[str, Any]:
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == file:
            return vars(module)
    return {}
