"""Small taggers of the real architectures, and pictures for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIZE = 16
# What the outputs of the tiny WD14 mean: two ratings, then a tag for each channel of a BGR picture, then a person.
TAGS = [
    ("general", 9),
    ("explicit", 9),
    ("blue_sky", 0),
    ("green_eyes", 0),
    ("red_hair", 0),
    ("^_^", 0),
    ("anna_(frozen)", 4),
    ("frozen_(film)", 3),
]
# Rows: the means of the channels B, G, R in 0..1; columns: TAGS.
WEIGHTS = np.array(
    [[0, 0, 8, 0, 0, 0, 0, 0], [0, 0, 0, 8, 0, 0, 0, 0], [0, 0, 0, 0, 8, 2, 6, 1]], np.float32
)  # fmt: skip
BIAS = np.array([2, -2, -4, -4, -4, -1, -3, -3], np.float32)


def write_csv(folder: Path, tags: Sequence[tuple[str, int]] = TAGS) -> None:
    lines = [f"{number},{name},{category},{100 - number}" for number, (name, category) in enumerate(tags)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *lines]) + "\n", "utf-8")


def tiny_graph(
    *, layout: str = "NHWC", batch: int | None = None, size: int = SIZE, half: bool = False, logits: bool = False
) -> onnx.ModelProto:
    """Means of the channels, brought to 0..1, times WEIGHTS plus BIAS, through a sigmoid."""
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    number = np.float16 if half else np.float32
    shape = [batch or "N", size, size, 3] if layout == "NHWC" else [batch or "N", 3, size, size]
    axes = np.array([1, 2] if layout == "NHWC" else [2, 3], np.int64)
    constants = {"axes": axes, "255": number(255), "weights": WEIGHTS.astype(number), "bias": BIAS.astype(number)}
    nodes = [
        helper.make_node("Div", ["picture", "255"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["scores" if logits else "sum"]),
        *([] if logits else [helper.make_node("Sigmoid", ["sum"], ["scores"])]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", kind, shape)],
        [helper.make_tensor_value_info("scores", kind, [shape[0], len(TAGS)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model


def tiny_wd14(folder: Path, **how: Any) -> Path:
    """A folder with model.onnx and selected_tags.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(tiny_graph(**how).SerializeToString())
    write_csv(folder)
    return folder


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (24, 16)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


BLIP_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "photo",
    "of",
    "cat",
    "dog",
    "red",
    "house",
    "on",
    "hill",
]


def tiny_blip(folder: Path) -> Path:
    """A folder as transformers saves it: random weights, 14 words."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    words = len(BLIP_WORDS)
    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "projection_dim": 16}
    text = {
        **sizes, "num_hidden_layers": 2, "vocab_size": words + 2, "max_position_embeddings": 64,
        "encoder_hidden_size": 32, "bos_token_id": words, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    vision = {**sizes, "num_hidden_layers": 2, "image_size": 32, "patch_size": 8}
    torch.manual_seed(1)
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    for parameter in model.parameters():  # larger than by default, so that pictures make a difference
        parameter.data += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "vocab.txt").write_text("\n".join(BLIP_WORDS) + "\n", "utf-8")
    return folder


def tiny_clip(folder: Path) -> Path:
    """A whole CLIP model with random weights and CLIP's own vocabulary."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_hidden_layers": 2}
    text = {**sizes, "vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": 49407, "bos_token_id": 49406}
    vision = {**sizes, "image_size": 32, "patch_size": 8}
    torch.manual_seed(2)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
    model.save_pretrained(folder, safe_serialization=True)
    return folder
