"""The errors of the SDK. A user's own exception is never wrapped in one of these."""

from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from stoker._run import Run


class StokerError(Exception):
    """Base of every error that Stoker itself raises."""


class CompileError(StokerError, TypeError):
    """A pipeline function asks for something that a document cannot say.

    `file` and `line` are the user's place, not Stoker's; `hint` says what to write instead.
    """

    def __init__(self, message: str, hint: str = "", file: Optional[str] = None, line: Optional[int] = None) -> None:
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        super().__init__(self._whole())

    def _whole(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        return f"{place}{self.message}" + (f"\n  {self.hint}" if self.hint else "")


class MissingOutputError(CompileError, AttributeError):
    """A reference was asked for an attribute that its step does not declare."""


class ProgramMissingError(StokerError):
    """The `stoker` program was not found beside the package, in STOKER_BIN or on PATH."""


class RunFailed(StokerError):
    """A run that was started from Python did not succeed. `run` has its steps, errors and logs."""

    def __init__(self, message: str, run: "Run") -> None:
        self.run = run
        super().__init__(message)
