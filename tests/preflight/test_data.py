"""check reads the model's header and the dataset as the training will: the same steps, the same families."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.folders_made import make
from tests.preflight.made import (
    LORA,
    SD1,
    SDXL,
    VAE,
    checked,
    codes,
    pictures,
    roomy_machine,
    sparse_safetensors,
    the,
    workplace,
)

pytestmark = pytest.mark.quick


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workplace on a machine with a CPU and plenty of room."""
    roomy_machine(monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (LORA, "this is a LoRA, not a base model (Set model.base to the Stable Diffusion model it belongs to)"),
        (VAE, "this is a VAE, not a base model"),
        ({"x": (2, 2)}, "this is no Stable Diffusion model"),
        ({name: shape for name, shape in SD1.items() if not name.startswith("cond_stage")}, "has no text encoder"),
    ],
)
def test_what_is_no_base_model_is_named(place: Path, shapes: dict[str, tuple[int, ...]], said: str) -> None:
    path = sparse_safetensors(place / "other.safetensors", shapes)
    report = checked(place, model={"base": str(path)})
    fault = the(report, "base-model")
    assert said in str(fault) and fault.where == str(path) and fault.key == "model.base"
    assert report.steps is not None  # the rest is still worked out


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"\xff" * 64, (2**40).to_bytes(8, "little") + b"{"])
def test_broken_model_files_are_faults_not_crashes(place: Path, content: bytes) -> None:
    path = place / "broken.safetensors"
    path.write_bytes(content)
    fault = the(checked(place, model={"base": str(path)}), "base-model")
    assert fault.severity == "error" and fault.text and str(path) in str(fault)


def test_the_family_decides_resolution_and_bucket_step(place: Path) -> None:
    report = checked(place, model={"base": str(sparse_safetensors(place / "xl.safetensors", SDXL))})
    assert report.model.family == "sdxl" and report.model.resolution == (1024, 1024)
    assert [row.part for row in report.parts] == ["unet", "text_encoder", "text_encoder_2"]
    fp16 = checked(place, model={"base": str(place / "xl.safetensors")}, hardware={"vae_precision": "fp16"})
    assert "black pictures" in the(fp16, "vae-fp16").text
    skip = checked(place, model={"base": str(place / "xl.safetensors"), "clip_skip": 2})
    assert "is not used by Stable Diffusion XL" in str(the(skip, "no-effect"))


def test_a_prediction_type_against_the_file_is_warned_of(place: Path) -> None:
    path = sparse_safetensors(place / "v.safetensors", SDXL | {"v_pred": (1,)})
    report = checked(place, model={"base": str(path), "prediction_type": "epsilon"})
    assert "the file says 'v_prediction'" in the(report, "prediction-mismatch").text
    assert "prediction-mismatch" not in codes(checked(place, model={"base": str(path)}))


def test_files_beside_the_model_are_looked_at(place: Path) -> None:
    lora = sparse_safetensors(place / "lora.safetensors", LORA)
    vae = sparse_safetensors(place / "vae.safetensors", VAE)
    assert checked(place, model={"vae": str(vae)}, network={"weights": str(lora)}).faults == ()
    assert "is a LoRA, not a VAE" in str(the(checked(place, model={"vae": str(lora)}), "companion"))
    assert "is a VAE, not a network" in str(the(checked(place, network={"weights": str(vae)}), "companion"))
    assert "no such file" in str(the(checked(place, network={"weights": str(place / "gone")}), "companion"))
    xl = sparse_safetensors(
        place / "xl.safetensors", {f"{name.replace('unet_', 'te2_')}": s for name, s in LORA.items()}
    )
    assert "is for Stable Diffusion XL" in str(the(checked(place, network={"weights": str(xl)}), "companion"))
    assert "has no unet/config.json" in str(the(checked(place, model={"config_folder": str(place)}), "companion"))


