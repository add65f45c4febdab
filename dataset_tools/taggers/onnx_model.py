"""An ONNX model that takes pictures and gives scores, opened by onnxruntime: what it wants, and what it says.

onnxruntime reads the weights of a model from further files only where they lie in its folder, and runs no code of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dataset_tools.taggers.base import TaggerStopped, cores
from kohya_like.schema.errors import FormatError

Layout = Literal["NHWC", "NCHW"]
SIZES = (16, 2048)  # px
QUIET = 4  # onnxruntime's own log: what kills the process only; we say the rest
_NUMBERS: dict[str, type[np.float32] | type[np.float16]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


@dataclass(frozen=True)
class OnnxModel:
    """`batch` is None where the model takes any number of pictures at once; `output` is [B, tags]."""

    session: onnxruntime.InferenceSession
    path: Path
    input: str
    output: str
    size: int  # px, of a square
    layout: Layout
    batch: int | None
    dtype: type[np.float32] | type[np.float16]

    def scores(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw outputs [B, tags] for pictures [B, S, S, 3]. Raises TaggerStopped."""
        given = pictures.transpose(0, 3, 1, 2) if self.layout == "NCHW" else pictures
        try:
            found = self.session.run([self.output], {self.input: np.ascontiguousarray(given, self.dtype)})[0]
        except Exception as error:  # onnxruntime raises classes of its own, out of memory among them
            hint = "set a smaller batch if memory is short"
            raise TaggerStopped(f"{self.path}: the model cannot be run ({_short(error)})", hint) from error
        return np.asarray(found, np.float32)


def open_onnx(path: Path, outputs: int, threads: int) -> OnnxModel:
    """The model at `path` with one output of `outputs` scores. Raises FormatError where it is none."""
    session = _session(path, threads)
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _NUMBERS:
        raise FormatError(f"{path}: is no model of pictures: it wants {_shown(inputs)}")
    shape = inputs[0].shape
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise FormatError(f"{path}: is no model of pictures: it wants {_shown(inputs)}")
    layout: Layout = "NHWC" if shape[3] == 3 else "NCHW"
    height, width = (shape[1], shape[2]) if layout == "NHWC" else (shape[2], shape[3])
    if not isinstance(height, int) or height != width or not SIZES[0] <= height <= SIZES[1]:
        raise FormatError(f"{path}: wants pictures of {height} x {width}; a square is expected")
    found = [output for output in session.get_outputs() if len(output.shape) == 2]
    fitting = [output for output in found if output.shape[1] == outputs or not isinstance(output.shape[1], int)]
    if not fitting:
        given = ", ".join(str(output.shape[1]) for output in found) or "no list of scores"
        raise FormatError(
            f"{path}: gives {given} scores, and its table has {outputs} tags", "take both files from the same model"
        )
    batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
    dtype = _NUMBERS[inputs[0].type]
    return OnnxModel(session, path, inputs[0].name, fitting[0].name, height, layout, batch, dtype)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    there = onnxruntime.get_available_providers()
    try:
        return onnxruntime.InferenceSession(path, options, [name for name in _PROVIDERS if name in there])
    except Exception as error:  # its errors have no class in common but this
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> FormatError:
    text = str(error)
    if "xternal data" in text and ("escape" in text or "absolute" in text.lower()):
        return FormatError(f"{path}: wants to read weights outside its own folder; it is not opened")
    if "INVALID_PROTOBUF" in text:
        return FormatError(f"{path}: is no ONNX model, or is cut off", "download it again")
    if "xternal data" in text or "NO_SUCHFILE" in text:
        return FormatError(f"{path}: a file with its weights is missing or cut off ({_short(error)})")
    return FormatError(f"{path}: onnxruntime cannot open it ({_short(error)})")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _shown(inputs: list[onnxruntime.NodeArg]) -> str:
    return "; ".join(f"{entry.type} {entry.shape}" for entry in inputs[:4]) or "nothing"
