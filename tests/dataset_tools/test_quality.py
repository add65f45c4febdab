"""Each remark is made about the picture that deserves it, and about no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_tools.picture_facts import PictureFacts
from dataset_tools.quality import QualityRules

pytestmark = pytest.mark.quick

GOOD = PictureFacts((768, 768), 1, 1, 200.0)


@pytest.mark.parametrize(
    ("facts", "kinds", "words"),
    [
        (GOOD, [], ""),
        (PictureFacts((512, 512), 1, 1, 60.0), [], ""),
        (PictureFacts((500, 512), 1, 1, 200.0), ["small"], "500x512 pixels; 512x512 wants 0.26 MP"),
        (PictureFacts((768, 768), 1, 1, 59.0), ["soft"], "sharpness 59, under 60"),
        (PictureFacts((2000, 500), 1, 1, 200.0), ["long"], "2000x500 pixels, 4.0 to 1; over 2.5 to 1"),
        (PictureFacts((500, 2000), 1, 1, 200.0), ["long"], "500x2000 pixels, 4.0 to 1; over 2.5 to 1"),
        (PictureFacts((768, 768), 1, 1, 200.0, True), ["transparent"], "has transparency, which is trained as white"),
        (PictureFacts(fault="the file is cut off"), ["damaged"], "the file is cut off"),
    ],
)
def test_remarks(facts: PictureFacts, kinds: list[str], words: str) -> None:
    found = QualityRules().findings({Path("good.png"): GOOD, Path("a.png"): facts})
    assert [(one.path.name, one.kind) for one in found] == [("a.png", kind) for kind in kinds]
    assert [one.text for one in found] == ([words] if words else [])


def test_the_limits_are_those_given() -> None:
    rules = QualityRules((1024, 1024), sharpness=300, aspect=1.0)
    assert [one.kind for one in rules.findings({Path("a"): GOOD})] == ["small", "soft"]
