"""A pickle interpreter that can build data and nothing else.

It reads the opcodes torch, numpy and Python write for plain data. A name in the file (`torch.FloatStorage`,
`os.system`) never becomes the thing it names: it stays a `ForeignName`, inert. When the file asks to call one, the
call is answered from the short list in `pickle_calls` or refused by name. Nothing is imported, nothing executed, and
Python's own pickle module is not involved; torch is not needed either, tensors stay descriptions (`PickledTensor`).

Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from kohya_like.formats.pickle_calls import (
    ForeignName,
    PickledStorage,
    call_name,
    fill_object,
    is_plain_key,
    storage_of,
)
from kohya_like.formats.pickle_machine import MAX_LINE, Machine
from kohya_like.schema.errors import FormatError

MAX_PICKLE_BYTES = 64 * 1024 * 1024
_MAX_INTEGER_BYTES = 256


@dataclass
class Unpickled:
    """What one pickle says: its value, where it ends, and the storages its tensors lie in."""

    value: object
    end: int
    storages: dict[str, PickledStorage] = field(default_factory=dict)


def read_pickle(data: bytes, start: int = 0) -> Unpickled:
    """Interpret the pickle at `start` of `data`.

    Raises:
        FormatError: broken, too large, or asking for anything but data.
    """
    if len(data) - start > MAX_PICKLE_BYTES:
        raise FormatError(f"its pickle has {len(data) - start} bytes; at most {MAX_PICKLE_BYTES} are accepted.")
    machine = Machine(data, start)
    try:
        value = machine.run(_ACTIONS)
    except (IndexError, KeyError, ValueError, TypeError, OverflowError, struct.error) as error:
        raise FormatError(f"its pickle is broken at byte {machine.position}.") from error
    return Unpickled(value, machine.position, machine.storages)


def _skip(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.take(size)

    return action


def _constant(value: object) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.push(value)

    return action


def _integer(size: int, signed: bool = False) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.push(int.from_bytes(m.take(size), "little", signed=signed))

    return action


def _long(prefix: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        size = m.number(prefix)
        if size > _MAX_INTEGER_BYTES:
            raise ValueError("huge integer")
        m.push(int.from_bytes(m.take(size), "little", signed=True))

    return action


def _text(prefix: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.push(m.take(m.number(prefix)).decode("utf-8"))

    return action


def _octets(prefix: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.push(m.take(m.number(prefix)))

    return action


def _python2_string(prefix: int) -> Callable[[Machine], None]:
    """A Python 2 `str`: text where it can be, bytes where it cannot."""

    def action(m: Machine) -> None:
        m.push(_text_or_bytes(m.take(m.number(prefix))))

    return action


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _line_int(m: Machine) -> None:
    line = m.line()
    m.push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else int(line))


def _line_long(m: Machine) -> None:
    m.push(int(m.line().rstrip(b"L")))


def _line_float(m: Machine) -> None:
    m.push(float(m.line()))


def _line_string(m: Machine) -> None:
    line = m.line()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1] or b"\\" in line:
        raise ValueError("string")
    m.push(_text_or_bytes(line[1:-1]))


def _line_unicode(m: Machine) -> None:
    m.push(m.line().decode("raw-unicode-escape"))


def _float(m: Machine) -> None:
    m.push(struct.unpack(">d", m.take(8))[0])


def _mark(m: Machine) -> None:
    m.push_mark()


def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _pop_to_mark(m: Machine) -> None:
    m.pop_mark()


def _new_list(m: Machine) -> None:
    m.push_new([])


def _new_dict(m: Machine) -> None:
    m.push_new({})


def _new_set(m: Machine) -> None:
    m.push_new(set())


def _list_from_mark(m: Machine) -> None:
    m.push_new(m.pop_mark())


def _dict_from_mark(m: Machine) -> None:
    items = m.pop_mark()
    table: dict[object, object] = {}
    _set_items(table, items)
    m.push_new(table)


def _frozenset_from_mark(m: Machine) -> None:
    items = m.pop_mark()
    m.push_new(frozenset(item for item in items if _plain(item)))


def _tuple(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        if len(m.stack) < size:
            raise IndexError("tuple")
        items = tuple(m.stack[len(m.stack) - size :])
        del m.stack[len(m.stack) - size :]
        m.push_new(items)

    return action


def _tuple_from_mark(m: Machine) -> None:
    m.push_new(tuple(m.pop_mark()))


def _append(m: Machine) -> None:
    value = m.stack.pop()
    _as_list(m.stack[-1]).append(value)


def _append_many(m: Machine) -> None:
    items = m.pop_mark()
    _as_list(m.stack[-1]).extend(items)


def _set_item(m: Machine) -> None:
    value = m.stack.pop()
    key = m.stack.pop()
    _set_items(m.stack[-1], [key, value])


def _set_many(m: Machine) -> None:
    items = m.pop_mark()
    _set_items(m.stack[-1], items)


def _add_many(m: Machine) -> None:
    items = m.pop_mark()
    target = m.stack[-1]
    if not isinstance(target, set):
        raise TypeError("set")
    target.update(item for item in items if _plain(item))


def _as_list(target: object) -> list[object]:
    if not isinstance(target, list):
        raise TypeError("list")
    return target


def _set_items(target: object, items: list[object]) -> None:
    if not isinstance(target, dict) or len(items) % 2:
        raise TypeError("dict")
    for key, value in zip(items[::2], items[1::2]):
        if _plain(key):
            target[key] = value


def _plain(key: object) -> bool:
    if not is_plain_key(key):
        raise TypeError("key")
    return True


def _put(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.memo[m.number(size)] = m.stack[-1]

    return action


def _get(size: int) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        m.push(m.memo[m.number(size)])

    return action


def _put_line(m: Machine) -> None:
    m.memo[int(m.line())] = m.stack[-1]


def _get_line(m: Machine) -> None:
    m.push(m.memo[int(m.line())])


def _memoize(m: Machine) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _protocol(m: Machine) -> None:
    if m.number(1) > 5:
        raise ValueError("protocol")


def _global(m: Machine) -> None:
    module, name = m.line().decode("utf-8"), m.line().decode("utf-8")
    m.push_new(ForeignName.of(module, name))


def _stack_global(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > MAX_LINE:
        raise TypeError("name")
    m.push_new(ForeignName.of(module, name))


def _answer(m: Machine, value: object) -> None:
    m.push_new(value, len(value) if isinstance(value, (dict, set, tuple, bytes)) else 0)


def _reduce(m: Machine) -> None:
    arguments, function = m.stack.pop(), m.stack.pop()
    _answer(m, call_name(function, arguments))


def _new_object_with_keywords(m: Machine) -> None:
    keywords, arguments, function = m.stack.pop(), m.stack.pop(), m.stack.pop()
    if keywords:
        arguments = None
    _answer(m, call_name(function, arguments))


def _instance_line(m: Machine) -> None:
    module, name = m.line().decode("utf-8"), m.line().decode("utf-8")
    _answer(m, call_name(ForeignName.of(module, name), tuple(m.pop_mark())))


def _instance_from_mark(m: Machine) -> None:
    function, *arguments = m.pop_mark()
    _answer(m, call_name(function, tuple(arguments)))


def _build(m: Machine) -> None:
    state = m.stack.pop()
    target = m.stack[-1]
    fill_object(target, state)
    m.count(len(target) if isinstance(target, dict) else 0)


def _persistent(m: Machine) -> None:
    reference = m.stack.pop()
    if isinstance(reference, tuple) and len(reference) == 4 and isinstance(reference[1], ForeignName):
        m.push(reference[1])  # ("module", class, file, source): how old torch wrote a class; the name is all we keep
        return
    storage = storage_of(reference)
    known = m.storages.setdefault(storage.key, storage)
    if known.dtype != storage.dtype or known.count != storage.count:
        raise FormatError(f"its pickle describes the storage {storage.key[:40]!r} in two ways.")
    m.push_new(storage)


_ACTIONS: dict[int, Callable[[Machine], None]] = {
    0x80: _protocol, 0x95: _skip(8),
    ord("("): _mark, ord("0"): _pop, ord("1"): _pop_to_mark,
    ord("N"): _constant(None), 0x88: _constant(True), 0x89: _constant(False),
    ord("I"): _line_int, ord("L"): _line_long, ord("F"): _line_float, ord("G"): _float,
    ord("J"): _integer(4, signed=True), ord("K"): _integer(1), ord("M"): _integer(2), 0x8A: _long(1), 0x8B: _long(4),
    ord("S"): _line_string, ord("T"): _python2_string(4), ord("U"): _python2_string(1),
    ord("V"): _line_unicode, ord("X"): _text(4), 0x8C: _text(1), 0x8D: _text(8),
    ord("B"): _octets(4), ord("C"): _octets(1), 0x8E: _octets(8),
    ord(")"): _constant(()), 0x85: _tuple(1), 0x86: _tuple(2), 0x87: _tuple(3), ord("t"): _tuple_from_mark,
    ord("]"): _new_list, ord("l"): _list_from_mark, ord("a"): _append, ord("e"): _append_many,
    ord("}"): _new_dict, ord("d"): _dict_from_mark, ord("s"): _set_item, ord("u"): _set_many,
    0x8F: _new_set, 0x90: _add_many, 0x91: _frozenset_from_mark,
    ord("p"): _put_line, ord("q"): _put(1), ord("r"): _put(4), 0x94: _memoize,
    ord("g"): _get_line, ord("h"): _get(1), ord("j"): _get(4),
    ord("c"): _global, 0x93: _stack_global, ord("i"): _instance_line, ord("o"): _instance_from_mark,
    ord("R"): _reduce, 0x81: _reduce, 0x92: _new_object_with_keywords, ord("b"): _build, ord("Q"): _persistent,
}  # fmt: skip
