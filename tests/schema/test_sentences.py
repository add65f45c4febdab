"""Sentences are known by their shape, put together as the code puts them, and what is foreign stays as it is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kohya_like.schema.texts.sentences import LONGEST, Sentences, sentences
from kohya_like.schema.texts.templates import MOST_TRIES, Catalogue, Row

pytestmark = pytest.mark.quick

CHINESE = sentences("zh_CN")


def of(rows: dict[str, str], words: dict[str, str] | None = None) -> Sentences:
    speaker = Sentences("zh_CN")
    speaker.catalogue = Catalogue(rows.items(), words or {})
    return speaker


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("must be given", "必须填写"),
        ("got 8, must be at least 64 px", "得到的是 8，必须至少为 64 像素"),
        ("got text 'huger', must be one of l1, l2, huber", "得到的是文字 'huger'，必须是以下之一：l1, l2, huber"),
        ("expects a whole number, a number or text, got a list of 1", "应为整数、数字或文字，得到的是 1 项的列表"),
        ("expects a list of 2 whole numbers, got nothing", "应为 2 个整数的列表，得到的是空值"),
        ("in this order: train.train_batch_size = 1; a smaller data.resolution",
         "按这个顺序尝试：train.train_batch_size = 1；更小的 data.resolution"),
        ("renamed to network.dim in version 2; leave it out; workers always stay alive",
         "在版本 2 中已改名为 network.dim；请去掉；工作进程会一直保留"),
        ("/a: b/x.ckpt: no such file.", "/a: b/x.ckpt：没有这个文件。"),
        ("p.toml:3  network.dim: got 3, must be at least 64 (write 3)",
         "p.toml:3  network.dim：得到的是 3，必须至少为 64（请写 3）"),
        ("network.targets: must be given (give them a rank (network.conv_dim))",
         "network.targets：必须填写（请给卷积层设置秩（network.conv_dim））"),
        ("2 pictures left out, cannot be read: a.png (the file is empty (0 bytes)), b, c.png (is a GIF) and 4 more",
         "2 张图片无法读取，已跳过：a.png（文件是空的（0 字节））, b, c.png（是 GIF 图片）以及另外 4 个"),
        ('1 caption file with no content, trained with the class words "a text": a.txt',
         "1 个标注文件没有内容，将用类别词“a text”训练：a.txt"),
        ('folders with 0 repeats are not used: "0_b", "0_c"', '重复次数为 0 的文件夹不会使用："0_b", "0_c"'),
        ("0.01 GB are needed for files, states and previews, 0.02 GB are free",
         "文件、状态和预览图需要 0.01 GB，可用空间为 0.02 GB"),
        ("out of memory: CUDA out of memory. Tried", "显存或内存不足：CUDA out of memory. Tried"),
        ("out of memory: no memory; 1 of 2 is free", "显存或内存不足：no memory; 1 of 2 is free"),
        ("x cannot be reached: [Errno 111] Connection refused", "无法连接 x：连接被拒绝（[Errno 111]）"),
        ("Set network.dim to 8; Take out train.foo", "把“network.dim”设为 8；去掉“train.foo”"),
        ("is text, not a VAE", "是 text，不是 VAE"),
        ("the loss is not a number at step 3 (pictures: a, b); training stopped, the files saved so far are whole",
         "第 3 步的损失不是数字（图片：a, b）；训练已停止，此前保存的文件都是完好的"),
    ],
)  # fmt: skip
def test_sentences_are_said(text: str, said: str) -> None:
    assert CHINESE.say(text) == said


def test_the_step_formula() -> None:
    text = "26 pictures x 5 to 10 repeats = 260 samples / batch 2 in 3 buckets = 131 batches per epoch / 2 accumulated"
    text += " = 66 steps per epoch; x 10 epochs = 660 steps"
    said = "26 张图片 x 重复 5 到 10 次 = 260 个样本 / 批量 2（3 个分桶）= 每轮 131 批 / 累积 2 = 每轮 66 步"
    said += "；x 10 轮 = 660 步"
    assert CHINESE.say(text) == said
    assert CHINESE.say("12 samples / batch 4 = 3 batches per epoch; 10 steps = 3.3 epochs") == (
        "12 个样本 / 批量 4 = 每轮 3 批；10 步 = 3.3 轮"
    )


@pytest.mark.parametrize(("phase", "said"), [("train", "训练"), ("save", "保存"), ("cache", "缓存图片")])
def test_phases_are_said_but_not_a_person_s_words(phase: str, said: str) -> None:
    assert CHINESE.say(phase) == said
    assert CHINESE.say(f"{phase} is not empty") == f"{phase} 不是空的"
    assert CHINESE.say(f"{phase}: must be given") == f"{phase}：必须填写"


def test_each_line_is_said_with_its_indent() -> None:
    text = "this network does not fit the model (2 faults):\n  x_y is a LoCon without lora_down or lora_up\n"
    said = "这个网络与模型不符（2 处）：\n  x_y 是缺少 lora_down 或 lora_up 的 LoCon\n... and more\n……以及另外 3 处"
    assert CHINESE.say(f"{text}... and more\n... and 3 more") == said
    assert CHINESE.say("a: cannot be read: two\nlines") == "a：无法读取：two\nlines"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "hello world", "sks ghost, a photo", "<b>bold</b>: x; y (z)", "\u202eabc", "图片", "a: b: c", "{0} {1}"],
)
def test_what_is_foreign_stays_as_it_is(text: str) -> None:
    assert CHINESE.say(text) == text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_english_and_a_language_without_catalogue_are_the_identity(language: str) -> None:
    assert sentences(language).say("must be given") == "must be given"
    assert sentences(language) is sentences(language)


def test_holes_catch_only_what_they_may() -> None:
    speaker = of(
        {"{#0} cats": "{0} 只猫", "see {=0} here": "见 {0}", "no {~0}": "没有 {0}", "is {!0}": "是{0}", "a cat": "猫",
         "wants {@0}": "要{0}", "has {0}": "有{0}"},
        {"steps": "步"},
    )  # fmt: skip
    said = {"3 cats": "3 只猫", "1,200 cats": "1,200 只猫", "64x64 cats": "64x64 只猫", "see it here": "见 it",
            "no 'a cat'": "没有 'a cat'", "is a cat": "是猫", "wants steps": "要步",
            "has steps": "有 steps"}  # fmt: skip
    assert {text: speaker.say(text) for text in said} == said
    for text in ("three cats", "see it all here", "no cat", "is a dog", "cats", "see  here"):
        assert speaker.say(text) == text, text


def test_the_specific_template_goes_before_the_general() -> None:
    rows = {"{0} is here": "{0} 在这里", "{0} cat is here": "{0} 猫在这里", "no cat is here": "没有猫"}
    assert [of(rows).say(text) for text in ("a dog is here", "my cat is here", "no cat is here")] == [
        "a dog 在这里",
        "my 猫在这里",
        "没有猫",
    ]


def test_a_catalogue_tries_few_templates_for_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    caught = Row.caught
    monkeypatch.setattr(Row, "caught", lambda row, text: tried.append(len(text)) or caught(row, text))  # type: ignore[func-returns-value]
    assert CHINESE.say("got 8, must be at least 64 px") == "得到的是 8，必须至少为 64 像素"
    assert 0 < len(tried) < 60
    tried.clear()
    CHINESE.say("p.toml: 3 pictures left out, cannot be read: a.png (is a GIF)")
    assert 0 < len(tried) < 250


HOSTILE = ["a: ", "a; ", "a: b; ", " (", "(a) ", "a (b: ", " or ", " = ", "x", "is a file, not of the (a or b); it: "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_long_foreign_text_is_given_up_on(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    letters: list[int] = []
    caught = Row.caught
    monkeypatch.setattr(Row, "caught", lambda row, text: letters.append(len(text)) or caught(row, text))  # type: ignore[func-returns-value]
    long = (piece * 10_000)[:10_000]
    assert CHINESE.say(long) == long
    assert not letters, "a line beyond the limit is not looked at"
    for text in ((piece * LONGEST)[:LONGEST], (piece * 100)[:300]):
        assert len(re.findall("[a-z]", CHINESE.say(text))) <= len(text)
        assert sum(letters) < 30_000_000, "what is looked through is bounded"
    CHINESE.say("\n".join([(piece * LONGEST)[:LONGEST]] * 200))
    assert sum(letters) < 60_000_000, "and not by line, but for the text as a whole"


def test_a_template_with_many_holes_gives_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row.of("{0} a {1} a {2} a {3} a {#4} end", "")
    steps: list[int] = []
    rest = Row._rest
    monkeypatch.setattr(Row, "_rest", lambda *given: steps.append(1) or rest(*given))  # type: ignore[func-returns-value]
    assert row.caught("x a " * 900 + "y end") is None
    assert len(steps) <= 5 * MOST_TRIES
    assert row.caught("w a x a y a z a 5 end") == ["w", "x", "y", "z", "5"]


def test_nothing_is_read_before_the_first_sentence_and_nothing_heavy_ever() -> None:
    code = (
        "import sys\nfrom kohya_like.schema.texts.sentences import sentences\n"
        "assert 'catalogue' not in vars(sentences('zh_CN'))\nprint(sentences('zh_CN').say('train') != 'train')\n"
        "print([name for name in ('torch', 'numpy', 'PySide6', 'tomlkit') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "True"
    assert "torch" not in done.stdout and "numpy" not in done.stdout and "PySide6" not in done.stdout
