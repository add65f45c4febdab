"""From a batch to a gradient through a real backbone: what each option of data, memory and averaging does to it."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from kohya_like.checkpoint import StateStore
from kohya_like.conditioning import Conditioner
from kohya_like.data.dataset import Batch
from kohya_like.events import Validation
from kohya_like.families.backbone import Backbone
from kohya_like.recipe import tokenizer
from kohya_like.schema.errors import UserError
from kohya_like.trainer import Trainer
from tests.tiny_runs import CAPTIONS, Run, base, distance, make_pictures, pictures, same

ONE_STEP: dict[str, Any] = {"train__max_train_steps": 1}
CHECKED: dict[str, Any] = {
    "data__validation_split": 0.25,
    "train__validate_every_n_steps": 1,
    "save__log_batches": True,
}
FROZEN: dict[str, Any] = {"network__train_text_encoder": False}


def backbone_of(trainer: Trainer) -> Backbone:
    return trainer.learner._backbone  # type: ignore[attr-defined]


def parameters(trainer: Trainer) -> list[Tensor]:
    return [p for group in trainer.optimization.optimizer.param_groups for p in group["params"]]


def gradient(trainer: Trainer, batches: Sequence[Batch]) -> tuple[list[float], Tensor]:
    """Losses of batches as the trainer draws their noise, and the gradient of their mean."""
    losses = [trainer.learner.loss(batch, trainer._seeded(batch.index)).loss for batch in batches]
    found = torch.autograd.grad(torch.stack(losses).mean(), parameters(trainer), allow_unused=True)
    return [loss.item() for loss in losses], torch.cat([g.flatten() for g in found if g is not None])


def first(trainer: Trainer, count: int) -> list[Batch]:
    return list(itertools.islice(trainer.batches(0), count))


def step_loss(folder: Path, **changes: Any) -> float:
    return Run(folder, **{**ONE_STEP, **changes}).train().losses[0]


def logged(run: Run, key: str) -> list[str]:
    lines = (run.folder / "batches.jsonl").read_text(encoding="utf-8").splitlines()
    return [value for line in lines for value in json.loads(line)[key]]


class TestMemory:
    @pytest.mark.parametrize(
        ("family", "trained"),
        [("sd1", True), ("sd1", False), pytest.param("sdxl", True, marks=pytest.mark.full)],
    )
    def test_checkpointing_gives_the_same_gradient(self, tmp_path: Path, family: str, trained: bool) -> None:
        found, calls = [], []
        for on in (False, True):
            trainer = Run(
                tmp_path / str(on), family, train__gradient_checkpointing=on, network__train_text_encoder=trained,
                network__conv_dim=2, network__dropout=0.3,
            ).build()  # fmt: skip
            (batch,) = first(trainer, 1)
            block = backbone_of(trainer).unet.get_submodule("mid_block.resnets.1.conv1")
            block.register_forward_hook(lambda *_: calls.append(on))  # noqa: B023  # the loop ends after its calls
            found.append(gradient(trainer, [batch]))
        assert found[1][0] == pytest.approx(found[0][0], rel=1e-6)
        torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-4, atol=1e-6)
        assert (calls.count(False), calls.count(True)) == (1, 2), "and it did compute the block again"

    def test_two_batches_accumulated_are_their_mean(self, tmp_path: Path) -> None:
        run = Run(tmp_path, train__gradient_accumulation_steps=2, **ONE_STEP)
        trainer = run.build()
        losses, mean = gradient(trainer, first(trainer, 2))
        trainer.train()
        assert losses[0] != losses[1]
        assert run.losses == pytest.approx([sum(losses) / 2], rel=1e-6)
        assert run.norms == pytest.approx([float(mean.norm())], rel=1e-4)


class TestAverage:
    def test_the_file_holds_the_average_and_the_state_the_last_weights(self, tmp_path: Path) -> None:
        run = Run(tmp_path, train__ema_decay=0.9).train()
        found = StateStore(run.folder / "checkpoints").newest()
        assert found is not None
        trained = {key: value for key, value in found[0].trained.items() if not key.endswith("alpha")}
        saved = {key: run.weights[key] for key in trained}
        assert distance(saved, trained) > 1e-3
        averages = torch.cat([value.flatten() for value in found[0].extra["average"]["shadow"]]).sort().values
        assert torch.equal(torch.cat([value.flatten() for value in saved.values()]).sort().values, averages)


class TestValidation:
    def test_fixed_noise_no_dropout_and_pictures_of_its_own(self, tmp_path: Path) -> None:
        run = Run(tmp_path, train__max_train_steps=9, network__dropout=0.5, **CHECKED)
        trainer = run.build()
        trainer._validate()
        trainer._validate()
        trainer.train()
        losses = [event.loss for event in run.all(Validation)]
        assert losses[0] == losses[1], "nothing was trained between"
        assert len(losses) == 2 + 9 and len(set(losses)) == 10
        seen = set(logged(run, "pictures"))
        names = {f"2_sks thing/{number}.png" for number in range(len(CAPTIONS))}
        assert seen < names and len(seen) == 3

    def test_it_takes_nothing_from_the_training(self, tmp_path: Path) -> None:
        with_it = Run(tmp_path / "a", network__dropout=0.5, **CHECKED).train()
        without = Run(tmp_path / "b", network__dropout=0.5, data__validation_split=0.25).train()
        assert with_it.losses == without.losses and same(with_it.weights, without.weights)

    def test_its_captions_are_encoded_ahead_as_well(self, tmp_path: Path) -> None:
        """Or the text encoders would be read again at the first validation, and stay."""
        trainer = Run(tmp_path, **FROZEN, **CHECKED).build()
        trainer.train()
        assert not backbone_of(trainer).is_loaded("text_encoder")

    def test_every_epoch_where_no_rhythm_is_given(self, tmp_path: Path) -> None:
        run = Run(
            tmp_path, train__max_train_steps=None, train__max_train_epochs=2, data__validation_split=0.25
        ).train()  # fmt: skip
        assert [event.step for event in run.all(Validation)] == [6, 12]


class TestMasks:
    def masked(self, tmp_path: Path, shade: int | None) -> Run:
        """One step on pictures whose masks are white on the left and `shade` on the right half, or whole."""
        masks = tmp_path / "masks"
        masks.mkdir()
        for number in range(len(CAPTIONS)):
            mask = Image.new("L", (64, 64), 0 if shade is None else 255)
            mask.paste(shade or 0, (32, 0, 64, 64))
            mask.save(masks / f"{number}.png")
        return Run(tmp_path, data__masked_loss=True, data__mask_dir=str(masks), **ONE_STEP).train()

    def test_what_a_mask_hides_teaches_nothing(self, tmp_path: Path) -> None:
        plain = Run(tmp_path / "plain", **ONE_STEP).train()
        runs = {}
        for shade in (None, 0, 255):
            (tmp_path / str(shade)).mkdir()
            runs[shade] = self.masked(tmp_path / str(shade), shade)
        assert runs[255].losses == plain.losses and runs[255].norms == plain.norms
        assert 0.2 * plain.losses[0] < runs[0].losses[0] < 0.8 * plain.losses[0]
        assert runs[None].losses == [0.0] and runs[None].norms == [0.0]

    def test_transparency_as_a_mask(self, tmp_path: Path) -> None:
        folder = make_pictures(tmp_path / "pictures", {"a thing": (64, 64)}, "1_thing")
        image = Image.open(folder / "1_thing" / "0.png").convert("RGBA")
        alpha = Image.new("L", (64, 64), 255)
        alpha.paste(0, (0, 0, 64, 48))
        image.putalpha(alpha)
        image.save(folder / "1_thing" / "0.png")
        where = {"data__train_data_dir": str(folder)}
        whole = step_loss(tmp_path / "a", **where)
        for cached in (True, False):
            part = step_loss(
                tmp_path / f"b{cached}",
                data__masked_loss=True,
                data__alpha_mask=True,
                data__cache_latents=cached,
                **where,
            )
            assert 0 < part < 0.5 * whole


class TestCaches:
    @pytest.mark.parametrize("family", ["sd1", pytest.param("sdxl", marks=pytest.mark.full)])
    def test_cached_latents_and_captions_train_as_fresh_ones(self, tmp_path: Path, family: str) -> None:
        sizes = dict(zip(CAPTIONS, [(64, 64), (96, 64), (64, 100), (64, 64)]))
        where = str(make_pictures(tmp_path / "pictures", sizes))
        shared: dict[str, Any] = {
            "data__train_data_dir": where,
            "data__flip_aug": True,
            "train__train_batch_size": 2,
            **FROZEN,
        }
        fresh = Run(
            tmp_path / "fresh", family, data__cache_latents=False, data__cache_text_encoder_outputs=False, **shared
        ).train()  # fmt: skip
        cached = Run(tmp_path / "cached", family, **shared).train()
        again = Run(tmp_path / "cached2", family, data__cache_dir=str(tmp_path / "cached" / "cache"), **shared).train()
        assert cached.losses == pytest.approx(fresh.losses, rel=1e-4)
        assert distance(cached.weights, fresh.weights) < 1e-2
        assert again.losses == cached.losses and same(again.weights, cached.weights)
        assert {"cache", "encode captions"} <= cached.phases and not {"cache", "encode captions"} & fresh.phases

    def test_what_is_done_leaves_the_memory(self, tmp_path: Path) -> None:
        trainer = Run(tmp_path, **FROZEN).build()
        trainer.train()
        assert [part for part in ("unet", "vae", "text_encoder") if backbone_of(trainer).is_loaded(part)] == ["unet"]

    def test_captions_that_vary_cannot_be_kept(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="needs frozen text encoders and captions that do not vary"):
            Run(tmp_path, data__cache_text_encoder_outputs=True, data__shuffle_caption=True, **FROZEN).build()

    def test_another_vae_makes_other_latents(self, tmp_path: Path) -> None:
        other = shutil.copytree(base("sdxl").folder / "vae", tmp_path / "vae")
        assert step_loss(tmp_path / "a", model__vae=str(other)) != step_loss(tmp_path / "b")


class TestCaptions:
    def hidden(self, folder: Path, *texts: str, **changes: Any) -> list[Tensor]:
        """The conditioning that a run with these options gives each caption."""
        run = Run(folder, **changes)
        conditioner = Conditioner(backbone_of(run.build()), tokenizer(run.config), trained=False)
        return [conditioner.encode([text]).hidden for text in texts]

    def test_dropout_leaves_nothing_to_read(self, tmp_path: Path) -> None:
        dropped = Run(tmp_path / "a", data__caption_dropout_rate=1.0, save__log_batches=True, **FROZEN).train()
        assert set(logged(dropped, "captions")) == {""}
        kept = Run(tmp_path / "b", save__log_batches=True, **FROZEN).train()
        assert set(logged(kept, "captions")) <= set(CAPTIONS)
        assert dropped.losses != kept.losses

    def test_weights_in_brackets(self, tmp_path: Path) -> None:
        text = "a (red:1.5) square"
        (weighted,) = self.hidden(tmp_path / "a", text, data__weighted_captions=True)
        plain, literal = self.hidden(tmp_path / "b", "a red square", text)
        assert not torch.allclose(weighted, plain) and not torch.allclose(weighted, literal)
        assert torch.allclose(weighted[:, 1], plain[:, 1] * (weighted[:, 1] / plain[:, 1]).mean(), atol=1e-5)

    def test_150_tokens(self, tmp_path: Path) -> None:
        long = " ".join(["cat"] * 80)
        short, cut = self.hidden(tmp_path / "a", long, f"{long} elephant")
        assert short.shape[1] == 77 and torch.equal(short, cut)
        whole, longer = self.hidden(tmp_path / "b", long, f"{long} elephant", model__max_token_length=150)
        assert whole.shape[1] == 154 and not torch.equal(whole, longer)
        assert len(Run(tmp_path / "c", model__max_token_length=225, data__caption_prefix=long).train().losses) == 3

    def test_clip_skip(self, tmp_path: Path) -> None:
        (plain,) = self.hidden(tmp_path / "a", "a red square")
        (last,) = self.hidden(tmp_path / "b", "a red square", model__clip_skip=1)
        (before,) = self.hidden(tmp_path / "c", "a red square", model__clip_skip=2)
        assert torch.equal(last, plain) and not torch.allclose(before, last)


def test_regularisation_pictures_count_as_much_as_told(tmp_path: Path) -> None:
    general = make_pictures(tmp_path / "general", {"a thing": (64, 64)}, "1_thing")
    losses = {}
    for weight in (1.0, 0.0):
        run = Run(
            tmp_path / str(weight), data__reg_data_dir=str(general), data__prior_loss_weight=weight,
            save__log_batches=True, train__max_train_steps=16,
        ).train()  # fmt: skip
        losses[weight] = dict(zip(logged(run, "pictures"), run.losses))
    assert losses[0.0]["reg/1_thing/0.png"] == 0.0 < losses[1.0]["reg/1_thing/0.png"]
    assert losses[0.0]["2_sks thing/0.png"] > 0


def test_pictures_are_read_and_never_written(tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in pictures().rglob("*")}
    Run(tmp_path).train()
    assert {path: path.stat().st_mtime_ns for path in pictures().rglob("*")} == before
