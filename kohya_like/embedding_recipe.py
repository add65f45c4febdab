"""The methods with an embedding, built from a config: what `method_recipe` calls."""

from __future__ import annotations

from pathlib import Path

import torch

from kohya_like.config import TrainConfig
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.device import DTYPES
from kohya_like.families.backbone import Backbone
from kohya_like.methods.base import TrainingMethod
from kohya_like.methods.dreamartist import DreamArtist, PairSettings
from kohya_like.methods.dreamartist_options import NEGATIVE, DreamArtistMethod
from kohya_like.methods.embedding_options import EmbeddingOptions
from kohya_like.methods.network import NetworkTraining
from kohya_like.methods.pivotal import Pivotal
from kohya_like.methods.pivotal_options import PivotalMethod
from kohya_like.methods.textual_inversion import EmbeddingFiles, TextualInversion
from kohya_like.methods.textual_inversion_options import TextualInversionMethod
from kohya_like.methods.words import TrainedWords, Vectors, Word, first_vectors, vectors_from_file
from kohya_like.networks.network import Network
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.schema.errors import UserError

NEGATIVE_NOISE = 1e-3  # as in DreamArtist's extension


def textual_inversion_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """One word, with the learning rates of the text encoders it goes through."""
    method = config.method
    assert isinstance(method, TextualInversionMethod)
    word = Word(chosen_word(config), first_values(config, backbone), text_rates(config, backbone))
    picture = Path(method.picture) if method.picture else None
    files = EmbeddingFiles(method.suffixes(config.network), DTYPES[config.save.save_precision], picture)
    return TextualInversion(TrainedWords(backbone, [word]), files)


def dreamartist_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """The word, and its counterpart that begins as "*" with a little noise."""
    method = config.method
    assert isinstance(method, DreamArtistMethod)
    name, rates = chosen_word(config), text_rates(config, backbone)
    word = Word(name, first_values(config, backbone), rates)
    negative = negative_word(config, backbone, f"{name}{NEGATIVE}", rates, seed)
    words = TrainedWords(backbone, [word, negative])
    alphas = NoiseSchedule.scaled_linear(config.objective.zero_terminal_snr).alphas_cumprod
    settings = PairSettings(method.guidance, alphas, method.reconstruction_weight, method.attention_map)
    files = EmbeddingFiles((f".{method.save_model_as}",), DTYPES[config.save.save_precision])
    return DreamArtist(backbone, words, (word.name, negative.name), files, settings)


def negative_word(config: TrainConfig, backbone: Backbone, name: str, rates: dict[str, float], seed: int) -> Word:
    """WORD-neg: new, or that of the file beside `method.weights`."""
    method = config.method
    assert isinstance(method, DreamArtistMethod)
    weighted = {part: rate * method.neg_lr_weight for part, rate in rates.items()}
    if method.weights:
        file = Path(method.weights)
        beside = file.with_stem(file.stem + NEGATIVE)
        if beside.is_file():
            return Word(name, vectors_from_file(backbone, beside, method.num_vectors_negative), weighted, "negative")
    generator = torch.Generator().manual_seed(seed)
    vectors = {
        part: rows + NEGATIVE_NOISE * torch.randn(rows.shape, generator=generator).to(rows.device)
        for part, rows in first_vectors(backbone, "*", method.num_vectors_negative).items()
    }
    return Word(name, vectors, weighted, "negative")


def pivotal_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """The word has a learning rate of its own, the network those of the parts it goes into."""
    method = config.method
    assert isinstance(method, PivotalMethod)
    rates = {part: config.optimizer.rate(part) for part in backbone.family.parts if config.network.trains(part)}
    rates = {part: rate for part, rate in rates.items() if rate > 0}
    if not rates:
        raise UserError(
            "the network would not be trained: every part is switched off or has learning rate 0",
            "set a rate, or train the word alone with method.name = textual_inversion",
        )
    dtype = DTYPES[config.save.save_precision]
    own = {spec.part: method.embedding_lr for spec in backbone.family.text_encoders}
    words = TrainedWords(backbone, [Word(chosen_word(config), first_values(config, backbone), own)])
    network = Network.create(config.network, backbone.parts(*rates), backbone.family.name, seed)
    return Pivotal(NetworkTraining(network, rates, dtype), words, dtype, method.stop_embedding_training)


def chosen_word(config: TrainConfig) -> str:
    """The word to be trained. Raises UserError where it cannot be one."""
    method = config.method
    assert isinstance(method, EmbeddingOptions)
    word = method.word(config.save.output_name)
    ids = clip_tokenizer().encode(word)
    if len(ids) == 1:
        raise UserError(
            f"the word {word!r} is one that the model knows already (token {ids[0]})",
            f"choose one of your own for method.token_string, such as {word}-v1",
        )
    if not ids:
        raise UserError(f"the word {word!r} has no letters", "choose another method.token_string")
    return word


def first_values(config: TrainConfig, backbone: Backbone) -> Vectors:
    """The vectors to begin with: of a file, or of the words that the options name."""
    method = config.method
    assert isinstance(method, EmbeddingOptions)
    if method.weights:
        return vectors_from_file(backbone, Path(method.weights), method.num_vectors_per_token)
    return first_vectors(backbone, method.init_word, method.num_vectors_per_token)


def text_rates(config: TrainConfig, backbone: Backbone) -> dict[str, float]:
    """The learning rate of the vectors of each text encoder. Raises UserError where all are 0."""
    rates = {spec.part: config.optimizer.rate(spec.part) for spec in backbone.family.text_encoders}
    if not any(rates.values()):
        raise UserError("nothing would be trained: the vectors have learning rate 0", "set optimizer.learning_rate")
    return rates
