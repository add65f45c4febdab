"""Edits of a document: lists of tables, renames, arrays with comments; and any edits at all against a plain dict."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kohya_like.schema import toml
from kohya_like.schema.errors import ConfigError, UserError
from kohya_like.schema.toml import Document, same

pytestmark = pytest.mark.quick

SUBSETS = """[data]
x = 1 # k
# above
[[data.subsets]]
image_dir = "a" # one

# two
[[data.subsets]]
image_dir = "b"
[data.subsets.more]
z = 1

# next
[save]
y = 1
"""
NEW = {"image_dir": "c", "num_repeats": 2}


def edited(text: str, act: Callable[[Document], object]) -> str:
    document = Document(text)
    act(document)
    assert tomllib.loads(document.text().removeprefix("\ufeff")) == document.values()
    return document.text()


def test_an_item_is_added_behind_the_last() -> None:
    added = '\n[[data.subsets]]\nimage_dir = "c"\nnum_repeats = 2\n'
    after = edited(SUBSETS, lambda document: document.add_item("data.subsets", NEW))
    assert after == SUBSETS.replace("z = 1\n", "z = 1\n" + added)
    crlf = edited(SUBSETS.replace("\n", "\r\n"), lambda document: document.add_item("data.subsets", NEW))
    assert crlf == after.replace("\n", "\r\n")


@pytest.mark.parametrize("text", ["", "# c", "[data]\nx = 1\n\n# n\n[e]\n", "[data]\n[e]\ny=1\n", "data.x = 1\n",
                                  "data = { x = 1 }\n", "[data]\nsubsets = []\n", "[e]\n[data.more]\nx=1"])  # fmt: skip
def test_the_first_item_finds_its_place(text: str) -> None:
    after = edited(text, lambda document: document.add_item("data.subsets", NEW))
    values = tomllib.loads(after)
    assert values["data"].pop("subsets") == [NEW] and ("# n\n[e]" in after or "# n" not in text)
    assert values.get("e") == tomllib.loads(text).get("e")


def test_an_item_is_removed_with_its_tables_and_no_other_comment() -> None:
    first = edited(SUBSETS, lambda document: document.remove_item("data.subsets", 0))
    assert first == SUBSETS.replace('[[data.subsets]]\nimage_dir = "a" # one\n', "")
    second = edited(SUBSETS, lambda document: document.remove_item("data.subsets", 1))
    assert (
        "# two\n" in second
        and "z = 1" not in second
        and tomllib.loads(second)["data"]["subsets"] == [{"image_dir": "a"}]
    )
    inline = "[data]\nsubsets = [{a = 1}, {a = 2}] # k\n"
    assert (
        edited(inline, lambda document: document.remove_item("data.subsets", 0)) == "[data]\nsubsets = [{a = 2}] # k\n"
    )
    assert Document(SUBSETS).get("data.subsets[1].more.z") == 1


def test_added_and_removed_again_leaves_the_text_as_it_was() -> None:
    document = Document(SUBSETS)
    document.add_item("data.subsets", NEW)
    document.remove_item("data.subsets", 2)
    assert document.text() == SUBSETS


@pytest.mark.parametrize("act", [
    lambda document: document.remove_item("data.subsets", 5), lambda document: document.add_item("data.x", NEW),
    lambda document: document.rename("data.no", "data.yes"), lambda document: document.rename("data.x", "save.y"),
    lambda document: document.remove_item("data.x", 0),
])  # fmt: skip
def test_what_cannot_be_done_is_a_sentence(act: Callable[[Document], object]) -> None:
    document = Document(SUBSETS)
    with pytest.raises(UserError, match=r"there is no|holds a value|there already"):
        act(document)
    assert document.text() == SUBSETS


RENAMES = [  # text, old, new, what it becomes
    ("[n]\n dimm = 3  # rank\nb=1\n", "n.dimm", "n.dim", "[n]\n dim = 3  # rank\nb=1\n"),
    ("[netwrok] # c\na=1\n[netwrok.b]\n", "netwrok", "network", "[network] # c\na=1\n[network.b]\n"),
    ('[n]\n"al pha" = 1\n', 'n."al pha"', "n.alpha", "[n]\nalpha = 1\n"),
    ("n.a.b = 1\nn.a.c = 2\n", "n.a", "n.z", "n.z.b = 1\nn.z.c = 2\n"),
    ("[[d.s]]\ni=1\n[[d.s]]\ni=2 # c\n", "d.s[1].i", "d.s[1].j", "[[d.s]]\ni=1\n[[d.s]]\nj=2 # c\n"),
    ("network_dim = 3 # k\n[network]\na=1\n\n# e\n[e]\n", "network_dim", "network.dim",
     "[network]\na=1\ndim = 3 # k\n\n# e\n[e]\n"),
    ("[e]\nx = [\n 1, # one\n] # k\n", "e.x", "f.y", "[e]\n\n[f]\ny = [\n 1, # one\n] # k\n"),
    ("o = {a = 1, b = 2} # z\n", "o.a", "o.c", "o = { b = 2, c = 1} # z\n"),
]  # fmt: skip


@pytest.mark.parametrize("text, old, new, wanted", RENAMES)
def test_a_rename_keeps_comment_and_place(text: str, old: str, new: str, wanted: str) -> None:
    assert edited(text, lambda document: document.rename(old, new)) == wanted


PROMPTS = '[s]\r\nprompts = [\r\n  "a", # one\r\n  # between\r\n  "b", # two\r\n]\r\n'


def test_comments_of_an_array_stay_with_their_items() -> None:
    assert edited(PROMPTS, lambda d: d.set("s.prompts", ["a", "new", "b"])) == PROMPTS.replace(
        "# between\r\n", '# between\r\n  "new",\r\n'
    )
    assert edited(PROMPTS, lambda d: d.set("s.prompts", ["a", "B"])) == PROMPTS.replace('"b"', '"B"')
    assert "# one" in edited(PROMPTS, lambda d: d.set("s.prompts", ["a"]))


def test_long_lists_of_texts_are_written_one_a_line_and_tables_in_braces() -> None:
    prompts = ["a photo of sks cat, sitting on a sofa", "a photo of sks cat in a field of flowers, evening light"]
    after = edited("[sample]\r\n", lambda document: document.set("sample.prompts", prompts))
    assert after.count("\r\n") == after.count("\n") == 5
    args = {"weight_decay": 0.01, "betas": [0.9, 0.99]}
    after = edited("[o]\na = 1\n[p]\n", lambda document: document.set("o.args", args))
    assert after == "[o]\na = 1\nargs = {weight_decay = 0.01, betas = [0.9, 0.99]}\n[p]\n"
    assert edited(after, lambda d: d.set("o.args", {"betas": [0.9, 0.99]})).count("args = {") == 1
    tables = "[o]\n[o.args] # t\nx = 1 # k\ny = 2\n"
    assert edited(tables, lambda d: d.set("o.args", {"x": 3})) == "[o]\n[o.args] # t\nx = 3 # k\n"


def test_what_looks_like_a_key_in_a_comment_or_text_is_left_alone() -> None:
    text = '# dim = 4\n[n]\n# dim = 5\nnote = """\ndim = 6\n[n]\n"""\n'
    after = edited(text, lambda document: document.set("n.dim", 8))
    assert after == text + "dim = 8\n"
    assert edited(after, lambda document: document.set("n.dim", None)) == text


@pytest.mark.parametrize(
    "text", ['[a]\nname = "lo', "[a]\nx = [1,\n 2", "[a]\nx = 1\n[b", "[a]\nb = {x = 1,", "[a]\nx ="]
)
def test_a_file_that_was_cut_off_is_said_to_be(text: str) -> None:
    with pytest.raises(ConfigError, match="the file ends in the middle of an entry, as one that was cut off"):
        Document(text)


def test_the_same_value_is_known() -> None:
    alike: list[tuple[Any, Any]] = [(8, 8.0), ([1], (1,)), ({"a": [2]}, {"a": [2.0]}), (float("nan"), float("nan"))]
    apart: list[tuple[Any, Any]] = [(8.0, 8), (1, True), (1, "1"), ([1], [1, 2]), ({"a": 1}, {}), ("", None)]
    assert [same(*pair) for pair in alike] == [True] * 4
    assert [same(*pair) for pair in apart] == [False] * 6


NAMES = st.sampled_from(["a", "b", "c", "long name"])
SCALARS = st.one_of(
    st.integers(-5, 5), st.booleans(), st.sampled_from([0.5, 1e-5]), st.text("ab\n#\"'\\幽=[", max_size=4)
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(NAMES, SCALARS, max_size=2), st.none())
EDITS = st.lists(st.tuples(st.sampled_from(["set", "add", "remove", "rename"]), NAMES, NAMES, VALUES), max_size=8)
STARTS = [
    SUBSETS,
    "",
    "# only\r\n",
    "a.b = 1 # k\n[b]\n# in b\na = [\n 1, # one\n]\n",
    'a = {b = 1, c = {a = 2}} # inline\n[b.c]\n"long name" = 3\n# end',
    "[a]\nb = 1\n# of a\n[b]\nc = 2\n[a.c]\na = 1\n[[c.a]]\nb = 1\n# item\n[[c.a]]\nb = 2\n",
]


def applied(document: Document, model: dict[str, Any], edit: tuple[str, str, str, Any]) -> None:
    """The same edit to a document and to nested dicts."""
    how, first, second, value = edit
    table, key = f'"{first}"', f'"{first}"."{second}"'
    there = model.get(first)
    if there is not None and not isinstance(there, dict):
        with pytest.raises(UserError):
            document.set(key, 1)
        return
    held: dict[str, Any] = there or {}
    if how == "set":
        document.set(key, value)
        if value is not None:
            model.setdefault(first, {})[second] = value
        elif held:
            held.pop(second, None)
    elif how == "add" and isinstance(held.get(second, []), list):
        if all(isinstance(one, dict) for one in held.get(second, [])):
            document.add_item(key, {"x": 1})
            model.setdefault(first, {}).setdefault(second, []).append({"x": 1})
    elif how == "remove" and isinstance(held.get(second), list) and held[second]:
        document.remove_item(key, 0)
        del held[second][0]
        if not held[second]:  # the last [[item]] takes the list with it
            del held[second]
    elif how == "rename" and held and second in held and "new" not in held:
        document.rename(key, f"{table}.new")
        held["new"] = held.pop(second)


def without_empty(value: Any) -> Any:
    """Empty tables and lists of tables may stay or go with their last key."""
    if isinstance(value, dict):
        kept = {name: without_empty(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in ({}, [])}
    return [without_empty(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=200, deadline=None, derandomize=True)
@given(start=st.sampled_from(STARTS), edits=EDITS)
@example(start=STARTS[-1], edits=[("set", "c", "a", [0])])
def test_any_edits_end_as_they_do_in_a_dict(start: str, edits: list[tuple[str, str, str, Any]]) -> None:
    document, model = Document(start), copy.deepcopy(Document(start).values())
    for edit in edits:
        applied(document, model, edit)
        assert without_empty(document.values()) == without_empty(model)
    again = Document(document.text())
    assert again.text() == document.text() and without_empty(again.values()) == without_empty(model)
    for comment in re.findall(r"^# .*", start, re.MULTILINE):  # those on lines of their own
        if not any(edit[0] == "remove" or edit[3] is None for edit in edits):
            assert comment in document.text() or "# one" in comment or "# item" in comment


MANY = st.dictionaries(st.tuples(NAMES, NAMES), VALUES, max_size=6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(start=st.sampled_from(STARTS), edits=MANY)
def test_many_at_once_are_the_same_as_one_after_the_other(start: str, edits: dict[tuple[str, str], Any]) -> None:
    values = Document(start).values()
    wanted = {f'"{table}"."{name}"': value for (table, name), value in edits.items()}
    if any(not isinstance(values.get(table, {}), dict) for table, _ in edits):
        with pytest.raises(UserError):
            Document(start).set_all(wanted | {'"a"."a"': 1, '"b"."a"': 1})
        return
    together, apart = Document(start), Document(start)
    together.set_all(wanted)
    for key, value in wanted.items():
        apart.set(key, value)
    assert without_empty(together.values()) == without_empty(apart.values())
    assert Document(together.text()).values() == together.values()


def test_many_new_lines_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    document, texts, real = Document(SUBSETS), list[str](), toml.tomlkit.parse

    def counted(text: str) -> tomlkit.TOMLDocument:
        texts.append(text)
        return real(text)

    monkeypatch.setattr(toml.tomlkit, "parse", counted)
    document.set_all({f"save.k{number}": number for number in range(50)} | {"data.x": None, "save.y": None})
    assert len(texts) == 1 and document.get("save") == {f"k{number}": number for number in range(50)}
