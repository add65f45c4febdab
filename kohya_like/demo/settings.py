"""What another network than LoRA changes in the demo's preset; `demo --set KEY=VALUE` takes the same lines.

`LEARNS_THE_GHOST` sees the pictures that the demo's LoRA sees, in the same steps, and passes its gates; `of_recipe` is
any recipe of the chooser at rates that fit this model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from kohya_like.recipes import Recipe

# A tiny model wants far more than a real one: the demo's LoRA learns with 3e-3, its recipe with 1e-4. The nets of a
# hypernetwork are as wide as the contexts, 64 here for 768 there; the wider, the further a step moves what they add.
RATE = 30.0
RATES: Mapping[str, float] = {"hypernetwork": 300.0}

LEARNS_THE_GHOST: Mapping[str, tuple[str, ...]] = {
    "lora": (),
    "locon": ("network.name=locon", "optimizer.learning_rate=2e-3"),  # more layers learn than with LoRA
    # as many numbers as a LoRA of rank 8; with rank 8 and LoRA's rate it forgets other pictures (1.23 times the loss)
    "loha": ("network.name=loha", "network.dim=4", "network.alpha=4", "optimizer.learning_rate=2e-3"),
    # its small matrices hold little and learn slowly; a smaller factor makes them larger
    "lokr": ("network.name=lokr", "network.factor=4", "optimizer.learning_rate=8e-3"),
    # swish with [1, 4, 1] and 4e-3 binds the ghost better and draws it worse; at 8e-3 it comes apart
    "hypernetwork": ("network.name=hypernetwork", "network.dim=", "network.alpha=", "network.activation=relu"),
}  # fmt: skip


def of_recipe(recipe: Recipe) -> tuple[str, ...]:
    """Network and learning rates of a recipe, the rates times what fits this model."""
    rate = RATES.get(recipe.network, RATE)
    lines = {"network.name": recipe.network, "network.dim": "", "network.alpha": ""}  # empty: the network's own default
    for key, value in recipe.defaults.items():
        if key.startswith("network."):
            lines[key] = json.dumps(value)
        elif key.startswith("optimizer."):
            lines[key] = json.dumps(value * rate)
    return tuple(f"{key}={value}" for key, value in lines.items())
