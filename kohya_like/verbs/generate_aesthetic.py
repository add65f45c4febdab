"""`generate --aesthetic`: its options, and what they mean for the prompts and for the text in the pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kohya_like.picture_text import Pull
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from kohya_like.aesthetic_prompts import AestheticPrompts
    from kohya_like.data.placeholders import Placeholders
    from kohya_like.families.backbone import Backbone
    from kohya_like.prompts.prompt import Prompt


def check_aesthetic(arguments: argparse.Namespace) -> None:
    """Raises UserError with all that is wrong with the options."""
    faults = []
    if arguments.aesthetic and not arguments.aesthetic_tower:
        faults.append("--aesthetic needs --aesthetic-tower, the CLIP model that its embedding was made with")
    for name, low, high in (("weight", 0, 1), ("angle", 0, 1), ("steps", 0, 1000), ("lr", 0, 1)):
        value = getattr(arguments, f"aesthetic_{name}")
        if not low <= value <= high:
            faults.append(f"--aesthetic-{name} is {value:g}; expects {low} to {high}")
    if faults:
        raise UserError("; ".join(faults))


def aesthetic_prompts(
    arguments: argparse.Namespace, backbone: Backbone, words: Placeholders, prompts: Sequence[Prompt]
) -> AestheticPrompts:
    """The encoder of prompts that the options ask for. Raises UserError where embedding, tower and model do not fit."""
    from kohya_like.aesthetic_prompts import AestheticPrompts, negative_texts
    from kohya_like.data.tokens import clip_tokenizer
    from kohya_like.families.aesthetic import Aesthetic, AestheticEncoder
    from kohya_like.families.image_tower import open_image_tower
    from kohya_like.formats.aesthetic import read_aesthetic
    from kohya_like.prompt_encoder import PromptEncoder
    from kohya_like.prompts.chunks import chunked

    text = chunked(arguments.aesthetic_text, clip_tokenizer(), words, 1) if arguments.aesthetic_text else None
    wanted = Aesthetic(
        read_aesthetic(arguments.aesthetic), arguments.aesthetic_weight, arguments.aesthetic_steps,
        arguments.aesthetic_lr, arguments.aesthetic_slerp, text, arguments.aesthetic_text_negative,
        arguments.aesthetic_angle,
    )  # fmt: skip
    pull = AestheticEncoder(backbone, open_image_tower(arguments.aesthetic_tower, backbone.device), wanted)
    plain = PromptEncoder(backbone, placeholders=words)
    pulled = PromptEncoder(backbone, placeholders=words, encode_prompts=pull)
    return AestheticPrompts(plain, pulled, negative_texts(prompts))


def told_aesthetic(arguments: argparse.Namespace) -> dict[str, str]:
    """What a picture tells of it."""
    if not arguments.aesthetic:
        return {}
    return Pull(
        arguments.aesthetic.stem, arguments.aesthetic_weight, arguments.aesthetic_steps, arguments.aesthetic_lr,
        arguments.aesthetic_slerp, arguments.aesthetic_text, arguments.aesthetic_text_negative,
        arguments.aesthetic_angle,
    ).fields()  # fmt: skip
