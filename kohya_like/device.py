"""Where and in what number types to compute."""

from __future__ import annotations

import torch

from kohya_like.schema.errors import UserError

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def chosen_device(name: str) -> torch.device:
    """ "auto" is the GPU when there is one. Raises UserError for a device that is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("there is no GPU that this torch can use", "./run.sh doctor says why; device = 'auto' goes on")
    return torch.device(name)
