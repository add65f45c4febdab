"""A document keeps what it does not change; text that is no config is refused with a place and a cure."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohya_like.schema.errors import ConfigError, UserError
from kohya_like.schema.toml import MAX_BYTES, Document, parse_override
from kohya_like.schema.toml_lines import join_key, split_key

pytestmark = pytest.mark.quick

PRESET = """# my ghost, second try
[model]
base = "models/v1-5.safetensors"   # the old one

[network]
  name = "lora"
dim = 16      # rank
alpha   =  8.0
blocks = [
    1, 2,  # down
    3,
]

# where the pictures are
[data]
train_data_dir = 'C:\\ghost'
note = \"\"\"
[network]
dim = 99
\"\"\"

[[data.subsets]]
image_dir = "a"

[[data.subsets]]
image_dir = "b"   # beta
num_repeats = 3
"""


def test_an_untouched_document_comes_back_byte_for_byte() -> None:
    for text in (PRESET, PRESET.replace("\n", "\r\n"), "\ufeff" + PRESET, ""):
        assert Document(text).text() == text


def test_values_are_plain() -> None:
    values = Document(PRESET).values()
    assert values == tomllib.loads(PRESET)
    assert type(values["network"]["dim"]) is int and type(values["data"]["subsets"]) is list


def test_set_changes_one_line_only() -> None:
    document = Document(PRESET)
    document.set("network.dim", 32)
    document.set("data.subsets[1].num_repeats", 10)
    before, after = PRESET.splitlines(), document.text().splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        ("dim = 16      # rank", "dim = 32      # rank"),
        ("num_repeats = 3", "num_repeats = 10"),
    ]


def test_new_keys_go_into_their_section_and_new_sections_to_the_end() -> None:
    document = Document(PRESET)
    document.set("network.conv_dim", 4)
    document.set("save.output_name", "ghost")
    text = document.text()
    assert tomllib.loads(text)["network"]["conv_dim"] == 4
    assert text.index("conv_dim") < text.index("# where the pictures are")
    assert text.endswith('num_repeats = 3\n\n[save]\noutput_name = "ghost"\n')
    assert [line for line in _comparable(text) if line in _comparable(PRESET)] == _comparable(PRESET)


def test_new_lines_end_as_the_others_do() -> None:
    document = Document("[a]\r\nx = 1\r\n")
    document.set("a.y", 2)
    assert document.text() == "[a]\r\nx = 1\r\ny = 2\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "[a.b]\nx = 1\n",
        "a.b.x = 1\n",
        "a = {b = {x = 1}}\n",
        "[a.b]\nx = 1\n[c]\ny = 2\n[a]\nz = 3\n",
        "[a]\nb.x = 1\n[c]\ny = 2",
        "# only a comment",
        "[a] # here\n# and below\n\n[c]\n",
    ],
)
@pytest.mark.parametrize("key", ["a.new", "a.b.new", "new", "c.new", "d.e.new"])
def test_set_finds_its_place_however_the_tables_are_written(text: str, key: str) -> None:
    document = Document(text)
    document.set(key, [1, "two"])
    again = Document(document.text())
    assert again.get(key) == [1, "two"]
    for name in ("a.b.x", "c.y", "a.z"):
        assert again.get(name) == Document(text).get(name)
    assert "#" not in text or text.split("#")[1].split("\n")[0] in document.text()


def test_none_takes_a_key_out() -> None:
    document = Document(PRESET)
    document.set("network.alpha", None)
    document.set("network.never", None)
    document.set("nowhere.never", None)
    assert document.text() == PRESET.replace("alpha   =  8.0\n", "")


def test_get_follows_dots_and_numbers() -> None:
    document = Document(PRESET)
    assert document.get("data.subsets[1].image_dir") == "b"
    assert document.get("data.subsets[7].image_dir", "none") == "none"
    assert document.get("network.dim.deeper") is None


def test_line_of_finds_headers_keys_and_list_items() -> None:
    document = Document(PRESET, "my.toml")
    lines = PRESET.splitlines()
    for key, text in {
        "network": "[network]",
        "network.name": '  name = "lora"',
        "network.dim": "dim = 16      # rank",
        "network.alpha": "alpha   =  8.0",
        "data.subsets[1]": "[[data.subsets]]",
        "data.subsets[1].image_dir": 'image_dir = "b"   # beta',
    }.items():
        line = document.line_of(key)
        assert line is not None and lines[line - 1] == text, key
    assert document.line_of("network.missing") == document.line_of("network")
    assert document.line_of("optimizer.learning_rate") is None
    assert document.where("network.dim") == "my.toml:7"


def test_lines_follow_edits() -> None:
    document = Document(PRESET, "my.toml")
    document.set("model.vae", "v.safetensors")
    assert document.where("network.dim") == "my.toml:8"


def test_override_lies_over_the_file_without_touching_it() -> None:
    document = Document(PRESET, "my.toml")
    document.override("network.dim=64")
    document.override("train.seed = 7")
    document.override("network.alpha=")
    values = document.values()
    assert values["network"]["dim"] == 64 and values["train"] == {"seed": 7} and "alpha" not in values["network"]
    assert document.text() == PRESET
    assert document.where("network.dim") == "--set network.dim"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32", 32),
        ("1e-4", 1e-4),
        ("true", True),
        ("[512, 768]", [512, 768]),
        ("5%", "5%"),
        ("sks ghost", "sks ghost"),
        ('"32"', "32"),
        ("C:\\models\\a.safetensors", "C:\\models\\a.safetensors"),
        ("a=b", "a=b"),
        ("", None),
        ('""', ""),
        ("[" * 500, "[" * 500),
        ("2024-01-01", "2024-01-01"),
    ],
)
def test_override_values_are_typed_as_in_toml(text: str, value: object) -> None:
    key, parsed = parse_override(f"network.x={text}")
    assert key == "network.x" and parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("text", ["network.dim", "=3", "a..b=3", ".a=3", "a[x]=3"])
def test_an_override_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--set"):
        parse_override(text)


def _faults(text: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        Document(text, "my.toml")
    (fault,) = caught.value.faults
    return fault.code, str(fault)


def test_what_is_not_toml_names_file_line_and_text() -> None:
    code, said = _faults("[model]\nbase = v15\n")
    assert code == "not-toml" and said.startswith("my.toml:2  is not TOML: ") and "`base = v15`" in said
    code, said = _faults('{"LoRA_type": "Standard"}')
    assert "looks like JSON" in said
    assert _faults("<html><body>404</body>")[0] == "not-toml"
    assert _faults("a = " + "[" * 500)[0] == "not-toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[network]\ndim = 1\nalpha = 2\n\ndim = 3\n", "my.toml:5  network.dim: is given twice"),
        ("a = 1\na = 2\n", "my.toml:2  a: is given twice"),
        ("[a]\nx = 1\n[b]\n[a]\ny = 2\n", "my.toml:4  a: is given twice"),
    ],
)
def test_duplicates_are_named_with_their_line(text: str, said: str) -> None:
    code, sentence = _faults(text)
    assert code == "duplicate-key" and sentence.startswith(said)


def test_files_that_cannot_be_a_config(tmp_path: Path) -> None:
    def refused(name: str) -> str:
        with pytest.raises(UserError) as caught:
            Document.read(tmp_path / name)
        return str(caught.value)

    (tmp_path / "latin.toml").write_bytes(b'[a]\nx = "caf\xe9"\n')
    assert "latin.toml:2  is not UTF-8 text: byte 0xe9 at offset 12 (save the file as UTF-8" in refused("latin.toml")
    (tmp_path / "wide.toml").write_bytes("a = 1".encode("utf-16"))
    assert "it is UTF-16" in refused("wide.toml")
    (tmp_path / "zip.toml").write_bytes(b"PK\3\4\0\0\xff\xff")
    assert "binary file" in refused("zip.toml")
    assert "there is no such file" in refused("gone.toml") and "latin.toml" in refused("gone.toml")
    assert "is a folder" in refused(".")


def test_the_cap_is_told_before_anything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(b"".join(b"k%06d = 1\n" % n for n in range(900_000)))
    with pytest.raises(UserError, match=r"10,800,000 bytes; a config may have at most 262,144"):
        Document.read(path)
    fits = ("# " + "x" * (MAX_BYTES - 3) + "\n")[:MAX_BYTES]
    path.write_text(fits)
    assert Document.read(path).values() == {}
    path.write_text(fits + "\n")
    with pytest.raises(UserError, match="262,145 bytes"):
        Document.read(path)


def test_save_goes_through_the_writer_given(tmp_path: Path) -> None:
    written: dict[Path, str] = {}
    Document(PRESET).save(tmp_path / "x.toml", written.__setitem__)
    assert written == {tmp_path / "x.toml": PRESET}


NAMES = st.sampled_from(["alpha", "dim", "base", "x-1", "név", "a b"])
SCALARS = st.one_of(
    st.integers(-(10**6), 10**6), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12)
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))


def _comparable(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


@settings(max_examples=150, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from(["model", "network", "data", "fresh", "other"]), NAMES, VALUES), max_size=6
    )
)
def test_any_edits_read_back_and_leave_the_rest(edits: list[tuple[str, str, object]]) -> None:
    document = Document(PRESET)
    wanted = document.values()
    for section, name, value in edits:
        key = join_key((section, name))
        document.set(key, value)
        wanted.setdefault(section, {})[name] = value
        assert split_key(key) == (section, name)
    again = Document(document.text())
    assert again.values() == wanted
    touched = {name for _, name, _ in edits}
    kept = [line for line in _comparable(PRESET) if line.strip().split(" ")[0] not in touched]
    lines = _comparable(document.text())
    assert [line for line in lines if line in set(kept)] == kept
    for section, name, _ in edits:
        line = again.line_of(join_key((section, name)))
        assert line is not None and name in document.text().split("\n")[line - 1]
