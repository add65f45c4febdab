"""check: a network that does not fit the model it is for: widths of hypernetworks, large ranks, idle options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.preflight.made import checked, roomy_machine, the

pytestmark = pytest.mark.quick


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    roomy_machine(monkeypatch)
    return tmp_path


def test_widths_the_model_does_not_have_are_refused_before_the_run(place: Path) -> None:
    """The stand-in has the prompt's attention alone, of width 768."""
    fault = the(checked(place, network={"name": "hypernetwork", "sizes": [768, 1024, 2048]}), "absent-size")
    assert (fault.severity, fault.key) == ("error", "network.sizes")
    assert str(fault) == (
        "network.sizes: names 1024, 2048, but the attention of this model reads 768 "
        "(leave the others out, or leave sizes empty for all of them)"
    )
    for sizes in ([768], []):
        assert checked(place, network={"name": "hypernetwork", "sizes": sizes}).faults == ()
    assert "absent-size" not in {
        fault.code for fault in checked(
            place, network={"name": "hypernetwork", "sizes": [5]}, model={"base": str(place / "none")}
        ).faults
    }  # fmt: skip


@pytest.mark.parametrize(
    ("network", "key", "said"),
    [
        ({"dim": 512, "alpha": 1.0}, "network.dim", "512 is more than 3 of 5 layers are wide (the narrowest: 320)"),
        ({"dim": 8, "conv_dim": 321}, "network.conv_dim", "321 is more than 1 of 1 layers are wide"),
        ({"name": "loha", "dim": 400}, "network.dim", "400 is more than 3 of 5 layers are wide"),
        ({"name": "glora", "dim": 400}, "network.dim", "400 is more than 3 of 5 layers are wide"),
    ],
)
def test_a_rank_above_the_width_is_a_warning(place: Path, network: dict[str, Any], key: str, said: str) -> None:
    fault = the(checked(place, network=network), "large-rank")
    assert (fault.severity, fault.key) == ("warning", key) and said in fault.text
    assert "320 is enough there" in fault.mend


@pytest.mark.parametrize(
    "network",
    [
        {"dim": 320, "conv_dim": 320}, {"name": "lokr", "dim": 4000}, {"name": "oft", "dim": 1000},
        {"name": "boft", "dim": 1000}, {"name": "full"}, {"name": "ia3"}, {"name": "norms"},
    ],
)  # fmt: skip
def test_control_no_warning_where_the_rank_counts_or_is_none(place: Path, network: dict[str, Any]) -> None:
    assert {fault.code for fault in checked(place, network=network).faults} <= {"no-effect"}


@pytest.mark.parametrize(
    ("network", "key"),
    [
        ({"conv_dim": 4, "targets": "attn-only"}, "network.conv_dim"),
        ({"conv_dim": 4, "targets": ["unet.*.attn2.to_k"]}, "network.conv_dim"),
        ({"name": "full", "convolutions": True, "targets": "attn-only"}, "network.convolutions"),
        ({"name": "locon", "use_tucker": True, "targets": "attn-only"}, "network.use_tucker"),
    ],
)
def test_options_for_convolutions_beside_linear_layers_alone(place: Path, network: dict[str, Any], key: str) -> None:
    fault = the(checked(place, network=network), "no-effect")
    assert (fault.severity, fault.key) == ("warning", key)
    assert "no convolution larger than 1x1 is among the chosen layers" in fault.text
    assert checked(place, network={**network, "targets": "kohya"}).faults == ()
