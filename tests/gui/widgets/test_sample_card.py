"""The card of a sample: one question at a time, the newest wish last, and the very pixels of the service's answer."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from gui.background import wait_for_all
from gui.widgets.sample_card import SampleCard
from tests.dataset_tools.made_pictures import put, scene
from tests.gui.desk import StillService, fault, still_desk


@pytest.fixture
def card(qtbot: QtBot, tmp_path: Path) -> SampleCard:
    card = SampleCard(still_desk(tmp_path))
    qtbot.addWidget(card)
    card.resize(900, 600)
    card.show_concept(2)
    card.show()
    return card


def service(card: SampleCard) -> StillService:
    found = card._desk.service
    assert isinstance(found, StillService)
    return found


def png(image: Image.Image) -> str:
    file = BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def answer(path: Path, **changes: Any) -> dict[str, Any]:
    values = {
        "ok": True, "path": str(path), "identity": "10_cat/a.png", "pictures": 12, "repeats": 10, "caption": "a cat, b",
        "tokens": 4, "pixels": png(scene(1, (64, 96))), "mask": "", "size": [200, 120], "bucket": [64, 96],
        "scaled": [160, 96], "box": [60.0, 0.0, 140.0, 120.0], "flipped": False, "batch": 3, "step": 2, "epochs": 5,
        "seed_is_drawn": False,
    }  # fmt: skip
    return {**values, **changes}


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def test_it_shows_the_very_pixels_and_the_part_they_are_cut_from(card: SampleCard, tmp_path: Path) -> None:
    path = put(tmp_path, "a.png", scene(1, (200, 120)))
    service(card).sampled.emit(answer(path))
    assert wait_for_all()
    assert np.array_equal(pixels(card.trained.image), np.asarray(scene(1, (64, 96))))
    assert np.array_equal(pixels(card.original.image), np.asarray(scene(1, (200, 120))))
    assert card.original.box is not None
    assert card.original.box.getRect() == pytest.approx((0.3, 0.0, 0.4, 1.0))
    assert (card.caption.text(), card.name.text()) == ("a cat, b", "10_cat/a.png")
    assert ("Bucket, cut out of it", "64 x 96") in card.facts.rows() and card.note.isHidden()
    assert (card.picture.maximum(), card.epoch.maximum(), card.repeat.maximum()) == (12, 5, 10)


def test_a_mask_darkens_what_it_leaves_out_and_nothing_else(card: SampleCard, tmp_path: Path) -> None:
    half = np.zeros((12, 8), np.uint8)
    half[:6] = 255
    path = put(tmp_path, "a.png", scene(1, (200, 120)))
    service(card).sampled.emit(answer(path, mask=png(Image.fromarray(half))))
    assert wait_for_all()
    before = pixels(card.trained.image).astype(int)
    assert not card.masked.isHidden()
    card.masked.setChecked(True)
    after = pixels(card.trained.image).astype(int)
    assert np.array_equal(after[:48], before[:48])
    assert np.abs(after[48:] - before[48:] * 0.25).max() <= 2


def test_one_question_at_a_time_and_the_newest_wish_last(card: SampleCard, tmp_path: Path) -> None:
    path = put(tmp_path, "a.png", scene(1, (200, 120)))
    assert service(card).asked == [("sample", "", str(card._desk.document.folder), "2", "0", "1", "0")]
    service(card).sampled.emit(answer(path))
    for _ in range(3):
        card.after.click()
    assert [asked[4] for asked in service(card).asked] == ["0", "1"], "the others wait"
    service(card).sampled.emit(answer(path, identity="late"))
    assert [asked[4] for asked in service(card).asked] == ["0", "1", "3"]
    assert card.name.text() == "10_cat/a.png", "an answer that is not wanted any more is not shown"
    service(card).sampled.emit(answer(path, identity="newest"))
    assert card.name.text() == "newest" and service(card).times("sample") == 3


def test_hidden_it_asks_nothing(card: SampleCard) -> None:
    service(card).sample_refused.emit([fault("this concept has no picture that is trained")])
    card.show_concept(None)
    assert card.isHidden()
    asked = service(card).times("sample")
    card.picture.setValue(1)
    card.show_concept(None)
    assert service(card).times("sample") == asked


def test_a_refusal_is_a_sentence_in_the_language(card: SampleCard) -> None:
    card._desk.language.set("zh_CN")
    service(card).sample_refused.emit([fault("this concept has no picture that is trained", mend="mend")])
    assert card.trained._words.startswith("这个概念没有要训练的图片")
    assert card.facts.rows() == [] and card.caption.text() == ""


def test_a_caption_of_markup_is_text_and_an_empty_one_is_said(card: SampleCard, tmp_path: Path) -> None:
    path = put(tmp_path, "a.png", scene(1, (200, 120)))
    service(card).sampled.emit(answer(path, caption="<img src=x>", seed_is_drawn=True))
    assert card.caption.text() == "<img src=x>" and "no seed" in card.note.text()
    service(card).sampled.emit(answer(path, caption=""))
    assert card.caption.text().startswith("(empty")
