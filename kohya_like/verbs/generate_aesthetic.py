"""`generate --aesthetic`: its options over what a picture tells, and what they mean for the prompts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kohya_like.console import say
from kohya_like.prompts.pull import USUAL, Pull
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from kohya_like.aesthetic_prompts import AestheticPrompts
    from kohya_like.data.placeholders import Placeholders
    from kohya_like.families.backbone import Backbone
    from kohya_like.prompts.prompt import Prompt

_RANGES = {"weight": (0, 1), "angle": (0, 1), "steps": (0, 1000), "lr": (0, 1)}


def pull_of(arguments: argparse.Namespace, told: Pull | None) -> Pull | None:
    """How prompts are pulled, None where they are not; `told` is what the picture of --like tells.

    Raises UserError with all that is wrong with the options, and where the picture's embedding is not given.
    """
    faults = []
    if arguments.aesthetic and not arguments.aesthetic_tower:
        faults.append("--aesthetic needs --aesthetic-tower, the CLIP model that its embedding was made with")
    for name, (low, high) in _RANGES.items():
        value = getattr(arguments, f"aesthetic_{name}")
        if value is not None and not low <= value <= high:
            faults.append(f"--aesthetic-{name} is {value:g}; expects {low} to {high}")
    if faults:
        raise UserError("; ".join(faults))
    if arguments.aesthetic is None:
        if told is not None and arguments.aesthetic_weight != 0:
            raise UserError(
                f"{arguments.like}: was drawn with the aesthetic embedding {told.embedding}",
                "give its file with --aesthetic, or draw without it: --aesthetic-weight 0",
            )
        return None
    if told is not None and told.embedding != arguments.aesthetic.stem:
        say(f"hint: {arguments.like} was drawn with the aesthetic embedding {told.embedding}", error=True)
    said = {
        "weight": arguments.aesthetic_weight, "steps": arguments.aesthetic_steps, "angle": arguments.aesthetic_angle,
        "learning_rate": arguments.aesthetic_lr, "slerp": arguments.aesthetic_slerp, "text": arguments.aesthetic_text,
        "text_negative": arguments.aesthetic_text_negative,
    }  # fmt: skip
    own = {name: value for name, value in said.items() if value is not None}
    return replace(told or USUAL, embedding=arguments.aesthetic.stem, **own)


def aesthetic_prompts(
    arguments: argparse.Namespace, pull: Pull, backbone: Backbone, words: Placeholders, prompts: Sequence[Prompt]
) -> AestheticPrompts:
    """The encoder of prompts that the options ask for. Raises UserError where embedding, tower and model do not fit."""
    from kohya_like.aesthetic_prompts import AestheticPrompts, negative_texts
    from kohya_like.data.tokens import clip_tokenizer
    from kohya_like.families.aesthetic import Aesthetic, AestheticEncoder
    from kohya_like.families.image_tower import open_image_tower
    from kohya_like.formats.aesthetic import read_aesthetic
    from kohya_like.prompt_encoder import PromptEncoder
    from kohya_like.prompts.chunks import chunked

    text = chunked(pull.text, clip_tokenizer(), words, 1) if pull.text else None
    wanted = Aesthetic(
        read_aesthetic(arguments.aesthetic), pull.weight, pull.steps, pull.learning_rate, pull.slerp, text,
        pull.text_negative, pull.angle,
    )  # fmt: skip
    encode = AestheticEncoder(backbone, open_image_tower(arguments.aesthetic_tower, backbone.device), wanted)
    plain = PromptEncoder(backbone, placeholders=words)
    pulled = PromptEncoder(backbone, placeholders=words, encode_prompts=encode)
    return AestheticPrompts(plain, pulled, negative_texts(prompts))
