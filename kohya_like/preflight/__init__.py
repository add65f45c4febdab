"""Everything that can be known before a model is loaded: `check` finds all faults, and counts steps, files and memory.

It reads headers and folders, decodes no picture, imports no torch, and writes nothing but remembered file hashes.
The window, `check` and `train` use the same code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.buckets import rules_of
from kohya_like.data.conflicts import conflicts as data_conflicts
from kohya_like.families.base import ModelFamily
from kohya_like.objective.options import conflicts as objective_conflicts
from kohya_like.optim.checks import conflicts as optim_conflicts
from kohya_like.optim.schedules import warmup_steps
from kohya_like.preflight.data import read_data
from kohya_like.preflight.embedding_rules import embedding_faults, embedding_fits
from kohya_like.preflight.method_rules import method_faults
from kohya_like.preflight.model import file_fault, read_model
from kohya_like.preflight.needs import needed_disk, needed_memory, planned_files
from kohya_like.preflight.network_fit import fit_faults
from kohya_like.preflight.readers import FRESH, Readers
from kohya_like.preflight.report import CheckReport, PartRow
from kohya_like.preflight.rules import config_faults, length_faults, machine_faults, rate_key
from kohya_like.preflight.trainable import TrainedPart, choice_faults, count_trained
from kohya_like.schema.errors import Fault, UserError
from kohya_like.schema.toml import Document


def check(config: TrainConfig, document: Document | None = None, readers: Readers = FRESH) -> CheckReport:
    """All that is wrong, and all that can be counted. `document` gives the faults their lines.

    A missing part (no model, no folder) does not hide what else is wrong: the rest is still worked out.
    """
    faults = [
        *config_faults(config),
        *method_faults(config, document),
        *embedding_faults(config),
        *data_conflicts(config.data),
    ]
    model = read_model(config, readers)
    machine = readers.machine(config.hardware.device)
    resolution = model.family.resolution(model.prediction_type)
    rules = rules_of(config.data, resolution, model.family.bucket_step)
    data = read_data(config, rules, readers)
    faults += [*model.faults, *data.faults, *machine_faults(config, machine.device, machine.cards)]
    faults += objective_conflicts(config.objective, model.prediction_type)
    total = data.steps.total if data.steps else None
    faults += optim_conflicts(config.optimizer, config.schedule, total)
    if data.steps and data.plan:
        faults += length_faults(config, data.steps, data.plan.batches_per_epoch)
    faults += sample_faults(config, rules.resolution)
    faults += embedding_fits(config, model.shapes)
    trained = count_trained(config.method, config.network, model.shapes)
    if config.method.uses_network:
        faults += fit_faults(config.network, model.shapes)
        adapted = [part for part in model.shapes if part != "vae" and config.network.trains(part)]
        parts = [part for part in adapted if config.optimizer.rate(part) > 0]
        faults += choice_faults(config.network, model.shapes, parts)
    files, file_faults = planned_files(config, model, data, trained)
    needed, memory_faults = needed_memory(config, model, data, trained, machine)
    disks, disk_faults = needed_disk(config, data, trained, files)
    faults += [*file_faults, *memory_faults, *disk_faults]
    row = replace(model.row, resolution=rules.resolution)
    return CheckReport(
        faults=tuple(placed(faults, document)),
        model=row,
        concepts=data.concepts(),
        images=len(data.train),
        held_out=data.held_out,
        buckets=data.buckets(),
        steps=data.steps,
        warmup_steps=warmup_steps(config.schedule.lr_warmup_steps, total) if total else 0,
        parts=part_rows(config, model.family, trained, bool(model.shapes)),
        files=files,
        memory=needed,
        disks=disks,
        device=machine.device,
    )


def placed(faults: Iterable[Fault], document: Document | None) -> list[Fault]:
    """Each fault once, errors first, with the line of its option where it has no place of its own."""
    order = {"error": 0, "warning": 1, "hint": 2}
    found = dict.fromkeys(faults)
    if document is not None:
        found = dict.fromkeys(
            replace(fault, where=document.where(fault.key)) if fault.key and not fault.where else fault
            for fault in found
        )
    return sorted(found, key=lambda fault: order[fault.severity])


def part_rows(
    config: TrainConfig, family: ModelFamily, trained: list[TrainedPart], counted: bool
) -> tuple[PartRow, ...]:
    """Every part of the model, trained or not, with its rate and where that comes from."""
    counts = {row.part: row for row in trained}
    rows = []
    for part in family.parts:
        rate, row = config.optimizer.rate(part), counts.get(part)
        on = config.trains(part) and rate > 0 and (row is None or row.layers > 0)
        layers, size = (row.layers, row.parameters) if row and on else (0, 0) if counted or not on else (None, None)
        rows.append(PartRow(part, on, rate if on else 0.0, rate_key(config, part), layers, size))
    return tuple(rows)


def sample_faults(config: TrainConfig, resolution: tuple[int, int]) -> list[Fault]:
    """What is wrong with the preview prompts and their file."""
    try:
        return config.sample.parsed(resolution)[1]
    except UserError as error:
        return [file_fault(error, Path(config.sample.sample_prompts or ""), "sample.sample_prompts", "prompt-file")]
