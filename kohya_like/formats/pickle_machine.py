"""The machine of our pickle interpreter: a stack, marks, a memo, and a count of everything it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kohya_like.formats.pickle_calls import PickledStorage
from kohya_like.schema.errors import FormatError

# torch writes 30 opcodes and 9 objects per tensor: room for 33,000 tensors, read in about two seconds
MAX_OPCODES = 1_000_000
MAX_OBJECTS = 400_000
MAX_LINE = 4096
_STOP = ord(".")


class Machine:
    """Runs one pickle from `start` of `data`; afterwards `position` is where it ended.

    Raises (from `run`): FormatError for what is refused; IndexError, KeyError, ValueError or TypeError where the
    pickle is broken.
    """

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.position = data, start
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.storages: dict[str, PickledStorage] = {}
        self.objects = 0

    def run(self, actions: Mapping[int, Callable[[Machine], None]]) -> object:
        data = self.data
        for _ in range(MAX_OPCODES):
            code = data[self.position]
            self.position += 1
            if code == _STOP:
                if self.marks or len(self.stack) != 1:
                    raise ValueError("unfinished")
                return self.stack.pop()
            action = actions.get(code)
            if action is None:
                raise FormatError(f"its pickle uses the opcode {bytes([code])!r}, which model files do not need.")
            action(self)
        raise FormatError(f"its pickle has more than {MAX_OPCODES} opcodes.")

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise ValueError("pickle exhausted")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def line(self) -> bytes:
        end = self.data.index(b"\n", self.position, self.position + MAX_LINE)
        piece = self.data[self.position : end]
        self.position = end + 1
        return piece

    def push(self, value: object) -> None:
        self.stack.append(value)

    def push_new(self, value: object, size: int = 0) -> None:
        """Push a container, name or tensor. It and its `size` items are counted: one byte can ask for 200 bytes,
        and a call that copies a long list can be repeated."""
        self.count(1 + size)
        self.stack.append(value)

    def count(self, objects: int = 1) -> None:
        self.objects += objects
        if self.objects > MAX_OBJECTS:
            raise FormatError(f"its pickle holds more than {MAX_OBJECTS} objects.")

    def push_mark(self) -> None:
        self.count()
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[object]:
        items = self.stack
        self.stack = self.marks.pop()
        return items
