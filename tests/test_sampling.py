"""Preview pictures of a training: when, where, of what size; they are the same each time and disturb nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.events import Phase, Sample, Step, Warned
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import AT_ONCE, PIXELS_AT_ONCE, Painter, to_images
from kohya_like.schema.errors import UserError
from tests.tiny_runs import Run, same

ONE: dict[str, Any] = {"sample__prompts": ["a red thing --s 2 --d 7"], "sample__sample_every_n_steps": 2}


def drawn(run: Run) -> list[Path]:
    return [Path(event.path) for event in run.all(Sample)]


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def test_the_first_is_drawn_before_the_first_step(tmp_path: Path) -> None:
    run = Run(tmp_path, **ONE, sample__width=72, sample__height=48).train()
    assert [path.name for path in drawn(run)] == ["tiny_000000_00_7.png", "tiny_000002_00_7.png"]
    assert all(path.parent == run.folder / "samples" for path in drawn(run))
    kinds = [type(event) for event in run.events if isinstance(event, Sample | Step)]
    assert kinds == [Sample, Step, Step, Sample, Step]
    for path in drawn(run):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (72, 48))
            assert len(set(image.convert("L").tobytes())) > 1, "not one flat colour"
    assert pixels(drawn(run)[0]) != pixels(drawn(run)[1]), "two steps at this rate are seen"


def test_not_before_the_first_step_where_that_is_off(tmp_path: Path) -> None:
    run = Run(tmp_path, **ONE, sample__sample_at_first=False).train()
    assert [event.step for event in run.all(Sample)] == [2]


def test_every_epoch(tmp_path: Path) -> None:
    run = Run(
        tmp_path, sample__prompts=["a thing --s 1"], sample__sample_every_n_epochs=1, train__max_train_steps=None,
        train__max_train_epochs=2, train__train_batch_size=4,
    ).train()  # fmt: skip
    assert [event.step for event in run.all(Sample)] == [0, 2, 4]


def test_the_same_seed_draws_the_same_picture(tmp_path: Path) -> None:
    prompts = ["a thing --s 2 --d 3", "a thing --s 2 --d 3", "a thing --s 2 --d 4", "a thing --s 2 --d 3 --ss euler_a"]
    run = Run(tmp_path / "a", sample__prompts=prompts, optimizer__learning_rate=1e-12).train()
    first, twin, other, ancestral = map(pixels, drawn(run))
    assert first == twin != other and ancestral not in (first, other)
    again = Run(tmp_path / "b", sample__prompts=prompts[3:]).train()
    assert pixels(drawn(again)[0]) == ancestral, "whatever else is drawn beside it"


@pytest.mark.parametrize("trained", [False, True])
def test_pictures_change_nothing_in_the_training(tmp_path: Path, trained: bool) -> None:
    shared: dict[str, Any] = {
        "network__train_text_encoder": trained,
        "network__dropout": 0.5,
        "data__shuffle_caption": True,
    }
    plain = Run(tmp_path / "a", **shared).train()
    looked_at = Run(
        tmp_path / "b", **shared, sample__prompts=["a thing --s 1 --ss euler_a"], sample__sample_every_n_steps=1
    ).train()  # fmt: skip
    assert len(drawn(looked_at)) == 4
    assert looked_at.losses == plain.losses and same(looked_at.weights, plain.weights)


def test_a_prompt_file_in_kohyas_notation(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(
        "# my prompts\na red thing, best --n ugly --w 64 --h 96 --d 5 --l 4.5 --s 2\n\na blue thing --s 1\n"
    )
    run = Run(tmp_path, sample__sample_prompts=str(file), sample__prompts=["a field --s 1"], sample__seed=20).train()
    said = [(event.prompt, event.index, event.seed) for event in run.all(Sample)]
    assert sorted(said, key=lambda row: row[1]) == [
        ("a field", 0, 20),
        ("a red thing, best", 1, 5),
        ("a blue thing", 2, 22),
    ]
    tall = next(event for event in run.all(Sample) if event.index == 1)
    with Image.open(tall.path) as image:
        assert image.size == (64, 96)


def test_previews_speak_the_prompt_language(tmp_path: Path) -> None:
    """With text encoders that are gone by then: all that the steps will read is encoded ahead."""
    shared: dict[str, Any] = {"network__train_text_encoder": False, "optimizer__learning_rate": 1e-12}
    prompts = [
        "a red thing",
        "a (red:1.7) thing",
        "a [red:blue:1] thing",
        "a red AND b",
        "dog " * 90,
        "a red thing # x",
    ]
    run = Run(tmp_path, **shared, sample__prompts=[f"{text} --s 3 --d 7" for text in prompts]).train()
    pictures = [pixels(path) for path in sorted(drawn(run))]
    assert len(set(pictures)) == 5 and pictures[5] == pictures[0]
    with Image.open(drawn(run)[0]) as image:
        assert image.info["parameters"].startswith("a red thing\nSteps: 3, Sampler: Euler, ")


def test_what_a_prompt_line_says_wrongly_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("a thing --s many\n")
    with pytest.raises(UserError, match=r"prompts.txt:1.*--s many"):
        Run(tmp_path, sample__sample_prompts=str(file)).build()
    with pytest.raises(UserError, match="the prompt file cannot be read: No such file"):
        Run(tmp_path, sample__sample_prompts=str(tmp_path / "none.txt")).build()


def test_a_picture_that_fails_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Run(tmp_path / "a").train()
    monkeypatch.setattr("kohya_like.sampling.to_images", lambda tensor: to_images(tensor * float("nan")))
    run = Run(tmp_path / "b", **ONE).train()
    assert [event.text for event in run.all(Warned)] == [
        "the preview pictures failed: the picture is not a number: the model overflowed"
    ] * 2
    assert drawn(run) == [] and same(run.weights, plain.weights)


def test_the_phase_goes_back_to_training_after_the_pictures(tmp_path: Path) -> None:
    """Or a window shows `sample` until the next file is saved."""
    run = Run(tmp_path, **ONE, train__max_train_steps=4).train()
    at = next(i for i, event in enumerate(run.events) if isinstance(event, Sample) and event.step == 2)
    following = [event.name for event in run.events[at + 1 :] if isinstance(event, Phase)]
    assert "train" in following[: following.index("save")]


def test_a_stop_does_not_wait_for_the_rest_of_the_pictures(tmp_path: Path) -> None:
    run = Run(tmp_path, sample__prompts=[f"a thing --s {steps}" for steps in (1, 2, 3, 4)])
    trainer = run.build()
    run.reporter.listen(lambda event: run.control.ask("stop") if isinstance(event, Sample) else None)
    finished = trainer.train()
    assert (finished.reason, finished.step, len(drawn(run))) == ("stopped", 1, 1) and run.all(Warned) == []


class Still:
    """A backbone whose UNet answers with what it is told, and that remembers how many it was asked for at once."""

    prediction_type = "epsilon"
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict(self, noisy: Tensor, t: Tensor, cond: Any) -> Tensor:
        self.sizes.append(len(noisy))
        return 0.5 * noisy

    def decode(self, latents: Tensor) -> Tensor:
        return latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3)


class Table:
    """What this backbone is told of prompts: the numbers of the rows."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    def with_geometry(self, *_: Any) -> Table:
        return self

    def index(self, rows: list[int]) -> Table:
        return Table([self.rows[i] for i in rows])


