"""The only calls a pickle may ask for, and what our interpreter answers instead of making them.

Each allowed name (the list that A1111's loader accepts, formats of torch 0.4 to 2.13) has a function here that checks
its arguments and returns plain data or a description: no object of torch or numpy exists yet, so no argument can lie
about memory. Every other name is inert as a value (lightning uses a class as a dictionary key) and refused when called.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from kohya_like.formats.safetensors_header import DTYPE_BYTES, MAX_DIMENSION, MAX_DIMENSIONS
from kohya_like.schema.errors import FormatError

_STORAGE_DTYPES = {
    "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "DoubleStorage": "F64",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "UntypedStorage": "U8",
}  # fmt: skip
_TORCH_DTYPES = {
    "float32": "F32", "float": "F32", "float16": "F16", "half": "F16", "bfloat16": "BF16", "float64": "F64",
    "double": "F64", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32", "int16": "I16", "short": "I16",
    "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip
_NUMPY_DTYPE = re.compile(r"f[248]|[iu][1248]|b1")
_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True, slots=True)
class ForeignName:
    """A name that stands in the file ("posix.system"), as a name: it can be kept and compared, never called."""

    name: str

    @classmethod
    def of(cls, module: str, name: str) -> ForeignName:
        module = _PYTHON_2.get(module, module).replace("numpy.core.", "numpy._core.")
        return cls(f"{module}.{name}")


@dataclass(frozen=True, slots=True)
class PickledStorage:
    """A run of `count` numbers in the file, found by `key`; `base` numbers are skipped (old torch's views)."""

    key: str
    dtype: str
    count: int
    base: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PickledTensor:
    """A tensor as the pickle describes it: type code ("F16"), place in its storage, shape and stride in numbers."""

    storage: PickledStorage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(slots=True, eq=False)
class NumpyType:
    """A numpy dtype without byte order ("f4"), then the order ("<") once the pickle has told it."""

    code: str
    order: str = "<"


@dataclass(slots=True, eq=False)
class NumpyArray:
    """A numpy array or scalar (shape ()) with its raw bytes, filled by the pickle's BUILD."""

    shape: tuple[int, ...] = ()
    dtype: str = "f4"
    order: str = "<"
    columns_first: bool = False
    raw: bytes = b""


class OrderedTable(dict[object, object]):
    """collections.OrderedDict: a dictionary whose attributes (torch's `_metadata`) are dropped."""


class ParameterTable(dict[object, object]):
    """torch.nn.ParameterDict, old and new layout: only its parameters are kept."""


def is_plain_key(key: object) -> bool:
    """Whether `key` may be a dictionary key. Huge integers, floats and tuples may not: they can be made to share one
    hash, and no model file has them."""
    if isinstance(key, int):
        return abs(key) < 2**60
    return isinstance(key, (str, bytes, type(None), ForeignName))


def call_name(function: object, arguments: object) -> object:
    """Answer the call of `function`, if it is an allowed name.

    Raises:
        FormatError: any other function, by name; or arguments that an honest writer would not give.
    """
    if not isinstance(function, ForeignName):
        raise FormatError("its pickle calls something that is not a name.")
    answer = _CALLS.get(function.name)
    if answer is None:
        raise _refused(function)
    if not isinstance(arguments, tuple):
        raise FormatError(f"its pickle gives {function.name} arguments of a wrong kind.")
    try:
        return answer(*arguments)
    except TypeError:
        raise FormatError(f"its pickle gives {function.name} arguments of a wrong kind.") from None


def fill_object(target: object, state: object) -> None:
    """Do what pickle's BUILD would: give an object that was just made its state.

    Raises:
        FormatError: the object is foreign, or the state is none of ours.
    """
    if isinstance(target, ForeignName):
        raise _refused(target)
    if isinstance(target, (OrderedTable, PickledTensor)):
        return  # attributes of a state dict or a tensor: nothing we read
    if isinstance(target, ParameterTable):
        state = state[0] if isinstance(state, tuple) and state else state
        parameters = state.get("_parameters") if isinstance(state, dict) else None
        if isinstance(parameters, dict):
            target.update(parameters)
            return
    if isinstance(target, NumpyType) and isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", "|", "="):
        target.order = "<"
        return
    if isinstance(target, NumpyArray) and isinstance(state, tuple) and len(state) == 5:
        _fill_array(target, *state)
        return
    raise FormatError("its pickle gives an object a state of a wrong kind.")


def storage_of(reference: object) -> PickledStorage:
    """The storage that a persistent id names: ("storage", type, key, device, count[, view])."""
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise FormatError("its pickle refers to something outside that is no storage.")
    _, kind, key, _, count = reference[:5]
    dtype = None
    if isinstance(kind, ForeignName) and kind.name.startswith("torch."):
        dtype = _STORAGE_DTYPES.get(kind.name.removeprefix("torch.").removeprefix("storage."))
    if dtype is None or not isinstance(key, str) or not _natural(count):
        raise FormatError("its pickle describes a storage of an unknown kind.")
    view = reference[5] if len(reference) == 6 else None
    if view is None:
        return PickledStorage(key, dtype, count)
    if not isinstance(view, tuple) or len(view) != 3 or not _natural(view[1]) or not _natural(view[2]):
        raise FormatError("its pickle describes a view of a storage of an unknown kind.")
    if view[1] + view[2] > count:
        raise FormatError("its pickle describes a view beyond the end of its storage.")
    return PickledStorage(key, dtype, count, base=view[1])


def _refused(name: ForeignName) -> FormatError:
    return FormatError(
        f"it asks to run {name.name[:200]!r}, which no model needs. The file is refused and nothing was run.",
        hint="Get the model as .safetensors, from its author or a source you trust.",
    )


def _natural(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _naturals(value: object) -> bool:
    return isinstance(value, tuple) and len(value) <= MAX_DIMENSIONS and all(_natural(item) for item in value)


def _tensor(storage: object, offset: object, shape: object, stride: object, *rest: object) -> PickledTensor:
    return _checked(storage, offset, shape, stride, None)


def _tensor_v3(
    storage: object, offset: object, shape: object, stride: object, _grad: object, _hooks: object, dtype: object,
    _metadata: object = None,
) -> PickledTensor:  # fmt: skip
    code = _TORCH_DTYPES.get(dtype.name.removeprefix("torch.")) if isinstance(dtype, ForeignName) else None
    if code is None:
        raise FormatError("its pickle describes a tensor of an unknown type.")
    return _checked(storage, offset, shape, stride, code)


def _checked(storage: object, offset: object, shape: object, stride: object, dtype: str | None) -> PickledTensor:
    """A tensor that lies inside its storage and has no more numbers than it (a stride of 0 can claim terabytes)."""
    if not isinstance(storage, PickledStorage) or not isinstance(offset, int) or not _natural(offset):
        raise FormatError("its pickle describes a tensor without a storage.")
    if not isinstance(shape, tuple) or not isinstance(stride, tuple) or len(shape) != len(stride):
        raise FormatError("its pickle describes a tensor whose shape and stride do not match.")
    if not _naturals(shape) or not _naturals(stride) or any(size > MAX_DIMENSION for size in shape):
        raise FormatError(
            f"its pickle describes a tensor of an impossible shape; at most {MAX_DIMENSIONS} dimensions of "
            f"at most {MAX_DIMENSION} are accepted."
        )
    dtype = dtype or storage.dtype
    stored = storage.count * DTYPE_BYTES[storage.dtype] // DTYPE_BYTES[dtype] - storage.base
    numbers = prod(shape)
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride)) if numbers else offset - 1
    if numbers > stored or last >= stored:
        raise FormatError(f"its pickle describes a tensor of {numbers} numbers on a storage that holds {stored}.")
    return PickledTensor(storage, dtype, offset, shape, stride)


