"""Which class pictures are missing, where they will lie, and how `check` counts them before they are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.data import class_images
from kohya_like.data.class_images import (
    class_image_faults,
    class_prompts,
    missing_class_images,
    with_class_images,
)
from kohya_like.data.options import DataOptions
from kohya_like.data.plan import balanced_repeats
from kohya_like.data.records import Dataset
from kohya_like.data.scan import scan
from tests.data.folders_made import make

pytestmark = pytest.mark.quick

SIZE = (64, 64)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make(tmp_path, {f"train/10_sks cat/{i}.png": SIZE for i in range(4)})


def options(place: Path, **more: object) -> DataOptions:
    given = {"train_data_dir": str(place / "train"), "reg_data_dir": str(place / "reg"), "num_class_images": 6, **more}
    return DataOptions.model_validate(given)


def missing(place: Path, **more: object) -> tuple[tuple[class_images.ClassImage, ...], Dataset]:
    chosen = options(place, **more)
    dataset = scan(chosen)
    return missing_class_images(chosen, dataset), dataset


def test_all_are_missing_where_there_is_no_folder_yet(place: Path) -> None:
    images, dataset = missing(place)
    assert dataset.errors == (), "a folder that is still to be made is no fault"
    assert [image.path.relative_to(place).as_posix() for image in images] == [
        f"reg/1_cat/class-{i:05d}.png" for i in range(6)
    ]
    assert {image.prompt for image in images} == {"cat"} and len({image.seed for image in images}) == 6
    assert {image.caption_path for image in images} == {None}, "the folder's name says it"


def test_without_the_option_a_missing_folder_stays_an_error(place: Path) -> None:
    chosen = options(place, num_class_images=0)
    assert [fault.code for fault in scan(chosen).errors] == ["no-folder"]
    assert missing_class_images(chosen, scan(chosen)) == ()


def test_pictures_that_are_there_count_and_keep_their_names(place: Path) -> None:
    make(place, {"reg/5_Cat/mine.jpg": b"", "reg/5_Cat/photo.png": SIZE, "reg/5_Cat/class-00001.png": SIZE})
    images, _ = missing(place)
    assert [image.path.name for image in images] == [f"class-{i:05d}.png" for i in (0, 2, 3, 4)]
    assert {image.path.parent.name for image in images} == {"5_Cat"}
    assert len(missing(place, num_class_images=2)[0]) == 0


def test_prompts_are_the_class_words_or_what_is_given(place: Path) -> None:
    make(place, {"train/3_zwx dog/0.png": SIZE, "train/2_zwy dog/0.png": SIZE, "train/1_lonely/0.png": SIZE})
    chosen = options(place)
    assert class_prompts(chosen, scan(chosen).concepts) == ("cat", "dog")
    given = options(place, class_prompts=["a photo of a cat/dog?", "a photo of a cat/dog?"])
    images = missing_class_images(given, scan(given))
    assert len(images) == 6 and {image.path.parent.name for image in images} == {"1_a photo of a cat dog"}
    assert {image.caption_path and image.caption_path.name for image in images[:1]} == {"class-00000.txt"}


def test_the_seed_hangs_on_prompt_and_number_alone(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make(tmp_path_factory.mktemp("other"), {"train/10_sks cat/0.png": SIZE})
    assert [i.seed for i in missing(place)[0]] == [i.seed for i in missing(other)[0]]


def test_steps_are_counted_with_the_pictures_to_come(place: Path) -> None:
    images, before = missing(place)
    after = with_class_images(before, images, SIZE, options(place, prior_loss_weight=0.5))
    assert len(after.images) == 10 and after.concepts[-1].is_reg
    assert (after.concepts[-1].class_tokens, after.concepts[-1].loss_weight) == ("cat", 0.5)
    make(place, {str(image.path.relative_to(place)): SIZE for image in images})
    real = scan(options(place, prior_loss_weight=0.5))
    assert [concept.name for concept in real.concepts] == [concept.name for concept in after.concepts]
    counted, made = (sorted(balanced_repeats(d.images, d.concepts)) for d in (after, real))
    assert counted == made and sum(made) == 80


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({}, ["class-images"]),
        ({"reg_data_dir": None}, ["class-folder"]),
        ({"num_class_images": 0}, []),
        ({"num_class_images": 3}, ["class-images"]),
    ],
)
def test_what_keeps_them_from_being_drawn_is_said_before(
    place: Path, more: dict[str, object], codes: list[str]
) -> None:
    chosen = options(place, **more)
    dataset = scan(chosen)
    faults = list(class_image_faults(chosen, dataset, missing_class_images(chosen, dataset), SIZE))
    assert [fault.code for fault in faults] == codes


def test_a_folder_without_class_words_needs_a_prompt(tmp_path: Path) -> None:
    chosen = options(make(tmp_path, {"train/10_cat/0.png": SIZE}))
    dataset = scan(chosen)
    assert [f.code for f in class_image_faults(chosen, dataset, missing_class_images(chosen, dataset), SIZE)] == [
        "class-prompt"
    ]


def test_a_folder_of_one_class_is_no_place_for_another(place: Path) -> None:
    make(place, {"reg/1_cat/0.png": SIZE})
    chosen = options(place, reg_data_dir=str(place / "reg" / "1_cat"), class_prompts=["dog"])
    dataset = scan(chosen)
    faults = list(class_image_faults(chosen, dataset, missing_class_images(chosen, dataset), SIZE))
    assert faults[0].code == "class-folder" and f"give {place / 'reg'}" in str(faults[0])


def test_too_full_a_disk_is_said_before(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_images, "free_bytes", lambda folder: 1 << 20)
    chosen = options(place, num_class_images=200)
    dataset = scan(chosen)
    fault, *_ = class_image_faults(chosen, dataset, missing_class_images(chosen, dataset), SIZE)
    assert fault.code == "class-disk" and "200 pictures may need 2 MB" in str(fault) and "1 MB are free" in str(fault)


def test_concepts_can_be_seen_equally_often(place: Path) -> None:
    make(place, {f"train/1_zwx dog/{i}.png": SIZE for i in range(3)})
    make(place, {"reg/1_cat/0.png": SIZE})
    dataset = scan(options(place, num_class_images=0))
    by_repeats = _samples(dataset, equal=False)
    assert by_repeats == {"1_zwx dog": 3, "10_sks cat": 40, "1_cat": 43}
    assert _samples(dataset, equal=True) == {"1_zwx dog": 40, "10_sks cat": 40, "1_cat": 80}


def _samples(dataset: Dataset, equal: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for image, count in zip(dataset.images, balanced_repeats(dataset.images, dataset.concepts, equal)):
        name = dataset.concept_of(image).name
        found[name] = found.get(name, 0) + count
    return found
