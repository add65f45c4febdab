"""A check's report for people: tables on a terminal, plain lines in a pipe. Foreign text is never read as markup."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kohya_like.preflight.estimate import GIB, MIB, Share
from kohya_like.preflight.report import CheckReport, ConceptRow, ModelRow, PartRow

COLORS = {"error": "bold red", "warning": "yellow", "hint": "cyan"}
SHOWN_BUCKETS, SHOWN_FILES = 12, 4
Rows = Sequence[Sequence[str]]


def render(report: CheckReport, console: Console | None = None) -> None:
    """Print the report: what would be trained, how long, what is written, what it takes, and what is wrong."""
    console = console or Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for title, header, rows in tables(report):
        _print_table(console, title, header, rows)
    for line in summary(report):
        console.print(Text(line))
    for fault in report.faults:
        console.print(Text(f"{fault.severity}: {fault}", style=COLORS[fault.severity] if console.is_terminal else ""))
    console.print(Text(verdict(report)))


def verdict(report: CheckReport) -> str:
    counts = [_times(len(report.of(level)), level) for level in ("error", "warning", "hint") if report.of(level)]
    told = f" ({', '.join(counts)})" if counts else ""
    return f"not ready{told}: mend the error{'s' * (len(report.errors) > 1)} first" if report.errors else f"ready{told}"


def tables(report: CheckReport) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """Title, header and rows of each table that has something to show."""
    if report.concepts:
        header = ("folder", "repeats", "words", "pictures", "captions", "without", "left out", "per epoch")
        yield "Pictures", header, [_concept(row) for row in report.concepts]
    if report.buckets:
        rows = [(f"{b.width}x{b.height}", str(b.samples), str(b.batches)) for b in report.buckets]
        rest = report.buckets[SHOWN_BUCKETS:]
        if rest:
            more = (f"{len(rest)} more", str(sum(b.samples for b in rest)), str(sum(b.batches for b in rest)))
            rows = [*rows[:SHOWN_BUCKETS], more]
        yield "Buckets", ("size", "pictures x repeats", "batches"), rows
    if report.parts:
        yield "Trained", ("part", "layers", "numbers", "learning rate", "from"), [_part(row) for row in report.parts]
    if report.memory:
        rows = [_share(share) for share in report.memory.shares]
        rows.append(("while training", _size(report.memory.training), ""))
        yield "Memory (estimate)", ("part", "size", "of"), [*rows, *map(_share, report.memory.other_phases)]


def summary(report: CheckReport) -> Iterator[str]:
    """The lines below the tables."""
    yield f"model: {_model(report.model)}"
    if report.held_out:
        yield f"pictures: {report.images} trained, {report.held_out} kept out for validation"
    if report.steps:
        yield f"steps: {report.steps.formula}"
        if report.steps.kohya_formula != report.steps.total:
            yield f"       (tutorials' formula, without buckets: {report.steps.kohya_formula})"
        if report.warmup_steps:
            yield f"warm-up: {report.warmup_steps} steps"
    if report.files:
        names = _some(report.files.names)
        each = f", {_size(report.files.bytes_each)} each" if report.files.bytes_each else ""
        kept = f", {report.files.kept} kept" if report.files.kept < report.files.count else ""
        yield f"files: {_times(report.files.count, 'file')}{kept}{each} in {report.files.folder}: {names}"
    if report.memory:
        free = f", {_size(report.memory.available)} free" if report.memory.available is not None else ""
        yield f"memory: about {_size(report.memory.peak)} on the {_device(report.device)}{free}; give or take a quarter"
    for need in report.disks:
        yield f"disk: {_size(need.needed)} for {need.purpose}, {_size(need.free)} free ({need.folder})"


def _print_table(console: Console, title: str, header: Sequence[str], rows: Rows) -> None:
    if not console.is_terminal:
        console.print(Text(f"{title}: {' | '.join(header)}"))
        for row in rows:
            console.print(Text("  " + " | ".join(row)))
        return
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(header):
        numeric = all(not row[number] or row[number][0].isdigit() for row in rows)
        table.add_column(name, justify="right" if numeric and number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    console.print()


def _concept(row: ConceptRow) -> tuple[str, ...]:
    captions = ", ".join(f"{count} {ending}" for ending, count in row.captions.items()) or "none"
    left_out = row.unreadable + row.too_small + row.too_large
    name = f"{row.name} (regularisation)" if row.is_reg else row.name
    without = row.missing_captions + row.empty_captions
    return (
        name, str(row.repeats), row.class_tokens, str(row.images), captions, str(without), str(left_out),
        str(row.samples),
    )  # fmt: skip


def _part(row: PartRow) -> tuple[str, ...]:
    if not row.trained:
        return (row.part, "", "", "not trained", "")
    layers = "?" if row.layers is None else str(row.layers)
    size = "?" if row.parameters is None else f"{row.parameters:,}"
    return (row.part, layers, size, f"{row.learning_rate:g}", row.rate_from)


def _model(row: ModelRow) -> str:
    if not row.kind:
        return f"{row.path or 'none'} (not readable)"
    sizes = ", ".join(f"{part} {count / 1e6:,.0f} M" for part, count in row.parameters.items())
    width, height = row.resolution
    kind = f"{row.label}, predicts {row.prediction_type}, trained at {width}x{height}"
    return f"{kind}; {row.container} {row.path} ({sizes})"


def _share(share: Share) -> tuple[str, str, str]:
    return (share.name, _size(share.bytes), share.note)


def _size(size: int | None) -> str:
    if size is None:
        return "?"
    if size >= GIB:
        return f"{size / GIB:.1f} GB"
    return f"{size / MIB:.1f} MB" if size >= MIB / 10 else f"{size / 1024:.0f} kB"


def _some(names: Sequence[str]) -> str:
    if len(names) <= SHOWN_FILES:
        return ", ".join(names)
    return ", ".join([*names[: SHOWN_FILES - 1], "...", names[-1]])


def _times(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _device(device: str) -> str:
    return {"cuda": "GPU", "mps": "GPU", "cpu": "CPU"}.get(device, device)