class Numbers:
    """An encoder that gives each text a number."""

    def chunks(self, _prompt: Any) -> int:
        return 1

    def encode(self, texts: Sequence[str], _chunks: int) -> Any:
        return Table(list(range(len(texts))))

    def forget(self) -> None:
        pass


def painter_of(still: Still, last_alpha: float) -> Painter:
    return Painter(still, Numbers(), torch.linspace(0.99, last_alpha, 1000))  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "count", "at_once"), [(64, 20, AT_ONCE), (512, 3, 1), (256, 9, 4)])
def test_large_pictures_are_drawn_one_by_one(size: int, count: int, at_once: int) -> None:
    """Eight SDXL pictures at once would not fit beside the training, and so none would ever be drawn."""
    assert at_once * size * size <= max(PIXELS_AT_ONCE, size * size)
    still = Still()
    prompts = [SamplePrompt("x", width=size, height=size, steps=1, seed=i) for i in range(count)]
    assert [i for i, _ in painter_of(still, 0.01).draw(prompts)] == list(range(count))
    assert max(still.sizes) == 2 * at_once, "with and without the prompt"


@pytest.mark.parametrize("last", [0.0047, 0.0])
def test_a_schedule_with_zero_terminal_snr_is_sampled_from_its_last_step(last: float) -> None:
    asked: list[int] = []

    class Asked(Still):
        def predict(self, noisy: Tensor, t: Tensor, cond: Any) -> Tensor:
            asked.append(int(t[0]))
            return super().predict(noisy, t, cond)

    list(painter_of(Asked(), last).draw([SamplePrompt("x", width=64, height=64, steps=4)]))
    assert asked[0] == (999 if last == 0 else 751)


def test_the_previews_use_the_schedule_of_the_training(tmp_path: Path) -> None:
    """Zero terminal SNR changes the training's schedule, and what is drawn with it."""
    shared = {**ONE, "optimizer__learning_rate": 1e-12}
    plain = Run(tmp_path / "a", "sd2", **shared).train()
    zero = Run(tmp_path / "b", "sd2", objective__zero_terminal_snr=True, **shared).train()
    assert pixels(drawn(plain)[0]) != pixels(drawn(zero)[0])
