"""How the pictures of a dataset are: near-duplicates and pictures worth a second look, and a clean copy without them.

Nothing is ever deleted: the plan for mending is a copy of the dataset in a new folder, which the preset may then name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_tools.copies import CopyPlan, Shaping, pictures_in, plan_copies
from dataset_tools.duplicates import DEFAULT_DISTANCE, DuplicateGroup, find_duplicates
from dataset_tools.facts_store import FactsStore
from dataset_tools.quality import Finding, QualityRules
from kohya_like.data.records import plain
from kohya_like.schema.errors import UserError

REASONS = ("duplicate", "damaged", "soft", "small", "long")  # for which a picture may be left out of the clean copy


@dataclass(frozen=True)
class Health:
    """What was found in `pictures` pictures. `is_whole` is False where the look was cut short."""

    pictures: int
    groups: tuple[DuplicateGroup, ...]
    findings: tuple[Finding, ...]
    is_whole: bool = True

    def left_out(self, reasons: Collection[str]) -> frozenset[Path]:
        """The pictures that a clean copy leaves out; of each group of duplicates the best one stays."""
        out = {finding.path for finding in self.findings if finding.kind in reasons}
        if "duplicate" in reasons:
            for group in self.groups:
                kept = next((path for path in group.pictures if path not in out), None)
                out |= {path for path in group.pictures if path != kept}
        return frozenset(out)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "pictures": self.pictures,
            "is_whole": self.is_whole,
            "groups": [[str(path) for path in group.pictures] for group in self.groups],
            "findings": [
                {"path": str(one.path), "kind": one.kind, "value": one.value, "text": one.text} for one in self.findings
            ],
        }


def look_over(
    folders: Sequence[Path],
    rules: QualityRules,
    store: FactsStore,
    distance: int = DEFAULT_DISTANCE,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Health:
    """Decode every picture of the folders and of those below once; what is remembered is not decoded again.

    Raises:
        UserError: a folder is not there, or none holds a picture.
    """
    paths: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{plain(str(folder))}: there is no such folder")
        paths |= dict.fromkeys(path.absolute() for path, _ in pictures_in(folder))
    if not paths:
        raise UserError(f"{', '.join(plain(str(folder)) for folder in folders)}: holds no pictures")
    facts = store.all_of(list(paths), progress, cancelled)
    groups = find_duplicates(facts, distance)
    return Health(len(facts), tuple(groups), tuple(rules.findings(facts)), len(facts) == len(paths))


def plan_clean_copy(folder: Path, target: Path, health: Health, reasons: Collection[str], shaping: Shaping) -> CopyPlan:
    """A copy of the dataset `folder` without the pictures that `reasons` name.

    Raises:
        UserError: as `plan_copies`; an unknown reason; nothing would be left.
    """
    if unknown := sorted(set(reasons) - set(REASONS)):
        raise UserError(f'"{unknown[0]}" is no reason', f"there are {', '.join(REASONS)}")
    plan = plan_copies(folder.absolute(), target.absolute(), shaping, health.left_out(reasons))
    if not plan.copies:
        raise UserError("no picture would be left", "leave out fewer")
    return plan
