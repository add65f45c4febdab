"""The restricted reader refuses by name whatever is no plain data, and nothing of it runs."""

from __future__ import annotations

import io
import os
import pickle
import resource
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kohya_like.formats import archive
from kohya_like.formats.headers import identify
from kohya_like.formats.tensors import open_tensors
from kohya_like.formats.unpickle import load_pickle
from kohya_like.schema.errors import FormatError
from tests.formats.bad_pickles import CALLABLES, archive_cases, bomb_cases, code_cases, shape_cases, zipped

pytestmark = pytest.mark.quick

CASES = [
    *((f"code: {name}", data, word) for name, data, word in code_cases("CANARY_PATH_0000000000")),
    *((f"shape: {name}", data, word) for name, data, word in shape_cases()),
    *((f"bomb: {name}", data, word) for name, data, word in bomb_cases()),
    *((f"archive: {name}", data, word) for name, data, word in archive_cases()),
]


@pytest.fixture
def nothing_runs() -> Iterator[list[str]]:
    """What a payload would do is noted by Python's audit: processes, connections, files of its name."""
    noted: list[str] = []
    _LISTENERS.append(noted)
    yield noted
    _LISTENERS.remove(noted)


_LISTENERS: list[list[str]] = []
_NOTED = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "os.remove",
)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _LISTENERS and (event in _NOTED or (event == "open" and "CANARY" in str(arguments[0]))):
        _LISTENERS[-1].append(event)


sys.addaudithook(_audit)


@pytest.mark.parametrize(("name", "data", "word"), CASES, ids=[case[0] for case in CASES])
def test_bad_files_are_refused_and_nothing_runs(
    name: str, data: bytes, word: str, tmp_path: Path, nothing_runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.ckpt"
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if word == "NOTHING RUN":  # not worth a refusal: what stands there is data, or is never reached
        try:
            load_pickle(path)
        except FormatError as error:
            assert "nested" in error.text
    else:
        with pytest.raises(FormatError) as caught:
            load_pickle(path)
        assert word in caught.value.text and str(path) in caught.value.text
        for reader in (identify, open_tensors):
            with pytest.raises(FormatError):
                reader(path)
    assert nothing_runs == [] and [entry.name for entry in tmp_path.iterdir()] == ["model.ckpt"]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < (256 << 20) + 2 * len(data)


def test_the_corpus_is_large_and_its_code_would_run(tmp_path: Path, nothing_runs: list[str]) -> None:
    """The control: Python's own reader runs the first of them."""
    canary = tmp_path / "canary"
    assert len(CASES) >= 150 and len(CALLABLES) >= 60
    _, data, _ = next(code_cases(str(canary)))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        pickle.Unpickler(io.BytesIO(file.read("m/data.pkl"))).load()
    assert canary.exists() and "os.system" in nothing_runs


@pytest.mark.parametrize("delta", [-1, 0, 1])
def test_the_number_of_members_is_limited(delta: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 10)
    path = tmp_path / "m.pt"
    path.write_bytes(zipped(pickle.dumps({}, 2), {f"m/data/{i}": b"" for i in range(7 + delta)}))
    if delta <= 0:
        assert load_pickle(path) == {}
    else:
        with pytest.raises(FormatError, match="holds 11 members; at most 10"):
            load_pickle(path)


def test_the_file_may_vanish_or_be_forbidden(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pt", tmp_path):
        with pytest.raises(FormatError):
            load_pickle(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="not an ordinary file"):
        load_pickle(tmp_path / "pipe")
