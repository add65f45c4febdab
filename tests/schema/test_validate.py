"""Every fault of a config comes at once, as a sentence that names the place, what was given and what is wanted."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from kohya_like.schema.errors import ConfigError, Fault
from kohya_like.schema.known import Known, kohya_names
from kohya_like.schema.moved import Moved
from kohya_like.schema.option import Section, option
from kohya_like.schema.toml import Document
from kohya_like.schema.validate import build, inspect, renames

pytestmark = pytest.mark.quick


class Lora(Section):
    name: Literal["lora"] = option("lora", "Low rank.")
    dim: int = option(16, "Rank.", ge=1, le=512, kohya="network_dim")
    alpha: float = option(8.0, "Scale.", gt=0.0)
    dropout: float | None = option(None, "Dropout.", ge=0.0, lt=1.0)


class Oft(Section):
    name: Literal["oft"] = option("oft", "Orthogonal.")
    block_size: int = option(4, "Size of a block.", ge=2)


class Subset(Section):
    image_dir: str = option(..., "Folder.", path="folder")
    num_repeats: int = option(1, "Repeats.", ge=1)


class Data(Section):
    train_data_dir: str = option("", "Folder.", path="folder")
    resolution: tuple[int, int] | int | None = option(None, "Size.")
    min_bucket_reso: int = option(256, "Smallest side.", ge=64, unit="px")
    flip_aug: bool = option(False, "Mirror.")
    subsets: tuple[Subset, ...] = option((), "Concepts.")
    loss_type: Literal["l1", "l2", "huber"] = option("l2", "Loss.")
    tags: tuple[str, ...] = option((), "Tags.")

    @model_validator(mode="after")
    def _huber_needs_a_flip(self) -> Data:
        if self.loss_type == "huber" and not self.flip_aug:
            raise ValueError("loss_type huber needs flip_aug.")
        return self


class Optimizer(Section):
    learning_rate: float = option(1e-4, "Rate.", ge=0.0)
    lr_warmup_steps: int | float | str = option(0, "Warm-up.")
    base_precision: str = option("auto", "Precision.", kohya="full_bf16 / full_fp16 (both)")


class Toy(Section):
    network: Annotated[Lora | Oft, Field(discriminator="name")] = option(Lora, "Algorithm.")
    data: Data = option(Data, "Data.")
    optimizer: Optimizer = option(Optimizer, "Rates.")


def said(text: str, *overrides: str) -> list[str]:
    document = Document(text, "my.toml")
    for override in overrides:
        document.override(override)
    with pytest.raises(ConfigError) as caught:
        build(Toy, document)
    return [str(fault) for fault in caught.value.faults]


def test_a_good_document_becomes_a_frozen_config() -> None:
    config = build(
        Toy,
        Document(
            '[network]\nname = "oft"\n[data]\nresolution = [512, 768]\n[optimizer]\nlearning_rate = 1\n'
            '[[data.subsets]]\nimage_dir = "a"\n'
        ),
    )
    assert config.network == Oft() and config.data.resolution == (512, 768) and config.optimizer.learning_rate == 1.0
    assert config.data.subsets == (Subset(image_dir="a"),)
    with pytest.raises(ValueError, match="frozen"):
        config.data.flip_aug = True


def test_a_network_without_a_name_is_the_default_one() -> None:
    assert build(Toy, {"network": {"dim": 4}}).network == Lora(dim=4)


def test_all_faults_come_at_once_in_a_sentence_each() -> None:
    faults = said(
        """[network]
