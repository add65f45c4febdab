"""The training method that a config asks for: one builder each, the only place that knows them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.device import DTYPES
from kohya_like.embedding_recipe import dreamartist_method, pivotal_method, textual_inversion_method
from kohya_like.families.backbone import Backbone
from kohya_like.formats.identity import quick_identity
from kohya_like.methods.base import TrainingMethod
from kohya_like.methods.finetune import Finetuning, Saving
from kohya_like.methods.finetune_options import FinetuneMethod
from kohya_like.methods.network import NetworkTraining
from kohya_like.methods.whole_model import WholeModel
from kohya_like.networks.network import Network
from kohya_like.schema.errors import UserError

Builder = Callable[[TrainConfig, Backbone, int], TrainingMethod]


def make_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """The method with all that it trains, attached to the backbone. Raises UserError where nothing would be trained."""
    return BUILDERS[config.method.name](config, backbone, seed)


def network_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """The parts with a learning rate get a network; the others are left as they are."""
    rates = trained_rates(config, backbone)
    network = Network.create(config.network, backbone.parts(*rates), backbone.family.name, seed)
    return NetworkTraining(network, rates, DTYPES[config.save.save_precision])


def trained_rates(config: TrainConfig, backbone: Backbone) -> dict[str, float]:
    """The learning rate of each part of the model that is switched on and has one above 0."""
    rates = {
        part: rate
        for part in backbone.family.parts
        if config.method.trains(part, config.network) and (rate := config.optimizer.rate(part)) > 0
    }
    if not rates:
        raise UserError("nothing would be trained: every part is switched off or has learning rate 0")
    return rates


def finetune_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """The parts with a learning rate are trained themselves."""
    method, model = config.method, config.model
    assert isinstance(method, FinetuneMethod)
    rates = trained_rates(config, backbone)
    written = WholeModel(
        Path(model.base),
        backbone.family.name,
        backbone.prediction_type,
        DTYPES[config.save.save_precision],
        Path(model.vae) if model.vae else None,
        Path(model.config_folder) if model.config_folder else None,
        quick_identity(Path(model.base)),
    )
    saving = Saving(written, method.save_model_as, method.extract_dim)
    return Finetuning(backbone.parts(*rates), rates, saving, method.stop_text_encoder_training)


BUILDERS: dict[str, Builder] = {
    "network": network_method,
    "finetune": finetune_method,
    "textual_inversion": textual_inversion_method,
    "dreamartist": dreamartist_method,
    "pivotal": pivotal_method,
}
