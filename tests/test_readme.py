"""What the README and its Chinese twin say is true: verbs, options, links, presets, and the same commands in both."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from kohya_like import cli

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
BY_THE_SCRIPT = {"test", "dataset"}  # run.sh's own verbs; those of dataset are in test_dataset_docs

pytestmark = pytest.mark.quick


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def shell_lines(text: str) -> list[str]:
    """The commands of the shell blocks, without comments and with continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    without_files = re.sub(r"<<'END'\n.*?\nEND\n", "\n", "\n".join(blocks), flags=re.DOTALL)
    return [re.sub(r"\s+# .*$", "", line) for line in without_files.replace("\\\n", " ").splitlines() if line.strip()]


def tomls(text: str) -> list[str]:
    return re.findall(r"<<'END'\n(.*?)\nEND\n", text, re.DOTALL)


def verbs() -> dict[str, argparse.ArgumentParser]:
    actions = [a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions[0].choices)


@pytest.mark.parametrize("name", READMES)
def test_every_verb_named_exists_and_its_options_are_understood(name: str) -> None:
    text = read(name)
    named = set(re.findall(r"\./run\.sh ([a-z][a-z-]+)", text)) | set(re.findall(r"^\| `([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "check", "train", "generate", "inspect", "cache", "doctor", "fetch", "test"} <= named
    assert named - BY_THE_SCRIPT <= verbs().keys()
    for line in shell_lines(text):
        words = shlex.split(line)
        if words[0] == "./run.sh" and len(words) > 1 and words[1] not in BY_THE_SCRIPT:
            cli.parser().parse_args(words[1:])  # ends the test with a usage error if it is wrong


@pytest.mark.parametrize("name", READMES)
def test_the_preset_of_the_first_training_is_one(name: str, tmp_path: Path) -> None:
    from kohya_like.config import load

    (preset,) = tomls(read(name))
    path = tmp_path / "mycat.toml"
    path.write_text(preset, encoding="utf-8")
    config, _ = load(path)
    assert config.save.output_name == "mycat" and type(config.network).__name__ == "LoRA"
    path.write_text(preset.replace("dim =", "dmi ="), encoding="utf-8")
    with pytest.raises(Exception, match="dim"):
        load(path)


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_every_option_and_link_named_exists(name: str) -> None:
    text, keys = read(name), read("docs/keys.md")
    sections = "model|data|network|train|save|sample|optimizer|schedule"
    for key in re.findall(rf"`((?:{sections})\.[a-z_]+)", text):
        assert f"`{key}`" in keys, key
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_both_languages_show_the_same_commands_presets_and_links() -> None:
    english, chinese = (read(name) for name in READMES)
    mirrors = {line for line in shell_lines(chinese) if line.startswith("export ")}
    assert [line for line in shell_lines(chinese) if line not in mirrors] == shell_lines(english)
    assert all(line.removeprefix("export ").strip() in english for line in mirrors)
    assert tomls(english) == tomls(chinese)
    # each shows the window in its language, and leads to the page in its language
    chinese = re.sub(r"(window|window-captions|runs)-zh\.png", r"\1-en.png", chinese)
    chinese = re.sub(r"(networks|methods|datasets)\.zh-CN\.md", r"\1.md", chinese)
    links = [sorted(re.findall(r"\]\(([^)]+)\)", text)) for text in (english, chinese)]
    assert [link for link in links[0] if "README" not in link] == [link for link in links[1] if "README" not in link]


@pytest.mark.parametrize("name", READMES)
def test_the_options_of_setup_named_exist(name: str) -> None:
    usage = read("setup.sh")
    for option in re.findall(r"\./setup\.sh (--[a-z]+)", read(name)):
        assert f"    {option})" in usage
