"""The restricted reader on torn and invented files: it reads them or refuses them, and no other error escapes."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kohya_like.formats.headers import identify
from kohya_like.formats.unpickle import load_pickle
from kohya_like.schema.errors import FormatError
from tests.formats.bad_pickles import saved, zipped

SEEDS = [
    saved({"state_dict": {"a": torch.ones(3), "b": torch.ones(2, 2).half()}, "epoch": 1, "k": [1, (2, "x")]}, flag)
    for flag in (False, True)
]


def survives(path: Path, data: bytes) -> bool:
    """Whether the file loads; anything but a FormatError fails the test."""
    path.write_bytes(data)
    try:
        identify(path)
        load_pickle(path)
        return True
    except FormatError:
        return False


def mutant(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        choice = rng.random()
        if choice < 0.6:
            data[at] = rng.randrange(256)
        elif choice < 0.8:
            del data[at : at + rng.randint(1, 8)]
        else:
            data[at:at] = rng.choice(
                (b"R", b"\x93", b"(", b"t", b"}", b"s", b"h\x01", b"Q", b"\x85", b"b", b"\x81", b"0")
            )
    return bytes(data)


def fuzz(path: Path, rounds: int) -> int:
    """Mutants of whole files, and of the pickle alone inside an intact archive."""
    rng, loaded = random.Random(11), 0
    with zipfile.ZipFile(io.BytesIO(SEEDS[0])) as file:
        members = {name.partition("/")[2]: file.read(name) for name in file.namelist()}
    extra = {f"m/{name}": data for name, data in members.items() if name not in ("data.pkl", "version", "byteorder")}
    for number in range(rounds):
        if number % 3:
            data = zipped(mutant(rng, members["data.pkl"]), extra)
        else:
            data = mutant(rng, rng.choice(SEEDS))
        loaded += survives(path, data)
    return loaded


def test_mutants_raise_only_format_errors(tmp_path: Path) -> None:
    loaded = fuzz(tmp_path / "mutant.pt", 1200)
    assert 0 < loaded < 1200  # some flips hit data only, most do not


@pytest.mark.full
def test_many_more_mutants(tmp_path: Path) -> None:
    assert fuzz(tmp_path / "mutant.pt", 60_000) > 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from([bytes([c]) for c in range(256)] + [b"K\x01", b"X\x01\x00\x00\x00a", b"cx\ny\n"]), max_size=60
    )
)
def test_any_sequence_of_opcodes(tmp_path_factory: pytest.TempPathFactory, opcodes: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "opcodes.pt"
    assert survives(path, zipped(b"\x80\x02" + b"".join(opcodes) + b".")) in (True, False)
