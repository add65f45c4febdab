"""The cells of the algorithms: on which layers each works, how it merges, which variants it has, what its file tells.

An algorithm declares what it has (layer kinds, options) and in `why_not` and `untold` a sentence for each hole.
docs/networks.md shows the table. Torch-free. Below are the sentences that several algorithms share.
"""

from __future__ import annotations

from collections.abc import Mapping

from kohya_like.networks.base import InputResidual, NetworkAlgorithm, WeightDelta

LAYERS = ("linear", "conv1x1", "conv3x3", "layernorm", "groupnorm", "contexts")
MERGING = ("mergeable", "invertible")
VARIANTS = (
    "conv_dim", "use_tucker", "dora_wd", "rs_lora", "use_scalar", "loraplus_lr_ratio", "scale_weight_norms",
)  # fmt: skip
CELLS = (*LAYERS, *MERGING, *VARIANTS)
KINDS = {"conv1x1": "conv2d", "conv3x3": "conv2d"}  # of layer, where it is not the cell's name

NO_CONTEXTS = {"contexts": "it changes the weights of a layer, not what the layer reads"}
_NO_MATRIX = "a normalisation has one number for each channel and no matrix; the kind norms trains it"
NO_NORMS = {"layernorm": _NO_MATRIX, "groupnorm": _NO_MATRIX}
_NO_RANK = "it has no rank"
NO_RANK = {"rs_lora": _NO_RANK, "use_tucker": _NO_RANK}
NO_PAIR = {"loraplus_lr_ratio": "the rule is for a pair of one down and one up matrix"}
NO_FACTOR = {
    "use_scalar": "a rotation is not proportional to any of its numbers, so no factor can be multiplied in",
    "scale_weight_norms": "a rotation cannot be scaled down; network.constraint limits it instead",
}
READS_BASE = {"invertible": "the change depends on the weight it is added to"}

OWN_RANKS = "each layer of a file tells its own rank and alpha"
OWN_LAYERS = "a file holds the trained layers, not how they were chosen"
NO_TRACE = "it is used while training and leaves no trace in the numbers"
LORA_FILE = "its file is an ordinary LoRA, and is read back as one"


def has(algorithm: type[NetworkAlgorithm], cell: str) -> bool:
    """Whether an algorithm has a cell: can be told to train such layers, merges so, or has the variant."""
    if cell == "contexts":
        return issubclass(algorithm, InputResidual)
    if cell in LAYERS:
        return issubclass(algorithm, WeightDelta) and KINDS.get(cell, cell) in algorithm.layer_kinds
    if cell in MERGING:
        return bool(getattr(algorithm, cell))
    if cell == "scale_weight_norms":
        return issubclass(algorithm, WeightDelta) and bool(algorithm.folds or algorithm.shares)
    return cell in algorithm.model_fields


def lost_by(algorithm: type[NetworkAlgorithm]) -> dict[str, Mapping[str, str]]:
    """Options that take a cell away when they are switched on, each with the sentence: {"dora_wd": {"invertible": ..}}.

    Only switches are tried, one at a time.
    """
    found: dict[str, Mapping[str, str]] = {}
    switches = [name for name, field in algorithm.model_fields.items() if field.default is False and name in VARIANTS]
    for name in switches:
        more = algorithm(**{name: True}).hindrances().items() - algorithm.why_not.items()
        if more:
            found[name] = dict(more)
    return found


def own_options(algorithm: type[NetworkAlgorithm]) -> list[str]:
    """The options of the algorithm's form: those that not every network has."""
    shared = {*WeightDelta.model_fields, *InputResidual.model_fields}
    return sorted((name for name in algorithm.model_fields if name not in shared), key=lambda name: name != "name")


def told(algorithm: type[NetworkAlgorithm]) -> list[str]:
    """The options that `infer` takes from the tensors of a module, up to what makes no difference in that module."""
    return [name for name in own_options(algorithm) if name not in algorithm.untold]
