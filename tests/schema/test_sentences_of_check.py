"""What `check` says of bad presets, said in Chinese to the last fault."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from kohya_like.config import TrainConfig
from kohya_like.schema.errors import ConfigError, Fault
from kohya_like.schema.texts.sentences import sentences
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import inspect
from tests.preflight.made import LORA, checked, roomy_machine, sparse_safetensors, workplace

SAY = sentences("zh_CN").say
CJK = re.compile("[\u4e00-\u9fff]")
# Words that stand in English in a Chinese sentence: keys and what may be written for them, names, file types.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”|：[\w\[\], ]+$|[\w.-]*[._/\[\]=-][\w.=-]*")
ENGLISH = re.compile(r"\b(?:is|are|not|the|of|and|must|with|has|it|set|use|no|cannot|to|from|a|an|or|but|than)\b")

BAD_PRESET = """
[model]
base = 3
family = "sd9"
clip_skip = 0
max_token_length = 100
bsae = "x"

[network]
name = "lorra"

[network2]
dim = 3

[data]
train_data_dir = "a\\nb"
resolution = [512, "x"]
shuffle_caption = 1
flip_aug = "true"
caption_extension = "txt"
caption_dropout_rate = 2.0
keep_tokens = -1
min_bucket_reso = "256"
cache_to_disk = true
train_batch_size = 2

[data.subsets]
image_dir = "x"

[train]
max_train_epochs = 0
seed = "x"
noise_offset = 0.1
xformers = true
mixed_precision = "bf61"
ema_decay = nan

[optimizer]
optimizer_args = 3
learning_rate = [1e-4, 1e-4, 1e-4]
text_encoder_lr = 1000.0

[schedule]
lr_scheduler = "cosin"
lr_warmup_steps = "five"

[save]
output_dir = "~nobody-of-that-name/x"
save_every_n_steps = 1.5
resume = true
"""

CHANGES: dict[str, dict[str, Any]] = {
    "model": {"family": "sdxl", "max_token_length": 75, "vae": "nowhere.safetensors"},
    "network": {"rank_dropout": 0.1, "weights": "{lora}"},
    "data": {"color_aug": True, "shuffle_caption": True, "resolution": 500, "min_bucket_reso": 700,
             "max_bucket_reso": 333, "bucket_reso_steps": 20, "masked_loss": True, "max_data_loader_n_workers": 64,
             "caption_dropout_rate": 1.0, "cache_text_encoder_outputs": True, "reg_data_dir": "{root}/missing"},
    "train": {"max_train_steps": 7, "gradient_accumulation_steps": 999, "ema_decay": 0.9999,
              "mixed_precision": "fp16", "validate_every_n_epochs": 1},
    "optimizer": {"learning_rate": 0.5, "text_encoder_lr": [1e-5, 2e-7], "optimizer_type": "AdanW"},
    "schedule": {"lr_warmup_steps": 5000, "lr_scheduler": "cosine"},
    "objective": {"zero_terminal_snr": True, "scale_v_pred_loss_like_noise_pred": True},
    "save": {"output_name": "con", "save_last_n_epochs": 2, "save_every_n_steps": 900, "save_last_n_steps": 2,
             "output_dir": "{root}/data/out"},
    "sample": {"sample_every_n_epochs": 1, "width": 100, "prompts": ["x --w 500 --qq 5"]},
    "hardware": {"device": "cuda", "attention": "xformers"},
}  # fmt: skip


def still_english(faults: Iterable[Fault]) -> list[str]:
    """The sentences of these faults that have no Chinese in them, or English words that are no names."""
    wrong = []
    for text in (part for fault in faults for part in (fault.text, fault.mend) if part):
        said = SAY(text)
        left = QUOTED.sub(" ", said)
        if not CJK.search(said) or ENGLISH.search(left):
            wrong.append(f"{text} -> {said}")
    return wrong


def test_the_control_sees_english() -> None:
    assert still_english([Fault("must be given", mend="write it into the file")])
    assert still_english([Fault("got a purple cat, must be at least 3 cats of the house")])
    assert not still_english([Fault("must be given", mend="did you mean 'the house'?")])


def test_every_fault_of_a_bad_preset_is_said_in_chinese() -> None:
    config, texts = inspect(TrainConfig, Document(BAD_PRESET, "bad.toml"))
    assert config is None and {fault.code for fault in texts} == {"bad-text"}
    assert still_english(texts) == []
    sound = BAD_PRESET.replace("a\\nb", "a").replace("~nobody-of-that-name/x", "x")
    config, faults = inspect(TrainConfig, Document(sound, "bad.toml"))
    assert config is None
    codes = {fault.code for fault in faults}
    assert len(faults) >= 25, [str(fault) for fault in faults]
    assert codes >= {"unknown-key", "wrong-type", "bad-choice", "out-of-range", "bad-value"}
    assert still_english(faults) == []


@pytest.mark.parametrize(
    "text", ["a = 1\na = 2", "[model\n", '{"model": 1}', "a = \n", "a = 1x", "[a]\nb = 1\n[a]\nb = 2", 'a = "\\q"']
)
def test_every_fault_of_a_text_that_is_no_toml_is_said_in_chinese(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Document(text, "bad.toml")
    assert still_english(refused.value.faults) == []


def test_every_fault_of_the_pre_flight_check_is_said_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy_machine(monkeypatch)
    workplace(tmp_path)
    folder = tmp_path / "data" / "10_sks ghost"
    (folder / "0.txt").write_text("")
    (folder / "1.txt").write_bytes("照片照片".encode("gbk"))
    (folder / "2.txt").write_text("word " * 200)
    (folder / "3.png").write_bytes(b"GIF89a, so it claims")
    (folder / "4.png").write_bytes(b"")
    (folder / "5.txt").unlink()
    (folder / "gone.txt").write_text("x")
    (tmp_path / "data" / "no number").mkdir()
    lora = sparse_safetensors(tmp_path / "lora.safetensors", LORA)
    given = {
        section: {key: _filled(value, tmp_path, lora) for key, value in values.items()}
        for section, values in CHANGES.items()
    }
    one_by_one = [checked(tmp_path, **{section: values}) for section, values in given.items()]
    together = checked(tmp_path, **given)
    faults = {fault for report in (*one_by_one, together) for fault in report.faults}
    assert len({fault.text for fault in faults}) >= 25
    assert still_english(faults) == []
    formulas = [SAY(report.steps.formula) for report in one_by_one if report.steps]
    assert formulas and all("张图片" in text and "每轮" in text and "pictures" not in text for text in formulas)
    shares = [share for report in one_by_one if report.memory for share in report.memory.shares]
    assert shares and all(CJK.search(SAY(share.name)) or share.name in ("UNet", "VAE") for share in shares)


def _filled(value: Any, root: Path, lora: Path) -> Any:
    return value.replace("{root}", str(root)).replace("{lora}", str(lora)) if isinstance(value, str) else value
