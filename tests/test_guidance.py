"""What the sampler's steps read: texts that change, several prompts added up, lengths, and the pictures that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.families.loading import load_backbone
from kohya_like.picture_text import picture_text, told_in
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompts.prompt import read_prompt
from kohya_like.sampling import Guidance, Start
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate import painter_of
from tests.test_sampling import Table
from tests.tiny_runs import base


class Echo:
    """A backbone that answers each row with a number for its text, and remembers what it was asked."""

    prediction_type = "epsilon"
    device = torch.device("cpu")

    def __init__(self, values: dict[str, float]) -> None:
        self.values, self.texts = values, list(values)
        self.read: list[list[str]] = []

    def predict(self, noisy: Tensor, t: Tensor, told: Any) -> Tensor:
        texts = [self.texts[row] for row in told.rows]
        self.read.append(texts)
        return torch.tensor([self.values[text] for text in texts]).view(-1, 1, 1, 1).expand_as(noisy).clone()

    def guidance(self, prompts: Sequence[tuple[str, str]], scales: Sequence[float], steps: int) -> Guidance:
        reads = [read_prompt(text, negative, steps) for text, negative in prompts]
        table: Any = Table(list(range(len(self.texts))))
        return Guidance(self, table, self.texts, reads, scales)  # type: ignore[arg-type]


def called(guidance: Guidance, pictures: int) -> Tensor:
    return guidance(torch.zeros(pictures, 1, 1, 1), torch.zeros(pictures))[:, 0, 0, 0]


def test_each_step_reads_its_text() -> None:
    echo = Echo({"": 0.0, "a": 1.0, "b": 2.0, "x": 3.0, "y": 4.0})
    guidance = echo.guidance([("[a:b:2]", "[x|y]")], [1.0], 5)
    for _ in range(5):
        called(guidance, 1)
    assert echo.read == [["x", "a"], ["x", "a"], ["y", "a"], ["x", "b"], ["y", "b"]]


def test_prompts_are_added_up_for_each_picture_with_its_scale() -> None:
    echo = Echo({"a": 10.0, "n": 1.0, " b": 100.0, "c": 1000.0, "": 0.0})
    guidance = echo.guidance([("a AND b:0.5", "n"), ("c", "")], [2.0, 3.0], 4)
    answer = called(guidance, 2)
    assert answer.tolist() == [1 + 2 * (9 + 0.5 * 99), 3 * 1000]
    assert echo.read == [["n", "", "a", " b", "c"]]


def test_scale_1_is_the_prompt_alone() -> None:
    assert called(Echo({"a": 7.0, "n": 3.0}).guidance([("a", "n")], [1.0], 3), 1).item() == 7.0


PLAIN = SamplePrompt("a red square", "blurry", 64, 64, 3, 4.0, 4, "euler")


@pytest.fixture(scope="module")
def drawn() -> Any:
    painter = painter_of(load_backbone(base("mini").folder))

    def draw(*prompts: SamplePrompt, start: Start | None = None) -> list[bytes]:
        pictures = dict(painter.draw(prompts, start))
        return [pictures[i].tobytes() for i in range(len(prompts))]

    return draw


def changed(**values: Any) -> SamplePrompt:
    from dataclasses import replace

    return replace(PLAIN, **values)


def test_the_language_is_seen_in_the_pictures(drawn: Any) -> None:
    texts = [
        "a red square", "a (red:1.8) square", "a [red:blue:2] square", "[a red|blue] square", "a red BREAK square",
        "a red square AND a cat", "a red square:2", "cat " * 80,
    ]  # fmt: skip
    pictures = drawn(*[changed(text=text) for text in texts])
    assert len(set(pictures)) == len(texts)
    for same in ("a [red:blue:4] square", "a red square # no cat", "a red square:1", "[a red square|]"):
        assert (drawn(changed(text=same))[0] == pictures[0]) == (same != "[a red square|]")
    assert drawn(changed(text="a [red:blue:-1] square")) == drawn(changed(text="a blue square"))


def test_a_picture_is_the_same_alone_and_beside_a_longer_one(drawn: Any) -> None:
    alone = drawn(PLAIN)[0]
    beside = drawn(changed(text="dog " * 100), PLAIN, changed(text="[a|b] AND c"))[1]
    largest = max(abs(a - b) for a, b in zip(alone, beside))
    assert largest <= 1


def test_a_weight_on_the_whole_prompt_is_the_scale_times_it(drawn: Any) -> None:
    assert drawn(changed(text="a red square:2")) == drawn(changed(scale=8.0))


def test_from_a_picture(drawn: Any) -> None:
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    near, far = (drawn(PLAIN, start=Start(latents, strength))[0] for strength in (0.2, 0.9))
    assert near != far and near == drawn(PLAIN, start=Start(latents, 0.2))[0]
    assert drawn(PLAIN, start=Start(latents + 1, 0.2))[0] != near


def test_a_network_in_a_preview_is_refused(drawn: Any) -> None:
    with pytest.raises(UserError, match="cannot be used here"):
        drawn(changed(text="a <lora:x:1>"))
    with pytest.raises(UserError, match=r"a \(b:1.2.3\): .*no number"):
        drawn(changed(text="a (b:1.2.3)"))


def test_the_text_of_a_picture_tells_its_prompt() -> None:
    told = told_in(picture_text(PLAIN), "x")
    assert (told.text, told.negative, told.steps, told.sampler, told.scale) == (
        PLAIN.text, PLAIN.negative, PLAIN.steps, PLAIN.sampler, PLAIN.scale,
    )  # fmt: skip
    assert told.seed == 3 and told.size == "64x64" and math.isclose(told.scale or 0, 4.0)
