"""WD14 through onnxruntime: tags of tiny models of the same interface, and every file that does not fit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dataset_tools.proposals import Selection, chosen
from dataset_tools.tagger_settings import Wd14Settings
from dataset_tools.taggers.base import Seen, TaggerStopped
from dataset_tools.taggers.opening import open_tagger
from dataset_tools.taggers.pipeline import outcomes
from dataset_tools.taggers.selected_tags import MOST_TAGS, read_selected_tags
from dataset_tools.taggers.wd14 import Wd14Tagger, open_wd14
from kohya_like.schema.errors import FormatError
from tests.dataset_tools.taggers.tiny_taggers import picture, tiny_graph, tiny_wd14, write_csv


def seen(tagger: Wd14Tagger, path: Path) -> Seen:
    return tagger.look([tagger.prepare(path)])[0]


def test_tags_by_category_with_their_scores(tmp_path: Path) -> None:
    tagger = open_wd14(Wd14Settings(str(tiny_wd14(tmp_path / "tagger"))))
    found = seen(tagger, picture(tmp_path / "a.png", "red", (16, 16)))
    assert [tag for tag, _ in found.scores["rating"]] == ["general", "explicit"]
    assert found.scores["general"][0][0] == "red_hair"
    assert found.scores["general"][0][1] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-4)
    assert found.scores["character"][0] == ("anna_(frozen)", pytest.approx(1 / (1 + np.exp(-3)), abs=1e-4))
    assert found.scores["copyright"][0][0] == "frozen_(film)"
    assert tagger.facts["tags"] == {"rating": 2, "general": 4, "character": 1, "copyright": 1}
    assert tagger.facts["size"] == 16


@pytest.mark.parametrize(("colour", "tag"), [("red", "red_hair"), ("blue", "blue_sky"), ("lime", "green_eyes")])
def test_a_swap_of_channels_would_change_the_tag(tmp_path: Path, colour: str, tag: str) -> None:
    tagger = open_wd14(Wd14Settings(str(tiny_wd14(tmp_path / "tagger"))))
    pixels = tagger.prepare(picture(tmp_path / "a.png", colour, (16, 16)))
    assert tagger.look([pixels])[0].scores["general"][0][0] == tag
    swapped = tagger.look([pixels[:, :, ::-1].copy()])[0].scores["general"][0][0]
    assert (swapped == tag) == (colour == "lime")


@pytest.mark.parametrize(
    "how", [{"layout": "NCHW"}, {"half": True}, {"batch": 1}, {"batch": 3}, {"logits": True}], ids=str
)
def test_layout_numbers_batch_and_scale_come_from_the_model(tmp_path: Path, how: dict[str, object]) -> None:
    plain = open_wd14(Wd14Settings(str(tiny_wd14(tmp_path / "plain"))))
    other = open_wd14(Wd14Settings(str(tiny_wd14(tmp_path / "other", **how)), batch=2))
    assert other.batch == how.get("batch", 2)
    paths = [picture(tmp_path / f"{colour}.png", colour) for colour in ("red", "blue")]
    for path in paths:
        assert dict(seen(other, path).scores["general"]) == pytest.approx(
            dict(seen(plain, path).scores["general"]), abs=2e-3
        )


def test_a_batch_is_each_picture_by_itself(tmp_path: Path) -> None:
    tagger = open_tagger(Wd14Settings(str(tiny_wd14(tmp_path / "tagger")), batch=4))
    colours = ["red", "blue", "lime", "white", "black", "red"]
    paths = [str(picture(tmp_path / f"{i}.png", colour)) for i, colour in enumerate(colours)]
    together = list(outcomes(tagger, paths))
    alone = [outcome for path in paths for outcome in outcomes(tagger, [path])]
    assert [getattr(one, "picture", "") for one in together] == paths
    for one, other in zip(together, alone):
        assert {c: dict(rows) for c, rows in one.scores.items()} == {  # type: ignore[union-attr]
            c: pytest.approx(dict(rows), abs=1e-5)
            for c, rows in other.scores.items()  # type: ignore[union-attr]
        }


def test_thresholds_move_without_the_model(tmp_path: Path) -> None:
    tagger = open_tagger(Wd14Settings(str(tiny_wd14(tmp_path / "tagger"))))
    (found,) = outcomes(tagger, [str(picture(tmp_path / "a.png", "red", (16, 16)))])
    assert chosen(found, Selection()) == ("anna (frozen)", "red hair", "^_^")  # type: ignore[arg-type]
    assert chosen(found, Selection({"general": 0.9, "character": 0.99})) == ("red hair",)  # type: ignore[arg-type]


def test_the_onnx_itself_or_the_only_one_or_model_onnx(tmp_path: Path) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    assert open_wd14(Wd14Settings(str(folder / "model.onnx"))).facts["size"] == 16
    (folder / "other.onnx").write_bytes(b"")
    assert open_wd14(Wd14Settings(str(folder))).facts["size"] == 16
    (folder / "model.onnx").rename(folder / "first.onnx")
    with pytest.raises(FormatError, match=r"has several models: first\.onnx, other\.onnx"):
        open_wd14(Wd14Settings(str(folder)))
    with pytest.raises(FormatError, match=r"neither a folder nor an \.onnx"):
        open_wd14(Wd14Settings(str(tmp_path / "nowhere")))


def test_a_table_of_another_model(tmp_path: Path) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    write_csv(folder, [("one", 0), ("two", 0)])
    with pytest.raises(FormatError, match=r"gives 8 scores, and its table has 2 tags"):
        open_wd14(Wd14Settings(str(folder)))
    model = tiny_graph(logits=True)  # one whose number of scores shows only when it runs
    model.graph.node[-1].output[0] = "sum"
    model.graph.node.append(helper.make_node("Compress", ["sum", "all"], ["scores"], axis=1))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(8, bool), "all"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "tags"
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(TaggerStopped, match=r"gives 8 scores, and its table has 2 tags"):
        open_wd14(Wd14Settings(str(folder)))


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_truncated_model(tmp_path: Path, keep: int) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[:keep])
    with pytest.raises(FormatError, match=r"model\.onnx: (is no ONNX model, or is cut off|onnxruntime cannot open)"):
        open_wd14(Wd14Settings(str(folder)))


def outside_weights(folder: Path, location: str) -> None:
    """Let the model's bias lie in another file."""
    model = onnx.load_model(folder / "model.onnx")
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "bias")
    bias.ClearField("raw_data")
    bias.data_location = TensorProto.EXTERNAL
    entry = bias.external_data.add()
    entry.key, entry.value = "location", location
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def test_weights_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    weights = np.zeros(8, np.float32).tobytes()
    (tmp_path / "secret.bin").write_bytes(weights)
    os.symlink(tmp_path / "secret.bin", folder / "link.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin"):
        outside_weights(folder, location)
        with pytest.raises(FormatError, match="wants to read weights outside its own folder; it is not opened"):
            open_wd14(Wd14Settings(str(folder)))
        tiny_wd14(folder)
    outside_weights(folder, "missing.bin")
    with pytest.raises(FormatError, match=r"a file with its weights is missing or cut off"):
        open_wd14(Wd14Settings(str(folder)))
    tiny_wd14(folder)
    outside_weights(folder, "inside.bin")
    (folder / "inside.bin").write_bytes(weights)
    assert open_wd14(Wd14Settings(str(folder))).facts["size"] == 16


