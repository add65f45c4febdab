"""What differs between the base models and nothing else: parts, numbers, how prompts and pictures are encoded."""

PLUGINS = ("sd1", "sd2", "sdxl")
