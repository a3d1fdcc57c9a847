"""Who does what an audit hook hears of. Standard library only, Python 3.8."""

import os
import sys
from types import FrameType
from typing import Callable, Optional

from stoker._place import is_framework

_WATCHERS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_users(hook_file: str, is_standard: Callable[[str], bool], is_library: Callable[[str], bool]) -> bool:
    """Whether the innermost code beyond the standard library is the user's: no library's, and not Stoker's. `hook_file` is
    that of the hook, whose frames come first."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and (
        frame.f_code.co_filename == hook_file or frame.f_code.co_filename.startswith(_WATCHERS)
    ):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
        return False  # an import looks into folders; what it finds is recorded by itself
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<frozen") and not is_standard(name):
            return not is_framework(name) and not is_library(name)
        frame = frame.f_back
    return False
