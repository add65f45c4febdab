"""What is wrong with a filter, and where."""

from __future__ import annotations

from kohya_like.schema.errors import UserError


class FilterError(UserError):
    """A sentence; `position` counts characters from 0, the sentence says the column, from 1."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"column {position + 1}: {what}")
        self.what, self.position = what, position
