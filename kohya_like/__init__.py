"""A Kohya-style trainer for Stable Diffusion: dataset folders in, LoRA files out."""

__version__ = "0.1.0"
