"""Raising a CompileError at the user's line."""

from typing import NoReturn

from stoker._errors import CompileError


def refuse(message: str, hint: str = "", error: type = CompileError) -> NoReturn:
    """Raise a CompileError at the user's line."""
    from stoker._place import user_place

    place = user_place()
    raise error(message, hint, place.file if place else None, place.line if place else None)
