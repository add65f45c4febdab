"""Networks into the weights of a base model for good, or out again, tensor by tensor.

    W' = W + Σ m ΔW         each ΔW as if the others were not there: what attaching them computes

ΔW is the algorithm's own (`AdaptedLayer.merge`), so that a new algorithm is merged without a line here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from kohya_like.families.base import family as family_named
from kohya_like.formats.headers import identify
from kohya_like.formats.ldm import Piece
from kohya_like.formats.tensors import Copied, Deferred, save_safetensors, sha256_file
from kohya_like.networks.layer import AdaptedLayer
from kohya_like.networks.merging import NotFiniteError, add_change, change_of_bias, change_of_weight
from kohya_like.networks.network import Network
from kohya_like.networks.reading import prediction_warning, read_file
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.tools.folder import write_folder
from kohya_like.tools.model_file import Held, ModelFile, open_model
from kohya_like.tools.output import cast, check_file, check_folder, not_finite, too_large

NOTE = "kohya_like.merged"


@dataclass(frozen=True)
class Ingredient:
    """A network file and how strongly it is merged: `parts` says so for single parts, `multiplier` for the rest."""

    path: Path
    multiplier: float = 1.0
    parts: Mapping[str, float] = field(default_factory=dict)

    def strength(self, part: str) -> float:
        return self.parts.get(part, self.multiplier)

    @property
    def strengths(self) -> list[float]:
        return [self.multiplier, *self.parts.values()]


@dataclass(frozen=True)
class Merged:
    """What a merge did."""

    out: Path
    layers: dict[str, int]  # changed layers by part
    warnings: tuple[str, ...] = ()


Change = tuple[AdaptedLayer, float]


def merge(
    base: Path, networks: Sequence[Ingredient], out: Path, *, dtype: torch.dtype | None = None, force: bool = False
) -> Merged:
    """Write `base` with the networks merged to `out`: a .safetensors file, or a folder where the base is one.

    Raises UserError or FormatError before anything is written: see `read_network`; or while it is, when a changed
    weight is not finite. What stood under `out` is then still there.
    """
    if not networks:
        raise UserError("name at least one network to merge")
    inputs = [base, *(network.path for network in networks)]
    if base.is_dir():
        check_folder(out, inputs)
    else:
        check_file(out, inputs, force)
    with open_model(base) as model, torch.no_grad():
        parts = model.skeleton()
        warnings: list[str] = []
        changes: dict[tuple[str, str], list[Change]] = {}
        for wanted in networks:
            for adapter in read_network(wanted, model, parts, warnings):
                if strength := wanted.strength(adapter.part):
                    changes.setdefault((adapter.part, adapter.path), []).append((adapter, strength))
        if not changes:
            raise UserError("all multipliers are 0: nothing would be merged")
        tensors = merged_tensors(model, changes, dtype)
        if model.is_folder:
            write_folder(model, tensors, out)
        else:
            metadata = merged_metadata(model.files[base].metadata, networks)
            save_safetensors(out, tensors[model.path], metadata, overwrite=force)
    return Merged(out, dict(Counter(part for part, _ in changes)), tuple(warnings))


def read_network(
    wanted: Ingredient, model: ModelFile, parts: Mapping[str, nn.Module], warnings: list[str]
) -> list[AdaptedLayer]:
    """The adapters of a network file on the layers of the model.

    Raises FormatError: of another family, keys that fit no layer, numbers that are not finite. Raises UserError where
    its kind cannot be merged, or not be taken out again.
    """
    path, facts = wanted.path, identify(wanted.path)
    if facts.family and facts.family != model.family:
        theirs = family_named(facts.family).label
        raise FormatError(f"{path}: is a network for {theirs}, and {model.path.name} is a {model.label} model")
    if warning := prediction_warning(path, model.prediction_type):
        warnings.append(warning)
    try:
        tensors = read_file(path, model.family)
        network = Network.from_tensors(tensors, parts, model.family, dtype=_widest(tensors))
    except FormatError as error:
        text = error.text if str(path) in error.text else f"{path}: {error.text}"
        raise FormatError(text, error.hint) from None
    for algorithm in {adapter.algorithm for adapter in network.adapters}:
        reasons = algorithm.hindrances()
        if "mergeable" in reasons:
            raise UserError(f"{path}: a {algorithm.title} cannot be merged: {reasons['mergeable']}")
        if "invertible" in reasons and min(wanted.strengths) < 0:
            raise UserError(
                f"{path}: a {algorithm.title} cannot be taken out of a model again: {reasons['invertible']}",
                "keep the model it was merged into",
            )
    return [adapter for adapter in network.adapters if isinstance(adapter, AdaptedLayer)]


def _widest(tensors: Mapping[str, Tensor]) -> torch.dtype:
    """The number type that holds all of them; that of the file where there is one."""
    kinds = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point() and tensor.ndim}
    return kinds.pop() if len(kinds) == 1 and kinds <= {torch.float16, torch.bfloat16} else torch.float32


def merged_tensors(
    model: ModelFile, changes: Mapping[tuple[str, str], list[Change]], dtype: torch.dtype | None
) -> dict[Path, dict[str, Deferred | Copied]]:
    """Every tensor of every file of the model: copied where it stays, else made when its turn to be written comes."""
    places = model.places()
    made: dict[Path, dict[str, Deferred | Copied]] = {}
    for path, file in model.files.items():
        made[path] = {}
        for name in file:
            stored = file.dtype(name)
            wanted = dtype if dtype and stored.is_floating_point else stored
            held = [(each, own) for each in places.get((path, name), ()) if (own := _changes_of(each, changes))]
            copied = file.copied(name) if wanted == stored and not held else None
            made[path][name] = copied or Deferred(file.shape(name), wanted, _Maker(model, path, name, wanted, held))
    return made


def _changes_of(held: Held, changes: Mapping[tuple[str, str], list[Change]]) -> list[Change]:
    """Those that concern this tensor: hardly any network changes a bias."""
    layer, _, word = held.name.rpartition(".")
    found = changes.get((held.part, layer), [])
    return found if word == "weight" else [change for change in found if change[0].bias_delta() is not None]


@dataclass(frozen=True)
class _Maker:
    """Makes one tensor of the result."""

    model: ModelFile
    path: Path
    name: str
    dtype: torch.dtype
    changes: Sequence[tuple[Held, list[Change]]]

    def __call__(self) -> Tensor:
        tensor = self.model.files[self.path].read(self.name)
        made = cast(tensor, self.dtype, f"{self.model.path}: {self.name}")
        for held, changes in self.changes:
            source = piece_of(tensor, held.piece)
            bias = held.name.endswith(".bias")
            change = change_of_bias(changes) if bias else change_of_weight(source, changes)
            try:
                add_change(source, change, piece_of(made, held.piece), check=True)
            except NotFiniteError as error:
                raise self._not_finite(error) from None
        return made

    def _not_finite(self, error: NotFiniteError) -> FormatError:
        if error.rounded:
            return too_large(f"{self.model.path}: {self.name}", self.dtype)
        return not_finite(self.model.path, [self.name])


def piece_of(tensor: Tensor, piece: Piece) -> Tensor:
    """The view of a file's tensor that is one tensor of diffusers' layout."""
    if piece.how == "third":
        rows = tensor.shape[0] // 3
        return tensor[piece.index * rows : (piece.index + 1) * rows]
    if piece.how == "transposed":
        return tensor.t()
    return tensor.view(piece.shape(lambda _: tuple(tensor.shape)))


def merged_metadata(metadata: Mapping[str, str], networks: Sequence[Ingredient]) -> dict[str, str]:
    """The base model's metadata with a note of what was merged; hashes of the old content are left out."""
    kept = {key: value for key, value in metadata.items() if not key.startswith("sshs_") and "hash_sha256" not in key}
    try:
        notes = json.loads(kept.get(NOTE, "[]"))
    except ValueError:
        notes = []
    for network in networks:
        note = {"file": network.path.name, "sha256": sha256_file(network.path), "multiplier": network.multiplier}
        notes.append(note | ({"parts": dict(network.parts)} if network.parts else {}))
    names = [kept.get("modelspec.merged_from", ""), *(network.path.stem for network in networks)]
    merged_from = ", ".join(name for name in names if name)
    return kept | {NOTE: json.dumps(notes, ensure_ascii=False), "modelspec.merged_from": merged_from}
