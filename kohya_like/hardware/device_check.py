"""Run as a script in a child process: one matrix product on the device a training would take; prints one JSON line.

A driver that crashes or hangs takes this child with it and not the program that asked.
"""

from __future__ import annotations

import json
import time


def multiply() -> dict[str, object]:
    import torch

    name = "cpu"
    if torch.cuda.is_available():
        name = "cuda"
    elif torch.backends.mps.is_available():
        name = "mps"
    ones = torch.ones(512, 512, device=name)
    started = time.perf_counter()
    total = float((ones @ ones).sum())
    facts: dict[str, object] = {"device": name, "seconds": time.perf_counter() - started, "right": total == 512.0**3}
    if name == "cuda":
        facts["name"] = torch.cuda.get_device_name()
        facts["bf16"] = torch.cuda.is_bf16_supported(including_emulation=False)
    return facts


if __name__ == "__main__":
    try:
        result = multiply()
    except Exception as fault:
        result = {"error": f"{type(fault).__name__}: {str(fault).strip().splitlines()[0][:300] if str(fault) else ''}"}
    print(json.dumps(result))
