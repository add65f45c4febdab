"""Network files that are broken, foreign or hostile: each verb ends with 1 and a sentence, and nothing is written.

The model in memory is bit for bit what it was: nothing is half loaded.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kohya_like.cli import main
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.formats.tensors import save_safetensors
from kohya_like.networks.network import Network
from kohya_like.schema.errors import FormatError
from kohya_like.schema.registry import plugins
from tests.formats.hypernetworks import net
from tests.networks.tiny import randomise
from tests.tiny_runs import base, preset

Tensors = dict[str, Tensor]
MODULE = "lora_unet_mid_block_attentions_0_proj_in"


@cache
def model() -> Backbone:
    return load_backbone(base("mini").folder)


@cache
def lora(dim: int = 2, dora_wd: bool = False) -> Tensors:
    algorithm: Any = plugins("algorithm")["lora"](dim=dim, dora_wd=dora_wd)  # type: ignore[operator]
    network = Network.create(algorithm, model().parts(), "sd1", seed=1)
    randomise(network, 0.1)
    return network.tensors()


def saved(path: Path, changes: dict[str, Tensor | None], metadata: dict[str, str] | None = None) -> Path:
    tensors: dict[str, Tensor | None] = {**lora(), **changes}
    save_safetensors(path, {key: value for key, value in tensors.items() if value is not None}, metadata or {})
    return path


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def pickled(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


def truncated(path: Path) -> Path:
    path.write_bytes(saved(path.with_suffix(".whole"), {}).read_bytes()[:-40])
    return path


def sdxls(path: Path) -> Path:
    save_safetensors(path, {key.replace("lora_te_", "lora_te2_"): value for key, value in lora().items()}, {})
    return path


def web_page(path: Path) -> Path:
    path.write_text("<!DOCTYPE html>")
    return path


def nets(activation: str, width: int) -> dict[Any, Any]:
    moved = OrderedDict((key.replace("linear.1", "linear.2"), value) for key, value in net(width).items())
    return {width: (moved, moved), "activation_func": activation, "activate_output": False}


UP, DOWN = f"{MODULE}.lora_up.weight", f"{MODULE}.lora_down.weight"
ONES = torch.ones(2, 2)
SIDES = ("up", "down")
# name, how it is made, what generate says, what merge says where that is something else
BAD: list[tuple[str, Callable[[Path], Path], str, str]] = [
    ("another family", sdxls, "is a network for Stable Diffusion XL, and ", ""),
    ("family by metadata", lambda p: saved(p, {}, {"ss_base_model_version": "sd_v2_v"}),
     "is a network for Stable Diffusion 2.x, and ", ""),
    ("missing", lambda p: saved(p, {UP: None}), f"{MODULE} (alpha, lora_down.weight) is of a kind this version does no",
     ""),
    ("foreign", lambda p: saved(p, dict.fromkeys((f"lora_unet_no_such.lora_{side}.weight" for side in SIDES), ONES)),
     "lora_unet_no_such is no layer of this sd1 model", ""),
    ("mixed", lambda p: saved(p, {f"{MODULE}.hada_w1_a": ONES}), f"{MODULE}.hada_w1_b is missing in the file", ""),
    ("two kinds of names", lambda p: saved(p, {"unet.mid_block.attentions.0.proj_in.lora.up.weight": lora()[UP]}),
     "unet.mid_block.attentions.0.proj_in.lora.up.weight stands in the file under two names", ""),
    ("wrong width", lambda p: saved(p, {DOWN: torch.ones(2, 7, 1, 1)}), f"{DOWN} has shape (2, 7, 1, 1) in the file",
     ""),
    ("NaN", lambda p: saved(p, {UP: lora()[UP] * torch.nan}), f"{UP} holds a number that is not finite", ""),
    ("truncated", truncated, "is truncated", ""),
    ("code", lambda p: pickled(p, {**lora(), "evil": Code()}), "system", ""),
    ("unknown activation", lambda p: pickled(p, nets("wobble", 16)), "the activation 'wobble', which is unknown", ""),
    ("wrong widths of nets", lambda p: pickled(p, nets("relu", 1024)), "is for contexts of width 1024",
     "is a network for Stable Diffusion 2.x, and "),
    ("an embedding", lambda p: pickled(p, {"emb_params": torch.ones(2, 768)}), "is a textual inversion embedding, not",
     ""),
    ("a VAE", lambda p: pickled(p, {"decoder.conv_in.weight": torch.ones(4, 4, 3, 3)}), "is a VAE, not a network", ""),
    ("a web page", web_page, "is a web page", ""),
    ("nothing", lambda p: p, "no such", ""),
]  # fmt: skip


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a call says that ends with code 1; never a traceback."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and "Traceback" not in said.err
    return said.err


def fingerprint(backbone: Backbone) -> list[tuple[str, Tensor]]:
    """Every weight, and a look that nothing was attached."""
    found = []
    for part, module in backbone.parts().items():
        assert not any("forward" in m.__dict__ or m._forward_pre_hooks for m in module.modules()), part
        found += [(f"{part}.{name}", value.clone()) for name, value in module.state_dict().items()]
    return found


@pytest.mark.parametrize(("name", "made", "said", "merging"), BAD, ids=[row[0] for row in BAD])
def test_each_verb_refuses_it_whole(
    name: str, made: Callable[[Path], Path], said: str, merging: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    bad, folder = made(tmp_path / "bad.safetensors"), base("mini").folder
    own = ("--model", folder, "--prompt", "x", "--steps", "1", "--size", "64", "--device", "cpu")
    sentence = refused(capsys, "generate", *own, "--network", bad, "--out", "x.png")
    assert said in sentence and str(bad) in sentence
    sentence = refused(capsys, "merge", folder, bad, "--out", "merged")
    assert (merging or said) in sentence and str(bad) in sentence
    assert list(Path().iterdir()) == [], "nothing is written, and no code of the file ran"
    before = fingerprint(model())
    with pytest.raises(FormatError):
        Network.from_file(bad, model().parts(), "sd1")
    after = fingerprint(model())
    assert all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in zip(before, after, strict=True))


def test_control_the_good_file_is_taken(tmp_path: Path) -> None:
    """A rank above the layers' widths too: check warns of it, and a file that has it is right."""
    path, folder = tmp_path / "good.safetensors", base("mini").folder
    save_safetensors(path, {key: value.clone() for key, value in lora(100).items()}, {})
    own = ("--model", str(folder), "--prompt", "x", "--steps", "1", "--size", "64", "--device", "cpu")
    assert main(["generate", *own, "--network", str(path), "--out", str(tmp_path / "x.png")]) == 0
    assert main(["merge", str(folder), str(path), "--out", str(tmp_path / "merged")]) == 0


