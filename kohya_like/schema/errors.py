"""The faults a person can cause, as values: each says where, what it got, what it wants and how to mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a config, a folder or a file.

    `text` is a sentence; `key` the dotted option it belongs to ("network.dim"), if any; `where` a file (and line);
    `mend` what to do. `code` is stable and short ("unknown-key") for programs and tests.
    """

    text: str
    key: str = ""
    where: str = ""
    mend: str = ""
    severity: Severity = "error"
    code: str = ""

    def __str__(self) -> str:
        place = f"{self.where}  " if self.where else ""
        key = f"{self.key}: " if self.key else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}{key}{self.text}{mend}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Complaints(ValueError):
    """Several faults of one value, raised by its validator; their keys are what follows the key of the value."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{fault.text} ({fault.mend})" if fault.mend else fault.text for fault in faults))


class UserError(Exception):
    """A fault of input, not of the program: shown as a sentence, exit code 1, never as a traceback."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text, self.hint = text, hint

    def __str__(self) -> str:
        return f"{self.text}\n{self.hint}" if self.hint else self.text


class ConfigError(UserError):
    """All faults of a config at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class FormatError(UserError):
    """A file that is not what it should be: truncated, foreign, hostile."""
