"""State folders: complete or not there, checked before they are used, and only for the run they belong to."""

from __future__ import annotations

import dataclasses
import random
import shutil
from pathlib import Path

import pytest
import torch

from kohya_like.checkpoint import MANIFEST, Position, State, StateStore, check_same_run
from kohya_like.schema.errors import FormatError, UserError

pytestmark = pytest.mark.quick

HERE = Position(0, 7, "base", "plan")


def state(step: int) -> State:
    generator = torch.Generator().manual_seed(step)
    moments = {"exp_avg": torch.randn(3, 4, generator=generator), "step": torch.tensor(float(step))}
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 0.1, "params": [0], "betas": (0.9, 0.99)}]}
    trained = {"a.lora_down.weight": torch.randn(4, 3, generator=generator), "a.alpha": torch.tensor(8.0)}
    extra = {"schedule": {"step": step}, "average": {"updates": step, "shadow": [torch.ones(2)]}}
    return State(dataclasses.replace(HERE, step=step, files=("x.safetensors",)), trained, optimizer, extra)


def equal(a: State, b: State) -> bool:
    same = a.position == b.position and a.trained.keys() == b.trained.keys()
    same = same and all(torch.equal(a.trained[k], b.trained[k]) for k in a.trained)
    mine, theirs = a.optimizer["state"][0], b.optimizer["state"][0]
    same = same and all(torch.equal(mine[k], theirs[k]) for k in mine)
    return same and a.optimizer["param_groups"] == b.optimizer["param_groups"]


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(state(5))
    found = store.newest()
    assert found is not None
    assert equal(found[0], state(5)) and found[2] == []
    assert found[0].extra["schedule"] == {"step": 5}
    assert not equal(found[0], state(6)), "the comparison sees differences"


def test_the_newest_n_are_kept(tmp_path: Path) -> None:
    store = StateStore(tmp_path, keep=2)
    for step in (1, 2, 3, 10):
        store.save(state(step))
    assert sorted(p.name for p in store.states()) == ["state-00000003", "state-00000010"]
    assert not list(tmp_path.glob(".*")), "nothing half-removed is left"


def test_saving_a_step_twice_keeps_the_first(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    path = store.save(state(5))
    inode = path.stat().st_ino
    assert store.save(state(5)) == path
    assert path.stat().st_ino == inode


def test_every_flipped_or_missing_byte_is_seen(tmp_path: Path) -> None:
    rng = random.Random(1)
    store = StateStore(tmp_path, keep=9)
    store.save(state(1))
    whole = store.save(state(2))
    backup = shutil.copytree(whole, tmp_path / "backup")
    seen = 0
    names = sorted(p.name for p in whole.iterdir())
    for trial in range(120):
        name = names[trial % len(names)]
        file = whole / name
        data = bytearray(file.read_bytes())
        match trial % 3:
            case 0:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 1:
                del data[rng.randrange(len(data)) :]
            case 2:
                data = None
        if data is None:
            file.unlink()
        else:
            file.write_bytes(data)
        found = store.newest()
        assert found is not None
        if found[0].position.step == 2:  # only a space of the manifest can change and mean the same
            assert name == MANIFEST and equal(found[0], state(2))
        else:
            assert equal(found[0], state(1))
            assert "state-00000002" in found[2][0]
            seen += 1
        shutil.rmtree(whole)
        shutil.copytree(backup, whole)
    assert seen > 110


def test_a_half_written_state_is_no_state(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(state(1))
    torn = tmp_path / "state-00000009"
    torn.mkdir()
    (torn / "trained.safetensors").write_bytes(b"half")
    found = store.newest()
    assert found is not None and found[0].position.step == 1
    assert "state-00000009" in found[2][0] and "manifest" in found[2][0]


def test_with_no_whole_state_the_user_is_told(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    assert store.newest() is None
    path = store.save(state(1))
    (path / "optimizer.pt").write_bytes(b"")
    with pytest.raises(UserError, match=r"no saved state of this run is whole:\n.*optimizer.pt is damaged"):
        store.newest()
    with pytest.raises(FormatError):
        store.load(path)


def test_a_damaged_state_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    path = store.save(state(5))
    (path / "optimizer.pt").write_bytes(b"junk")
    store.save(state(5))
    found = store.newest()
    assert found is not None and equal(found[0], state(5))


def test_all_differences_to_the_run_are_said_at_once() -> None:
    check_same_run(HERE, dataclasses.replace(HERE, step=99))
    other = Position(0, 8, "other base", "other plan")
    with pytest.raises(UserError) as caught:
        check_same_run(HERE, other)
    text = str(caught.value)
    assert "the base model is another file" in text
    assert "the seed was 7 and is now 8" in text
    assert "pictures, captions, repeats" in text
    assert "network.weights" in text
