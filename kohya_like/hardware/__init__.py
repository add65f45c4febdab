"""This machine without torch: GPU, driver, memory, disk, and what `doctor` says of them."""

from kohya_like.hardware.checks import Check, doctor
from kohya_like.hardware.facts import Disk, Gpu, Memory, TorchBuild, disk, gpus, memory, torch_build

__all__ = ["Check", "Disk", "Gpu", "Memory", "TorchBuild", "disk", "doctor", "gpus", "memory", "torch_build"]