def _parameter(data: object, *rest: object) -> object:
    return data


def _from_type(function: object, kind: object, arguments: object, state: object) -> object:
    """A tensor with Python attributes: torch nests the real call inside; the attributes are dropped."""
    if not isinstance(kind, ForeignName) or kind.name not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        raise FormatError("its pickle describes a tensor of a foreign class.")
    if not isinstance(function, ForeignName) or not function.name.startswith("torch._utils._rebuild_"):
        raise FormatError("its pickle describes a tensor of a foreign class.")
    return call_name(function, arguments)


def _ordered(items: object = (), *rest: object) -> OrderedTable:
    table = OrderedTable()
    if rest or not isinstance(items, (list, tuple)):
        raise TypeError
    for pair in items:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not is_plain_key(pair[0]):
            raise TypeError
        table[pair[0]] = pair[1]
    return table


def _parameter_table() -> ParameterTable:
    return ParameterTable()


def _set(items: object = ()) -> object:
    if not isinstance(items, (list, tuple)) or not all(is_plain_key(item) for item in items):
        raise TypeError
    return set(items)


def _size(items: object) -> object:
    if not isinstance(items, (list, tuple)) or not all(_natural(item) for item in items):
        raise TypeError
    return tuple(items)


def _device(kind: object, index: object = None) -> str:
    if not isinstance(kind, str):
        raise TypeError
    return kind


def _encode(text: object, encoding: object) -> bytes:
    """`_codecs.encode(text, "latin1")`: how protocol 2 spells bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise TypeError
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise TypeError from None


def _numpy_type(code: object, *rest: object) -> NumpyType:
    if not isinstance(code, str) or not _NUMPY_DTYPE.fullmatch(code):
        raise FormatError(f"its pickle holds a numpy array of the type {str(code)[:20]!r}, which models do not need.")
    return NumpyType(code)


def _numpy_empty(kind: object, shape: object, code: object) -> NumpyArray:
    if not isinstance(kind, ForeignName) or kind.name != "numpy.ndarray":
        raise TypeError
    return NumpyArray()


def _numpy_scalar(kind: object, raw: object) -> NumpyArray:
    if not isinstance(kind, NumpyType) or not isinstance(raw, bytes) or len(raw) != int(kind.code[1:]):
        raise TypeError
    return NumpyArray((), kind.code, kind.order, False, raw)


def _fill_array(
    array: NumpyArray, version: object, shape: object, kind: object, columns_first: object, raw: object
) -> None:
    if not isinstance(kind, NumpyType) or not isinstance(raw, bytes) or not isinstance(shape, tuple):
        raise FormatError("its pickle describes a numpy array of a wrong kind.")
    if not _naturals(shape) or prod(shape) * int(kind.code[1:]) != len(raw):
        raise FormatError("its pickle describes a numpy array that does not fit its bytes.")
    array.shape, array.dtype, array.order, array.raw = shape, kind.code, kind.order, raw
    array.columns_first = bool(columns_first)


def _array_tensor(array: object, *rest: object) -> NumpyArray:
    if not isinstance(array, NumpyArray):
        raise TypeError
    return array


_CALLS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _ordered,
    "builtins.set": _set,
    "torch.Size": _size,
    "torch.device": _device,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_device_tensor_from_numpy": _array_tensor,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch.nn.modules.container.ParameterDict": _parameter_table,
    "numpy.dtype": _numpy_type,
    "numpy._core.multiarray._reconstruct": _numpy_empty,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "_codecs.encode": _encode,
}
