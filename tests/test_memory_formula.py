"""The estimate of a fine-tune's memory against a step walked through at real size, tensor by tensor."""

from __future__ import annotations

import pytest

from benchmarks.memory import CASES, GB, Case, LiveBytes, counted, estimated

WITHIN = 0.10
REAL = [case for case in CASES if case.family in ("sd1", "sdxl")]


def name(case: Case) -> str:
    return "-".join(str(value) for value in vars(case).values())


def test_live_bytes_counts_what_is_alive() -> None:
    import torch

    with LiveBytes() as live:
        first = torch.zeros(1000)
        view = first[:10]
        second = first + 1
        assert (live.now, live.peak) == (8000, 8000)
        del first
        assert live.now == 8000, "a view keeps its storage"
        del view, second
        assert (live.now, live.peak) == (0, 8000)


@pytest.mark.full
@pytest.mark.parametrize("case", REAL, ids=name)
def test_the_formula_is_within_a_tenth_of_what_was_counted(case: Case) -> None:
    """SD1.5 at 512 px and SDXL at 1024 px, checkpointing on and off, in five ways."""
    real, said = counted(case), estimated(case)
    assert abs(said / real - 1) < WITHIN, f"{said / GB:.2f} GB estimated, {real / GB:.2f} GB counted"


@pytest.mark.full
def test_control_a_batch_more_is_seen() -> None:
    """Of what does not grow with it, the weights and moments, the count takes no notice."""
    one, two = counted(Case("sd1", False, "no")), counted(Case("sd1", False, "no", batch=4))
    assert two > 1.1 * one
    assert abs(estimated(Case("sd1", False, "no", batch=4)) / two - 1) < WITHIN
    assert abs(estimated(Case("sd1", False, "no")) / two - 1) > WITHIN
