"""Files by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from kohya_like.prompts.extra_networks import ExtraNetwork
from kohya_like.prompts.library import NETWORKS, Library
from kohya_like.schema.errors import UserError

pytestmark = pytest.mark.quick


def filled(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def wanted(*names: str) -> list[ExtraNetwork]:
    return [ExtraNetwork("lora", name) for name in names]


def test_files_are_found_by_their_names_below_the_folders(tmp_path: Path) -> None:
    library = Library([filled(tmp_path, "ghost.safetensors", "more/old.style.pt", "notes.txt", "汉字.ckpt")], NETWORKS)
    assert library.names() == ["ghost", "old.style", "汉字"]
    library.check(wanted("ghost", "old.style", "汉字"))
    assert library.file("old.style") == tmp_path / "more" / "old.style.pt"


def test_all_unknown_names_are_listed_with_the_nearest(tmp_path: Path) -> None:
    library = Library([filled(tmp_path, "ghost.safetensors", "ghosts-v2.safetensors")], NETWORKS)
    with pytest.raises(UserError) as fault:
        library.check(wanted("gost", "ghost", "quite other", "gost"))
    assert fault.value.text == "gost: no file of that name (near: ghost, ghosts-v2)\nquite other: no file of that name"
    assert fault.value.hint == f"looked for in {tmp_path}"
    with pytest.raises(UserError, match="--network-dir"):
        Library([], NETWORKS).check(wanted("ghost"))


def test_a_name_of_two_files_is_refused_only_when_it_is_used(tmp_path: Path) -> None:
    library = Library([filled(tmp_path, "a/x.pt", "b/x.pt", "y.pt")], NETWORKS)
    library.check(wanted("y"))
    with pytest.raises(UserError, match="x: several files of that name"):
        library.check(wanted("x"))


def test_of_two_files_of_a_name_that_one_counts_which_belongs(tmp_path: Path) -> None:
    """A network and its word, as pivotal tuning writes them; the word alone is still found."""
    folder = filled(tmp_path, "x.pt", "x.safetensors", "y.pt")
    library = Library([folder], NETWORKS, lambda path: path.suffix == ".safetensors")
    library.check(wanted("x", "y"))
    assert (library.file("x"), library.file("y")) == (folder / "x.safetensors", folder / "y.pt")


def test_files_given_by_path_have_names_of_their_own(tmp_path: Path) -> None:
    filled(tmp_path, "a/last.pt", "b/last.pt", "a/odd:na>me.pt")
    library = Library([], NETWORKS)
    assert [library.add(tmp_path / "a" / "last.pt") for _ in range(2)] == ["last", "last"]
    assert library.add(tmp_path / "b" / "last.pt") == "b/last"
    assert library.add(tmp_path / "a" / "odd:na>me.pt") == "odd_na_me"
    assert library.file("b/last") == tmp_path / "b" / "last.pt"


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        Library([tmp_path / "none"], NETWORKS)