name = "lora"
dim = 0
dmi = 3
alpha = "abc"
[data]
resolution = [512, 512, 512]
flip_aug = 1
loss_type = "huger"
train_data_dir = 5
[[data.subsets]]
num_repeats = 2.0
[optimizer]
learning_rate = nan
lr_warmup_steps = [5]
"""
    )
    assert faults == [
        "my.toml:3  network.dim: got 0, must be at least 1",
        "my.toml:5  network.alpha: expects a number, got text 'abc'",
        "my.toml:4  network.dmi: no such option (did you mean 'dim'?)",
        'my.toml:10  data.train_data_dir: expects text, got 5 (in quotes: "5")',
        "my.toml:7  data.resolution: expects a list of 2 whole numbers or a whole number, got a list of 3",
        "my.toml:8  data.flip_aug: expects true or false, got 1 (write true)",
        "my.toml:11  data.subsets[0].image_dir: must be given",
        "my.toml:12  data.subsets[0].num_repeats: expects a whole number, got 2.0 (write 2)",
        "my.toml:9  data.loss_type: got text 'huger', must be one of l1, l2, huber (did you mean 'huber'?)",
        "my.toml:14  optimizer.learning_rate: got nan, must be a finite number",
        "my.toml:15  optimizer.lr_warmup_steps: expects a whole number, a number or text, got a list of 1",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("network.dim = '32'", "network.dim: expects a whole number, got text '32' (without quotes: 32)"),
        ("network.dim = true", "network.dim: expects a whole number, got true"),
        ("network.dim = 9999999999999999999999999", "network.dim: got 1e+25, must be at most 512"),
        ("network.dropout = 1", "network.dropout: got 1, must be less than 1"),
        ("network.alpha = 0", "network.alpha: got 0, must be more than 0"),
        ("data.min_bucket_reso = 8", "data.min_bucket_reso: got 8, must be at least 64 px"),
        ("data.tags = 'a'", "data.tags: expects a list of texts, got text 'a' (in brackets: [\"a\"])"),
        ("data.tags = ['a', 3]", 'data.tags[1]: expects text, got 3 (in quotes: "3")'),
        ("data = 3", "data: expects a table, got 3"),
        ("network = 'lora'", "network: expects a table, got text 'lora'"),
        ("data.subsets = [3]", "data.subsets[0]: expects a table, got 3"),
        ("data.loss_type = 'huber'", "data: loss_type huber needs flip_aug"),
        ("network.name = 'xyz'", "network.name: there is no 'xyz'; there are lora, oft"),
        ("network.name = 'lors'", "network.name: there is no 'lors'; there are lora, oft (did you mean 'lora'?)"),
    ],
)
def test_one_fault_one_sentence(line: str, sentence: str) -> None:
    assert said(line) == [f"my.toml:1  {sentence}"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("netwrok = 3", "did you mean 'network'?"),
        ("xyz = 3", "the sections are [network], [data], [optimizer]"),
        ("data.learning_rate = 1", "it belongs in [optimizer]"),
        ("learning_rate = 1", "it belongs in [optimizer]"),
        ("network_dim = 1", "kohya's network_dim is network.dim here"),
        ("network.network_dim = 1", "kohya's network_dim is network.dim here"),
        ("data.full_fp16 = true", "kohya's full_fp16 is optimizer.base_precision here"),
        ("network.block_size = 4", "network.name is 'lora'; block_size is an option of oft"),
        ("data.image_dir = 'a'", "it belongs in [[data.subsets]]"),
        ("data.face_crop_aug_range = 3", "crop faces beforehand; random_crop moves the crop window"),
        ("optimizer.qqqqq = 1", "[optimizer] knows learning_rate, lr_warmup_steps, base_precision"),
        ("data.subsets = [{image_dir = 'a', num_repeat = 3}]", "did you mean 'num_repeats'?"),
    ],
)
def test_an_unknown_key_is_told_what_it_was_meant_to_be(line: str, meant: str) -> None:
    key = "data.subsets[0].num_repeat" if "subsets" in line else line.split(" ")[0]
    assert said(line) == [f"my.toml:1  {key}: no such option ({meant})"]


def test_a_fault_of_an_override_names_the_override() -> None:
    assert said("[network]\ndim = 8\n", "network.dim=0", "network.dmi=4") == [
        "--set network.dim  network.dim: got 0, must be at least 1",
        "--set network.dmi  network.dmi: no such option (did you mean 'dim'?)",
    ]


def test_renamed_and_removed_options_are_rows_of_a_table() -> None:
    rows = [Moved("network.rank", "network.dim", "0.3"), Moved("data.magic", "", "0.4", "it never helped")]
    known = Known(Toy)
    assert known.suggest("network.rank", ["dim"], renamed=rows).text == "renamed to network.dim in version 0.3"
    assert known.suggest("network.rank", ["dim"], renamed=rows).key == "network.dim"
    assert known.suggest("data.magic", [], renamed=rows).text == "removed in version 0.4; it never helped"


def test_renames_offers_only_what_is_certain() -> None:
    document = Document("learning_rate = 1\n[network]\ndmi = 3\nqqqqq = 1\n")
    config, faults = inspect(Toy, document)
    assert config is None
    assert renames(Toy, document, faults) == {
        "learning_rate": "optimizer.learning_rate",
        "network.dmi": "network.dim",
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("a\\u0000b", "data.train_data_dir: holds the control character 0x00, which no option may"),
        ("a\\nb", "data.train_data_dir: holds a line break, which a file name may not"),
        ("x" * 300, "data.train_data_dir: is 300 characters long, too long for a file name"),
        ("~no-such-user/x", "data.train_data_dir: got text '~no-such-user/x': there is no such home folder"),
        ("file:///etc", "data.train_data_dir: got text 'file:///etc': network paths and file: addresses"),
        ("\\\\\\\\server\\\\share", "network paths and file: addresses are not followed; give a local path"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(value: str, sentence: str) -> None:
    (fault,) = said(f'[data]\ntrain_data_dir = "{value}"\n')
    assert sentence in fault


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        build(Toy, {"data": {"train_data_dir": "caf\udce9"}}, "--set")


def test_kohya_names_are_words_only() -> None:
    assert kohya_names("full_bf16 / full_fp16") == ["full_bf16", "full_fp16"]
    assert kohya_names("sdpa (flag), 3 network_args: conv_dim") == ["sdpa", "conv_dim"]


def test_faults_are_values() -> None:
    _, faults = inspect(Toy, {"network": {"dim": 0}}, "here")
    assert faults == (Fault("got 0, must be at least 1", key="network.dim", where="here", code="out-of-range"),)


def test_values_are_taken_as_toml_gives_them() -> None:
    from kohya_like.config import TrainConfig, dumped

    document = Document(
        "[data]\nresolution = [512, 768]\n[optimizer]\ntext_encoder_lr = [1e-5, 2e-5]\n"
        "optimizer_args = {betas = [0.9, 0.99]}\n[schedule]\nlr_warmup_steps = '5%'\n[network]\ntargets = ['*']\n"
    )
    config = build(TrainConfig, document)
    assert config.data.resolution == (512, 768) and config.network.targets == ("*",)
    assert config.optimizer.text_encoder_lr == (1e-5, 2e-5)
    assert config.optimizer.optimizer_args == {"betas": (0.9, 0.99)}
    for text in ("'512,768'", "'512x768'", "[512, 768]"):
        assert build(TrainConfig, Document(f"data.resolution = {text}")).data.resolution == (512, 768)
    assert build(TrainConfig, Document("data.resolution = 512")).data.resolution == (512, 512)
    assert build(TrainConfig, dumped(config)) == config
