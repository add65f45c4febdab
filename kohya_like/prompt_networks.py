"""The networks that prompts name, at work for these prompts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kohya_like.families.backbone import Backbone
from kohya_like.networks.base import InputResidual
from kohya_like.networks.network import Network
from kohya_like.prompts.extra_networks import ExtraNetwork
from kohya_like.prompts.library import Library
from kohya_like.schema.errors import UserError


class PromptNetworks:
    """Networks by name. Each file is read once; one that is named twice works twice."""

    def __init__(self, backbone: Backbone, library: Library) -> None:
        self._backbone, self._library = backbone, library
        self._read: dict[tuple[str, int], Network] = {}
        self._used: tuple[ExtraNetwork, ...] = ()

    def prepare(self, wanted: Iterable[Sequence[ExtraNetwork]]) -> None:
        """Read what the prompts name, so that what does not fit is said before the first picture.

        Raises UserError for names without a file, FormatError for files that do not fit the model.
        """
        prompts = [tuple(networks) for networks in wanted]
        self._library.check(network for networks in prompts for network in networks)
        for networks in prompts:
            self._chosen(networks)

    def use(self, wanted: Sequence[ExtraNetwork]) -> bool:
        """These and no others work from now on. Whether that is a change."""
        if tuple(wanted) == self._used:
            return False
        for _, network in reversed(self._chosen(self._used)):
            network.detach()
        for call, network in self._chosen(wanted):
            network.set_multiplier(call.text_encoder)
            network.set_multiplier(call.unet, "unet")
            network.attach()
        self._used = tuple(wanted)
        return True

    def _chosen(self, wanted: Sequence[ExtraNetwork]) -> list[tuple[ExtraNetwork, Network]]:
        chosen: list[tuple[ExtraNetwork, Network]] = []
        for call in wanted:
            turn = sum(call.name == other.name for other, _ in chosen)
            if (call.name, turn) not in self._read:
                self._read[call.name, turn] = attachable(self._backbone, self._library.file(call.name), call.kind)
            chosen.append((call, self._read[call.name, turn]))
        return chosen


def attachable(backbone: Backbone, file: Path, kind: str) -> Network:
    """The network of a file, not attached yet. Raises FormatError where it does not fit, UserError for another kind."""
    network = Network.from_file(file, backbone.parts(), backbone.family.name)
    network.eval()
    found = "hypernet" if isinstance(network.algorithm, InputResidual) else "lora"
    if found != kind:
        raise UserError(f"{file}: this is a {network.algorithm.title}", f"write <{found}:{file.stem}:1>")
    return network