def test_a_model_of_something_else(tmp_path: Path) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    words = helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", 77])
    out = helper.make_tensor_value_info("scores", TensorProto.INT64, ["N", 77])
    graph = helper.make_graph([helper.make_node("Identity", ["ids"], ["scores"])], "words", [words], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(FormatError, match=r"is no model of pictures: it wants tensor\(int64\) \['N', 77\]"):
        open_wd14(Wd14Settings(str(folder)))
    (folder / "model.onnx").write_bytes(tiny_graph(size=4).SerializeToString())
    with pytest.raises(FormatError, match="wants pictures of 4 x 4; a square is expected"):
        open_wd14(Wd14Settings(str(folder)))


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    folder = tiny_wd14(tmp_path / "tagger")
    model = onnx.load_model(folder / "model.onnx")
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "bias")
    bias.raw_data = np.full(8, np.nan, np.float32).tobytes()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(TaggerStopped, match="its scores are not finite"):
        open_wd14(Wd14Settings(str(folder)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is no table of tags"),
        (b"a,b\n1,2\n", "is no table of tags"),
        (b"tag_id,name,category,count\n", "has no tags"),
        (b"tag_id,name,category,count\n1,cat\n", "line 2: is no tag with a name and a category"),
        (b"tag_id,name,category,count\n1,,0,3\n", "line 2: is no tag"),
        (b"tag_id,name,category,count\n1," + b"x" * 600 + b",0,3\n", "line 2: is no tag"),
        (b'tag_id,name,category,count\n1,"' + b"x" * 200_000, "is no line of a table|is no tag"),
        (b"tag_id,name,category,count\n1,\xff\xfe,0,3\n", "is not in UTF-8"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "selected_tags.csv").write_bytes(text)
    with pytest.raises(FormatError, match=sentence):
        read_selected_tags(tmp_path / "selected_tags.csv")


def test_a_table_of_a_million_rows(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_text("tag_id,name,category,count\n" + "1,cat,0,5\n" * 1_000_000, "utf-8")
    with pytest.raises(FormatError, match=f"has more than {MOST_TAGS:,} tags"):
        read_selected_tags(path)
    path.write_text("tag_id,name,category,count\n" + f"1,{'x' * 60},0,5\n" * 1_000_000, "utf-8")
    with pytest.raises(FormatError, match="is larger than 32 MB"):
        read_selected_tags(path)


def test_names_with_commas_and_marks(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_bytes(b'\xef\xbb\xbftag_id,name,category,count\r\n1,"a,b",0,5\r\n\r\n2,c,17,5\r\n')
    table = read_selected_tags(path)
    assert table.names == ("a,b", "c")
    assert table.categories == {"general": (0,), "other": (1,)}
