"""The command line: verbs end with 0, faults with 1 and a sentence, wrong usage with 2; never a traceback."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kohya_like import cli
from kohya_like.cli import main
from kohya_like.events import CONTROL, RUN, Command
from kohya_like.supervise import boot_id, start_time
from tests.tiny_runs import CAPTIONS, Run, base, preset, trained

pytestmark = pytest.mark.quick

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return called


class TestUsage:
    @pytest.mark.parametrize(
        "arguments", [[], ["dance"], ["generate"], ["train", "--nonsense"], ["control", "x", "dance"], ["inspect"]]
    )
    def test_wrong_usage_is_2(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2 and "usage:" in capsys.readouterr().err

    def test_help_is_0(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        said = capsys.readouterr().out
        assert ended.value.code == 0
        assert all(
            f"  {verb} " in said for verb in ("train", "check", "demo", "generate", "inspect", "cache", "doctor")
        )

    @pytest.mark.parametrize("more", [[], ["a.toml", "--resume", "b"]])
    def test_train_wants_one_of_two(self, call: Call, more: list[str]) -> None:
        assert call("train", *more) == (
            1, "", "error: say either which preset to train, or which run folder to --resume\n"
        )  # fmt: skip

    def test_an_error_of_the_system_is_a_sentence(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "/there")

        monkeypatch.setattr(cli, "inspect", fail)
        assert call("inspect", "x") == (1, "", "error: /there: No space left on device\n")

    def test_ctrl_c_is_130(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(cli, "inspect", interrupted)
        assert call("inspect", "x") == (130, "", "")


class TestInspect:
    def test_a_network(self, call: Call) -> None:
        code, out, _ = call("inspect", trained("sdxl"), "--json", "--keys")
        facts = json.loads(out)
        assert code == 0
        assert (facts["kind"], facts["family"], facts["ranks"]) == ("lora", "sdxl", {"2": facts["tensors"] // 3})
        assert facts["metadata"]["ss_output_name"] == "tiny"
        assert facts["metadata"]["ss_network_args"] == {"conv_dim": "2", "conv_alpha": "1.0"}
        assert any(key.startswith("lora_te2_") for key in facts["keys"])
        plain = call("inspect", trained("sdxl"))[1]
        assert "kind: lora" in plain and "ss_output_name: tiny" in plain

    def test_a_model_as_folder_and_as_file(self, call: Call) -> None:
        for path in (base("sd1").folder, base("sd1").file):
            facts = json.loads(call("inspect", path, "--json")[1])
            assert (facts["kind"], facts["family"]) == ("checkpoint", "sd1")

    def test_what_is_not_there(self, call: Call, tmp_path: Path) -> None:
        code, out, err = call("inspect", tmp_path / "none")
        assert (code, out) == (1, "") and "there is no such file or folder" in err

    def test_a_web_page(self, call: Call, tmp_path: Path) -> None:
        page = tmp_path / "model.safetensors"
        page.write_text("<!DOCTYPE html><html>Sign in</html>")
        code, out, err = call("inspect", page)
        assert code == 1 and out == "" and "model.safetensors" in err and "HTML" in err


class TestRunsAndControl:
    def made(self, folder: Path, alive: bool) -> Path:
        """A run folder whose trainer is this very process, or one that is gone."""
        folder.mkdir(parents=True)
        me = {"pid": os.getpid(), "started": start_time(os.getpid()) if alive else 1}
        body = {"token": "mine", "boot_id": boot_id(), "trainer": me, "supervisor": None}
        (folder / RUN).write_text(json.dumps(body))
        return folder

    def test_each_run_with_how_it_stands(self, call: Call, tmp_path: Path) -> None:
        on, off = self.made(tmp_path / "out" / "runs" / "a", True), self.made(tmp_path / "out" / "runs" / "b", False)
        rows = [{"run": str(on), "status": "running"}, {"run": str(off), "status": "interrupted"}]
        assert json.loads(call("runs", tmp_path / "out", "--json")[1]) == rows
        assert call("runs", tmp_path / "out")[1].splitlines() == [f"running      {on}", f"interrupted  {off}"]

    def test_no_runs(self, call: Call, tmp_path: Path) -> None:
        assert call("runs", tmp_path) == (0, f"no run below {tmp_path}\n", "")
        assert call("runs", tmp_path / "none")[0] == 1

    def test_a_wish_reaches_the_control_file(self, call: Call, tmp_path: Path) -> None:
        run = self.made(tmp_path / "run", True)
        code, out, _ = call("control", run, "save")
        (line,) = (run / CONTROL).read_text().splitlines()
        assert code == 0 and Command(**json.loads(line)) == Command("save", "mine", out.strip())

    def test_a_run_that_is_over_cannot_be_asked(self, call: Call, tmp_path: Path) -> None:
        for run in (self.made(tmp_path / "run", False), tmp_path / "none"):
            assert call("control", run, "stop") == (1, "", f"error: {run}: no training is running there\n")
            assert not (run / CONTROL).exists()


class TestCache:
    def test_fill_list_and_purge(self, call: Call, tmp_path: Path) -> None:
        config = preset(tmp_path, data__flip_aug=True)
        code, out, _ = call("cache", config)
        assert code == 0 and f"{len(CAPTIONS)} pictures are cached in {tmp_path / 'cache'}" in out
        listed = json.loads(call("cache", config, "--list", "--json")[1])
        assert len(listed["entries"]) == 2 * len(CAPTIONS) and {e["kind"] for e in listed["entries"]} == {"picture"}
        assert listed["bytes"] == sum(p.stat().st_size for p in (tmp_path / "cache").rglob("*.entry"))
        lines = call("cache", config, "--list")[1].splitlines()
        assert len(lines) == 2 * len(CAPTIONS) + 1 and any(line.endswith("0.png") for line in lines)
        assert json.loads(call("cache", config, "--purge", "--json")[1])["removed"] == 2 * len(CAPTIONS)
        assert list((tmp_path / "cache").rglob("*.entry")) == []
        assert "0 entries" in call("cache", config, "--list")[1]

    def test_what_is_there_is_not_made_again(self, call: Call, tmp_path: Path) -> None:
        config = preset(tmp_path)
        call("cache", config)
        before = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.entry")}
        events = [json.loads(line) for line in call("cache", config, "--json")[1].splitlines()]
        assert {"done": len(CAPTIONS), "total": len(CAPTIONS)}.items() <= events[0].items()
        assert {p: p.stat().st_mtime_ns for p in before} == before

    def test_captions_are_purged_as_well(self, call: Call, tmp_path: Path) -> None:
        Run(tmp_path, network__train_text_encoder=False, train__max_train_steps=1).train()
        config = preset(tmp_path)
        kinds = [e["kind"] for e in json.loads(call("cache", config, "--list", "--json")[1])["entries"]]
        assert kinds == ["picture"] * len(CAPTIONS) + ["caption"] * len(CAPTIONS)
        assert "removed 8 entries" in call("cache", config, "--purge")[1]

    def test_faults(self, call: Call, tmp_path: Path) -> None:
        assert "say which preset's pictures" in call("cache")[2]
        assert "this preset uses no cache" in call("cache", preset(tmp_path, data__cache_latents=False))[2]
        assert call("cache", tmp_path / "none.toml")[0] == 1
        broken = tmp_path / "broken"
        (broken / "1_thing").mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(broken / "1_thing" / "a.png")
        data = (broken / "1_thing" / "a.png").read_bytes()
        (broken / "1_thing" / "a.png").write_bytes(data[:60])
        code, _, err = call("cache", preset(tmp_path / "b", data__train_data_dir=str(broken)))
        assert code == 1 and "a.png" in err


class TestCheck:
    def test_all_faults_at_once_and_code_1(self, call: Call, tmp_path: Path) -> None:
        good = preset(tmp_path / "a")
        assert call("check", good)[0] == 0
        code, out, _ = call("check", good, "--json", "--set", "model.base=/none", "--set", "save.output_name=a/b")
        assert code == 1
        assert {"model.base", "save.output_name"} <= {fault["key"] for fault in json.loads(out)["faults"]}

    def test_what_cannot_be_read_is_a_sentence(self, call: Call, tmp_path: Path) -> None:
        config = tmp_path / "p.toml"
        config.write_text("[network]\ndmi = 3\n[train]\nseed = 'x'\n")
        code, out, err = call("check", config)
        assert (code, out) == (1, "") and "did you mean 'dim'" in err and "train.seed" in err
