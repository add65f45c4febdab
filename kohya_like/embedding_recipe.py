"""The methods with an embedding, built from a config: what `method_recipe` calls."""

from __future__ import annotations

from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.device import DTYPES
from kohya_like.families.backbone import Backbone
from kohya_like.methods.base import TrainingMethod
from kohya_like.methods.embedding_options import EmbeddingOptions
from kohya_like.methods.textual_inversion import EmbeddingFiles, TextualInversion
from kohya_like.methods.textual_inversion_options import TextualInversionMethod
from kohya_like.methods.words import TrainedWords, Vectors, Word, first_vectors, vectors_from_file
from kohya_like.schema.errors import UserError


def textual_inversion_method(config: TrainConfig, backbone: Backbone, seed: int) -> TrainingMethod:
    """One word, with the learning rates of the text encoders it goes through."""
    method = config.method
    assert isinstance(method, TextualInversionMethod)
    word = Word(chosen_word(config), first_values(config, backbone), text_rates(config, backbone))
    picture = Path(method.picture) if method.picture else None
    files = EmbeddingFiles(method.suffixes(config.network), DTYPES[config.save.save_precision], picture)
    return TextualInversion(TrainedWords(backbone, [word]), files)


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
