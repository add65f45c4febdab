"""The base model and the files named beside it, as their headers tell: there, whole, of the right kind and family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.families.base import ModelFamily, PredictionType
from kohya_like.families.base import family as family_named
from kohya_like.families.detection import KINDS, base_model_facts, existing, settled_family, settled_prediction
from kohya_like.formats.headers import FileFacts
from kohya_like.preflight.readers import FRESH, Readers
from kohya_like.preflight.report import ModelRow
from kohya_like.preflight.rules import model_faults
from kohya_like.preflight.shapes import Shapes, numbers
from kohya_like.schema.errors import Fault, UserError

NOUNS = {**KINDS, "checkpoint": "a base model", "unknown": "a file of an unknown kind"}

GUESSED_FAMILY = "sd1"  # to count steps by, where the model is not there


@dataclass(frozen=True)
class ModelView:
    """The base model as its header tells; `family` is a guess where `faults` say that it is not known."""

    row: ModelRow
    family: ModelFamily
    prediction_type: PredictionType
    shapes: dict[str, Shapes]
    faults: tuple[Fault, ...]


def read_model(config: TrainConfig, readers: Readers = FRESH) -> ModelView:
    """Family, prediction type and shapes of the base model, and what is wrong with the files named beside it."""
    options = config.model
    path = Path(options.base)
    faults: list[Fault] = []
    family = family_named(GUESSED_FAMILY if options.family == "auto" else options.family)
    prediction: PredictionType = family.default_prediction_type or "epsilon"
    shapes: dict[str, Shapes] = {}
    facts: FileFacts | None = None
    try:
        if not options.base:
            raise UserError("no base model is named", "give a .safetensors or .ckpt file, or a diffusers folder")
        facts = base_model_facts(existing(path), readers.identify)
        family = settled_family(path, facts.family, options.family)
        prediction = settled_prediction(path, facts.prediction_type, options.prediction_type, family)
        shapes = dict(readers.shapes(path, family.name))
    except UserError as error:
        faults.append(file_fault(error, path, "model.base", "base-model"))
    for part in (*family.parts, "vae") if shapes else ():
        if part not in shapes and not (part == "vae" and options.vae):
            text = f"has no {part.replace('_', ' ')}"
            faults.append(Fault(text, "model.base", str(path), "choose a whole model", code="base-model"))
    if facts is not None:
        faults += model_faults(config, family, prediction, facts.prediction_type)
        faults += companion_faults(config, family, prediction, readers)
    facts = facts or FileFacts("", "")
    sizes = {part: numbers(tensors) for part, tensors in shapes.items()}
    label = family.label if facts.kind else ""
    row = ModelRow(
        str(path), facts.container, facts.kind, family.name if label else "", label, prediction, (0, 0), sizes
    )
    return ModelView(row, family, prediction, shapes, tuple(faults))


def companion_faults(config: TrainConfig, family: ModelFamily, prediction: str, readers: Readers) -> list[Fault]:
    """The VAE, the network to continue from and the component configs: there, and of the right kind."""
    found = []
    kinds = {
        "model.vae": (config.model.vae, ("vae", "checkpoint"), "a VAE"),
        "network.weights": (config.network.weights, ("lora", "lycoris", "hypernetwork"), "a network"),
    }
    for key, (given, wanted, label) in kinds.items():
        if not given:
            continue
        path = Path(given)
        try:
            facts = readers.identify(existing(path))
        except UserError as error:
            found.append(file_fault(error, path, key, "companion"))
            continue
        if facts.kind not in wanted:
            text = f"is {NOUNS.get(facts.kind, facts.kind)}, not {label}"
            found.append(Fault(text, key, str(path), f"give {label}, or leave it out", code="companion"))
        elif facts.family and facts.family != family.name and facts.kind != "vae":
            text = f"is for {family_named(facts.family).label}, the base model is {family.label}"
            found.append(Fault(text, key, str(path), "choose one of the same family", code="companion"))
        elif key == "network.weights" and facts.prediction_type and facts.prediction_type != prediction:
            text = f"was trained on a model that predicts {facts.prediction_type}, this one predicts {prediction}"
            mend = "a network learns little from the other kind"
            found.append(Fault(text, key, str(path), mend, "warning", "companion"))
    folder = config.model.config_folder
    if folder and not (Path(folder) / "unet" / "config.json").is_file():
        found.append(Fault("has no unet/config.json", "model.config_folder", folder, code="companion"))
    return found


def file_fault(error: UserError, path: Path, key: str, code: str) -> Fault:
    """A reader's sentence as a fault: the path moves from the sentence to its place."""
    text = error.text.removeprefix(f"{path}: ").rstrip(".")
    where = str(path) if text != error.text.rstrip(".") else ""
    return Fault(text, key, where, error.hint.rstrip("."), code=code)
