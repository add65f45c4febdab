"""Answers of the service for tests, made of the classes that `check` makes them of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kohya_like.data.plan import steps
from kohya_like.preflight.estimate import GIB, DiskNeed, MemoryEstimate, Share
from kohya_like.preflight.report import BucketRow, CheckReport, ConceptRow, FilePlan, ModelRow, PartRow
from kohya_like.schema.errors import Fault

PROBE = '<img src="file:///PROBE">'
TURNED = "\u202egpj.exe"  # reads "exe.jpg" where marks are obeyed
HOSTILE = (PROBE, TURNED, "x" * 1_000_000)
FEW = Fault("12 pictures are few", "data.train_data_dir", severity="hint", code="few-images")
WRONG = Fault("must be more than 0", "network.dim", "my.toml:4", "take 8", code="range")
ODD = Fault("is unusual", "train.seed", severity="warning", code="odd")


def concept(name: str = "10_sks cat", folder: str = "/pictures/10_sks cat", **changes: Any) -> ConceptRow:
    values: dict[str, Any] = {
        "repeats": 10, "class_tokens": "sks cat", "is_reg": False, "loss_weight": 1.0, "images": 20, "samples": 200,
        "captions": {".txt": 20}, "missing_captions": 0, "empty_captions": 0, "unreadable": 0, "too_small": 0,
        "too_large": 0,
    }  # fmt: skip
    return ConceptRow(name, folder, **(values | changes))


def answer(faults: Sequence[Fault | dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """What `Service.checked` brings. `changes` replace parts of the report."""
    parts: dict[str, Any] = {
        "concepts": (concept(),),
        "images": 20,
        "buckets": (BucketRow(512, 768, 120, 60), BucketRow(640, 640, 80, 41)),
        "steps": steps(101, 1, 5, None, samples=201, batch_size=2, buckets=2, counted="20 pictures x 10 repeats"),
        "warmup_steps": 50,
        "parts": (
            PartRow("unet", True, 1e-4, "optimizer.unet_lr", 192, 313_344),
            PartRow("text_encoder", False, 0.0, "optimizer.text_encoder_lr", 0, 0),
        ),
        "files": FilePlan("/runs/cat", "/runs/cat/cat.safetensors", 5, 3, ("cat-000001.safetensors",), 2 * 1024**2),
        "memory": MemoryEstimate(
            (Share("UNet", 4 * GIB, "fp16"),), (Share("caching", GIB, "the VAE"),), "cuda", 8 * GIB
        ),
        "disks": (DiskNeed("/runs/cat", "files, states and previews", GIB, 50 * GIB),),
        "device": "cuda",
    }
    report = CheckReport((), ModelRow("/models/base"), **(parts | changes)).as_dict()
    report["faults"] = [{**fault.as_dict(), "fix": None} if isinstance(fault, Fault) else fault for fault in faults]
    return {"ok": True, "report": report, "faults": report["faults"]}


def with_fix(fault: Fault, label: str, edits: dict[str, Any], renames: dict[str, str] | None = None) -> dict[str, Any]:
    return {**fault.as_dict(), "fix": {"label": label, "edits": edits, "renames": renames or {}}}
