"""setup.sh, run.sh and gui.sh against a stub of Python that writes down what it was asked: order, options, exit codes.

The stub answers as the real one would where an answer is wanted; nothing is installed and nothing downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements-torch.lock", "requirements.lock", "requirements-test.lock")
STUB = """#!/usr/bin/env bash
echo "$*" >>"$STUB_LOG"
case "$*" in
  -\\ *) cat >/dev/null; [[ " ${STUB_REACHABLE:-} " == *" $2 "* ]] ;;
  *qt_libraries.py) echo -n "${STUB_MISSING:-}" ;;
  *" install "*) [[ -z ${STUB_BROKEN:-} || "$*" != *"$STUB_BROKEN"* ]] ;;
  *kohya_like\\ *) exit "${STUB_EXIT:-0}" ;;
esac
"""
TORCH = next(line for line in (ROOT / "requirements-torch.lock").read_text().splitlines() if "==" in line)
CPU = "https://download.pytorch.org/whl/cpu"


class House:
    """A copy of the scripts with a stub for its .venv/bin/python and no nvidia-smi but the one a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / "asked"
        for name in ("setup.sh", "run.sh", "gui.sh", *LOCKS):
            shutil.copy(ROOT / name, root / name)
        self.bin = root / "bin"
        self.bin.mkdir()
        self.program(root / ".venv/bin/python", STUB)

    @staticmethod
    def program(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def call(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        base = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.root), "STUB_LOG": str(self.log)}
        own = [str(self.root / command[0]), *command[1:]]
        return subprocess.run(
            own, env={**base, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()

    def installs(self) -> list[str]:
        return [line.partition(" install ")[2] for line in self.asked() if " install " in line]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_torch_comes_first_by_exact_version_then_the_lock_with_hashes(house: House) -> None:
    done = house.call("setup.sh", "--torch", "plain")
    assert done.returncode == 0, done.stderr
    first, lock, last = house.installs()
    assert first.endswith(f"--no-deps --force-reinstall {TORCH}")
    assert "--no-deps --require-hashes" in lock and lock.endswith("requirements.lock")
    assert last.endswith(TORCH) and "--no-deps" not in last  # the CUDA libraries of that build
    assert TORCH in done.stdout and "sha256 checked" in done.stdout  # said before it is downloaded


def test_a_second_call_installs_nothing(house: House) -> None:
    house.call("setup.sh", "--torch", "plain")
    again = house.call("setup.sh")
    assert "Everything is installed." in again.stdout
    assert house.installs() == []


def test_an_interrupted_installation_is_done_again_and_a_finished_one_is_not_claimed(house: House) -> None:
    stopped = house.call("setup.sh", "--torch", "plain", STUB_BROKEN="requirements.lock")
    assert stopped.returncode == 1 and "PIP_INDEX_URL" in stopped.stderr
    assert "Ready" not in stopped.stdout
    assert len(house.installs()) == 2
    assert house.call("setup.sh").returncode == 0
    assert len(house.installs()) == 3


def test_the_extras_of_the_tests_come_when_asked_for(house: House) -> None:
    house.call("setup.sh", "--torch", "plain")
    assert house.call("setup.sh", "--test").returncode == 0
    assert house.installs()[-1].endswith("requirements-test.lock")
    house.call("setup.sh", "--test")
    assert house.installs() == []


@pytest.mark.parametrize(
    "choice, gpu, expected",
    [
        ("auto", "580.65.06, 8.9", ""),
        ("auto", "550.54.14, 8.9", "--extra-index-url https://download.pytorch.org/whl/cu126"),  # older driver
        ("auto", "580.65.06, 6.1", "--extra-index-url https://download.pytorch.org/whl/cu126"),  # GTX 1080
        ("cuda", "", ""),
        ("cpu", "580.65.06, 8.9", f"--extra-index-url {CPU}"),
        ("auto", "", f"--extra-index-url {CPU}"),
        ("rocm", "", "--extra-index-url https://download.pytorch.org/whl/rocm7.2"),
        ("https://mirror.example/whl/cpu", "", "--extra-index-url https://mirror.example/whl/cpu"),
        ("https://mirror.example/links", "", "--find-links https://mirror.example/links"),
    ],
)
def test_the_build_of_torch_suits_the_machine(house: House, choice: str, gpu: str, expected: str) -> None:
    if gpu:
        house.program(house.bin / "nvidia-smi", f"#!/bin/sh\necho '{gpu}'\n")
    indexes = [f"https://download.pytorch.org/whl/{name}" for name in ("cpu", "cu126", "rocm7.2")]
    reachable = [f"{url}/torch/" for url in [*indexes, "https://mirror.example/whl/cpu"]]
    done = house.call(
        "setup.sh", "--torch", choice, STUB_REACHABLE=" ".join([*reachable, "https://mirror.example/links/"])
    )
    assert done.returncode == 0, done.stderr
    options = house.installs()[0].partition("--force-reinstall ")[2].removesuffix(TORCH).strip()
    assert options == expected


def test_without_the_index_auto_takes_pips_own_and_a_named_one_is_refused(house: House) -> None:
    named = house.call("setup.sh", "--torch", "cpu")
    assert named.returncode == 1 and f"{CPU} does not answer" in named.stderr
    assert house.installs() == []
    assert house.call("setup.sh").returncode == 0
    assert house.installs()[0].endswith(f"--force-reinstall {TORCH}")


def test_a_mirror_is_named_without_its_password(house: House) -> None:
    done = house.call("setup.sh", "--torch", "plain", PIP_INDEX_URL="https://me:secret@mirror.example/simple")
    assert "https://mirror.example/simple" in done.stdout and "secret" not in done.stdout


@pytest.mark.parametrize("options", [["--torch"], ["--torch", "tpu"], ["--torch", "http://plain.example"], ["--nix"]])
def test_wrong_options_install_nothing(house: House, options: list[str]) -> None:
    done = house.call("setup.sh", *options)
    assert done.returncode in (1, 2) and done.stderr.startswith("setup: ")
    assert house.installs() == []


@pytest.mark.parametrize("version, right", [("3.10", False), ("3.11", True), ("3.13", True), ("3.14", False)])
def test_python_is_checked_before_anything_is_made(house: House, version: str, right: bool) -> None:
    shutil.rmtree(house.root / ".venv")
    answer = (
        f'[[ "$*" == *"<= (3, 13)"* ]] && exit {int(not right)}; echo "Python {version}.1"; [[ "$*" != *-m\\ venv* ]]\n'
    )
    house.program(house.bin / "old", "#!/usr/bin/env bash\n" + answer)
    done = house.call("setup.sh", PYTHON=str(house.bin / "old"))
    assert done.returncode == 1
    if right:
        assert "Making" in done.stdout  # it went on to make the .venv, which this stub then refuses
    else:
        assert f"Python {version}.1" in done.stderr and "sudo apt install python3.1" in done.stderr
        assert not (house.root / ".venv").exists()


def test_missing_window_libraries_stop_only_who_wants_the_window(house: House) -> None:
    missing = {"STUB_MISSING": "libegl1\nlibgl1\n"}
    terminal = house.call("setup.sh", "--torch", "plain", **missing)
    assert terminal.returncode == 0 and "sudo apt install libegl1 libgl1" in terminal.stdout
    window = house.call("setup.sh", "--window", **missing)
    assert window.returncode == 1 and "sudo apt install libegl1 libgl1" in window.stderr


@pytest.fixture
def installed(house: House) -> House:
    for name in LOCKS:
        (house.root / ".venv/installed").mkdir(exist_ok=True)
        shutil.copy(house.root / name, house.root / ".venv/installed" / name)
    return house


def test_verbs_and_exit_codes_pass_through(installed: House) -> None:
    done = installed.call("run.sh", "check", "a file.toml", "--json", STUB_EXIT="7")
    assert done.returncode == 7 and done.stdout == ""
    assert installed.asked() == ["-P -m kohya_like check a file.toml --json"]  # one process, no setup


def test_the_window_opens_without_a_verb_and_from_gui_sh(installed: House) -> None:
    installed.call("run.sh")
    assert installed.asked() == ["-P -m gui"]
    installed.call("gui.sh", "--listen", "0.0.0.0")
    assert installed.asked() == ["-P -m gui --listen 0.0.0.0"]


@pytest.mark.parametrize(
    "given, expected",
    [
        ([], "-m not full"),
        (["--quick", "-x"], "-m quick and not full -x"),
        (["--full", "tests/data"], "-m  tests/data"),
    ],
)
def test_the_tests_run_on_two_cores(installed: House, given: list[str], expected: str) -> None:
    installed.call("run.sh", "test", *given)
    assert installed.asked() == [f"-m pytest -n 2 --dist worksteal {expected}"]


def test_a_changed_lock_is_installed_before_the_verb_and_stdout_stays_the_verbs(installed: House) -> None:
    with (installed.root / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    done = installed.call("run.sh", "doctor")
    assert done.returncode == 0 and done.stdout == "" and "requirements" not in done.stdout
    assert any(line.endswith("requirements.lock") for line in installed.installs())
    assert installed.asked()[-1] == "-P -m kohya_like doctor"
    installed.call("run.sh", "doctor")
    assert installed.installs() == []


def test_a_failed_setup_ends_the_verb(installed: House) -> None:
    (installed.root / ".venv/installed/requirements.lock").unlink()
    done = installed.call("run.sh", "train", "x.toml", STUB_BROKEN="requirements.lock")
    assert done.returncode == 1
    assert not any("kohya_like train" in line for line in installed.asked())


def locked(name: str) -> dict[str, str]:
    """Package -> the rest of its entry: version, marker and hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {m[1]: m[2] for m in re.finditer(r"^([a-z0-9-]+)(==[^\n]*(?:\n    [^\n]*)*)", text, re.MULTILINE)}


def test_every_locked_package_has_a_version_and_hashes() -> None:
    for name in LOCKS[1:]:
        entries = locked(name)
        lines = [line for line in (ROOT / name).read_text().splitlines() if re.match(r"[a-z]", line)]
        assert len(entries) == len(lines) > 15
        assert all("--hash=sha256:" in rest for rest in entries.values())
        assert not {p for p in entries if p == "torch" or p.startswith(("nvidia", "triton"))}
    assert not locked(LOCKS[1]).keys() & locked(LOCKS[2]).keys()


def test_no_lock_names_a_build_or_a_path() -> None:
    for name in LOCKS:
        text = (ROOT / name).read_text()
        assert "+cpu" not in text and "+cu" not in text and "file:" not in text and " @ " not in text
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+", TORCH)


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(wanted: list[str]) -> set[str]:
        return {re.split(r"[<>=~! ]", item)[0].lower().replace("_", "-") for item in wanted}

    main = locked("requirements.lock").keys() | {"torch"}
    assert names(project["dependencies"]) <= main
    assert names(project["optional-dependencies"]["test"]) <= main | locked("requirements-test.lock").keys()


def test_scripts_may_be_started() -> None:
    for name in ("setup.sh", "run.sh", "gui.sh", ".ci/run", ".ci/lock"):
        assert os.access(ROOT / name, os.X_OK), f"{name} has no run bit"
        assert subprocess.run(["bash", "-n", str(ROOT / name)], capture_output=True).returncode == 0