def test_a_dora_does_not_come_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_safetensors(tmp_path / "d.safetensors", lora(dora_wd=True), {})
    words = ("merge", base("mini").folder, tmp_path / "d.safetensors", "--out", tmp_path / "out")
    said = refused(capsys, *words, "--multiplier", "-1")
    assert "a LoRA cannot be taken out of a model again: DoRA's lengths depend on the weight" in said
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, out = tmp_path / "n.pt", tmp_path / "out.safetensors"
    sd1 = load_backbone(base("sd1").folder)
    fitting: Any = Network.create(plugins("algorithm")["lora"](dim=2), sd1.parts(), "sd1")  # type: ignore[operator]
    torch.save(fitting.tensors(), network)
    out.write_bytes(b"old and whole")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    words = ("merge", base("sd1").file, network, "--out", out, "--force")
    assert "No space left on device" in refused(capsys, *words)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.undo()
    assert main([str(word) for word in words]) == 0 and out.read_bytes() != b"old and whole"


def test_another_prediction_type_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In generate, merge and, for network.weights, check. The file is used."""
    folder, told = base("mini").folder, {"ss_base_model_version": "sd_v1_v"}
    own = ("--model", str(folder), "--prompt", "x", "--steps", "1", "--size", "64", "--device", "cpu")
    for metadata, warned in ((told, True), ({"ss_base_model_version": "sd_v1"}, False)):
        path = saved(tmp_path / f"{warned}.safetensors", {}, metadata)
        for words in (
            ["generate", *own, "--network", str(path), "--out", str(tmp_path / f"{warned}.png")],
            ["merge", str(folder), str(path), "--out", str(tmp_path / f"merged-{warned}")],
        ):
            assert main(words) == 0
            said = capsys.readouterr().err
            assert ("was trained on a model that predicts v_prediction, this one predicts epsilon" in said) == warned
        main(["check", str(preset(tmp_path / str(warned), network__weights=str(path)))])
        said = " ".join(capsys.readouterr().out.split())
        assert ("predicts v_prediction, this one predicts epsilon" in said) == warned


@pytest.mark.parametrize(
    ("made", "said"),
    [(sdxls, "is for Stable Diffusion XL"), (truncated, "is truncated"),
     (lambda p: pickled(p, {"emb_params": torch.ones(2, 768)}), "is a textual inversion embedding, not a network")],
)  # fmt: skip
def test_check_says_so_before_a_run(
    made: Callable[[Path], Path], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = made(tmp_path / "bad.safetensors")
    assert main(["check", str(preset(tmp_path / "preset", network__weights=str(bad)))]) == 1
    assert said in " ".join(capsys.readouterr().out.split())
