"""Files that a prompt names: networks and embeddings by file name, in the folders a person gives."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kohya_like.prompts.extra_networks import ExtraNetwork
from kohya_like.schema.errors import UserError

NETWORKS = (".safetensors", ".pt", ".ckpt", ".bin")
EMBEDDINGS = (".safetensors", ".pt", ".bin", ".png", ".webp", ".avif", ".jxl")
_NO_NAME = str.maketrans(dict.fromkeys(":<>\n", "_"))  # what would end a name in a prompt


class Library:
    """The files of some folders and their subfolders by name: the file's name without its last suffix."""

    def __init__(
        self, folders: Iterable[Path], suffixes: Sequence[str], belongs: Callable[[Path], bool] | None = None
    ) -> None:
        """`belongs` is asked where a name has several files. Raises UserError where a folder is none."""
        self.folders, self._belongs = list(folders), belongs
        self._files: dict[str, list[Path]] = {}
        for folder in self.folders:
            if not folder.is_dir():
                raise UserError(f"{folder}: there is no such folder")
            for root, _, names in os.walk(folder, followlinks=True):
                for path in sorted(Path(root, name) for name in names):
                    if path.suffix.lower() in suffixes:
                        self._files.setdefault(path.stem, []).append(path)

    def add(self, path: Path) -> str:
        """A file given by its path; the name that a prompt calls it by from now on."""
        path = path.absolute()
        plain = path.stem.translate(_NO_NAME)
        names = [plain, *(f"{path.parent.name.translate(_NO_NAME)}/{plain}", *(f"{plain}-{i}" for i in range(2, 1000)))]
        name = next(name for name in names if name not in self._files or _same(self._files[name], path))
        self._files[name] = [path]
        return name

    def names(self) -> list[str]:
        return sorted(self._files)

    def file(self, name: str) -> Path:
        """The file of a name that is `checked`."""
        return self._of(name)[0]

    def check(self, wanted: Iterable[ExtraNetwork]) -> None:
        """Raises UserError with every name that no file has, or that several have."""
        names = dict.fromkeys(network.name for network in wanted)
        if faults := [fault for name in names if (fault := self._fault(name))]:
            where = ", ".join(map(str, self.folders))
            raise UserError(
                "\n".join(faults), f"looked for in {where}" if where else "give their folder: --network-dir"
            )

    def check_name(self, name: str) -> None:
        """Raises UserError where not exactly one file has the name."""
        if fault := self._fault(name):
            raise UserError(fault)

    def _fault(self, name: str) -> str:
        found = self._of(name)
        if not found:
            near = difflib.get_close_matches(name, self._files, n=3, cutoff=0.5)
            return f"{name}: no file of that name" + (f" (near: {', '.join(near)})" if near else "")
        if len(found) > 1:
            return f"{name}: several files of that name: {', '.join(map(str, found))}"
        return ""

    def _of(self, name: str) -> list[Path]:
        """The files of a name; of several only those that belong here, if there are any."""
        found = self._files.get(name, [])
        if len(found) > 1 and self._belongs is not None:
            self._files[name] = found = [path for path in found if self._belongs(path)] or found
        return found


def _same(paths: Sequence[Path], path: Path) -> bool:
    return any(each.absolute() == path for each in paths)