def test_steps_are_counted_by_buckets_and_the_tutorials_number_is_told(place: Path) -> None:
    workplace(place)
    make(place / "data", {f"10_sks ghost/wide{n}.png": (1024, 512) for n in range(3)})
    make(place / "data", {f"10_sks ghost/wide{n}.txt": "wide" for n in range(3)})
    report = checked(place, train={"train_batch_size": 4, "max_train_epochs": 7})
    rows = {(row.width, row.height): (row.samples, row.batches) for row in report.buckets}
    assert rows == {(512, 512): (240, 60), (704, 320): (30, 8)}
    assert report.steps is not None
    assert (report.steps.total, report.steps.per_epoch, report.steps.epochs) == (7 * 68, 68, 7)
    assert report.steps.formula.endswith("= 68 batches per epoch; x 7 epochs = 476 steps")
    assert report.steps.kohya_formula == 473  # 270 / 4 * 7, rounded up


def test_without_a_length_ten_epochs_are_trained(place: Path) -> None:
    report = checked(place, train={"max_train_epochs": None})
    assert report.steps is not None and report.steps.epochs == 10


def test_concepts_say_what_each_folder_gives(place: Path) -> None:
    workplace(place)
    make(place / "data", {"3_a cat/1.png": (600, 600), "3_a cat/2.png": b"no picture", "3_a cat/1.caption": "cat"})
    make(place / "reg", {"1_cat/1.png": (512, 512)})
    report = checked(place, data={"reg_data_dir": str(place / "reg")})
    ghost, cat, reg = report.concepts
    assert (ghost.images, ghost.repeats, ghost.samples, ghost.captions) == (24, 10, 240, {".txt": 24})
    assert (cat.images, cat.unreadable, cat.missing_captions, cat.captions) == (1, 1, 1, {".caption": 1})
    assert reg.is_reg and reg.samples == 243  # as many as are trained


def test_remarks_on_the_buckets_are_part_of_the_report(place: Path) -> None:
    workplace(place)
    make(place / "data", {"1_wide/1.png": (4000, 300)})
    assert "cut by more than a third" in the(checked(place), "cut").text


def test_without_pictures_the_rest_is_still_checked(place: Path) -> None:
    report = checked(place, data={"train_data_dir": str(place / "nowhere")}, train={"mixed_precision": "fp16"})
    assert report.steps is None and report.files is None and report.memory is None
    assert "fp16-cpu" in codes(report) and any(fault.key == "data.train_data_dir" for fault in report.errors)


def test_few_pictures_uneven_concepts_and_shared_words(place: Path) -> None:
    workplace(place)
    assert (
        "only 19 pictures; 20 and more"
        in the(checked(place, data={"train_data_dir": str(pictures(place / "few", 19))}), "few-images").text
    )
    pictures(place / "data", 24, name="200_Sks Ghost")
    report = checked(place)
    assert "share the words 'sks ghost'" in the(report, "same-words").text
    assert "200_Sks Ghost is seen 20 times as often as 10_sks ghost" in the(report, "imbalance").text


def test_long_captions_are_counted_in_tokens(place: Path) -> None:
    workplace(place)
    (place / "data" / "10_sks ghost" / "3.txt").write_text(", ".join(["a cat"] * 40))  # 119 tokens
    (place / "data" / "10_sks ghost" / "4.txt").write_text("internationalisation " * 8)  # long, but few tokens
    fault = the(checked(place), "long-captions")
    assert fault.text == (
        "1 caption longer than 75 tokens (up to 119), cut off there; the first is that of 10_sks ghost/3.png"
    )
    assert fault.mend == "set model.max_token_length = 150"
    assert "long-captions" not in codes(checked(place, model={"max_token_length": 150}))


def test_validation_pictures_are_not_counted_as_trained(place: Path) -> None:
    workplace(place)
    for number, path in enumerate(sorted((place / "data").rglob("*.png"))):
        path.write_bytes(path.read_bytes() + bytes([number]))  # equal pictures would stay together
    report = checked(place, data={"validation_split": 0.25})
    assert report.held_out > 0 and report.held_out + report.images == 24
    assert report.steps is not None and report.steps.per_epoch == 10 * report.images
