"""What `check` says of methods that teach a word: the word itself, what it begins with, and what it is taught with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kohya_like.config import TrainConfig
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.formats.headers import identify
from kohya_like.formats.opening import is_picture
from kohya_like.methods.dreamartist_options import DreamArtistMethod
from kohya_like.methods.embedding_options import TOKEN_TABLE, EmbeddingOptions
from kohya_like.preflight.common_words import split
from kohya_like.preflight.shapes import Shapes
from kohya_like.schema.errors import Fault, Severity, UserError

TOKEN, WEIGHTS = "method.token_string", "method.weights"


def embedding_faults(config: TrainConfig) -> Iterator[Fault]:
    """What the options alone tell."""
    method = config.method
    if not isinstance(method, EmbeddingOptions):
        return
    yield from _word(method.word(config.save.output_name))
    if method.token_string and method.token_string != config.save.output_name:
        yield _note(
            f"is {method.token_string!r}, the file {config.save.output_name!r}: webui goes by the file",
            TOKEN,
            f"set save.output_name = {method.token_string!r}",
            "hint",
            "other-name",
        )
    if not clip_tokenizer().encode(method.init_word):
        yield Fault(
            f"is {method.init_word!r}, which has no tokens",
            "method.init_word",
            mend="choose a word, or *",
            code="init-word",
        )
    try:
        method.wording(config.save.output_name)
    except UserError as error:
        yield Fault(error.text, "method.template_file", mend=error.hint, code="template-file")
    if config.data.reg_data_dir and not method.uses_network:
        yield _note(
            "has no effect: nothing but the new word is trained, and these pictures lack it",
            "data.reg_data_dir",
            "take it out",
            code="no-effect",
        )
    if isinstance(method, DreamArtistMethod) and method.attention_map and not config.data.masked_loss:
        yield _note(
            "needs masks",
            "method.attention_map",
            "set data.masked_loss = true and data.mask_suffix = _att",
            code="attention-map",
        )
    if method.uses_network and config.network.suffixes != (".safetensors",):
        yield Fault(
            f"{config.network.title} cannot hold a word: its files are of another kind",
            "network.name",
            mend="choose another network, such as lora",
            code="no-bundle",
        )


def embedding_fits(config: TrainConfig, shapes: Mapping[str, Shapes]) -> Iterator[Fault]:
    """Whether the embedding to go on from is one, of this size and for this model."""
    method = config.method
    if not isinstance(method, EmbeddingOptions) or not method.weights:
        return
    try:
        if is_picture(path := Path(method.weights)):
            return  # its size is known when the training opens it
        facts = identify(path)
    except UserError as error:
        yield Fault(error.text, WEIGHTS, mend=error.hint, code="no-embedding")
        return
    if facts.kind != "textual-inversion":
        yield Fault(f"{path}: is no embedding", WEIGHTS, mend="choose a file of textual inversion", code="no-embedding")
        return
    count, width = facts.details.get("vectors"), facts.details.get("width")
    if count != method.num_vectors_per_token:
        yield Fault(
            f"has {count} vectors, num_vectors_per_token is {method.num_vectors_per_token}",
            WEIGHTS,
            mend=f"set method.num_vectors_per_token = {count}",
            code="vector-count",
        )
    widths = {s[1] for part in shapes.values() for name, s in part.items() if name.endswith(TOKEN_TABLE)}
    if widths and width not in widths:
        wanted = " and ".join(map(str, sorted(widths)))
        yield Fault(
            f"its vectors are {width} wide, this model's {wanted}",
            WEIGHTS,
            mend="choose an embedding that was made for this family of models",
            code="vector-width",
        )


def _word(word: str) -> Iterator[Fault]:
    ids = clip_tokenizer().encode(word)
    if not ids:
        yield Fault("the word of the embedding is empty", TOKEN, mend="choose a word of your own", code="no-word")
    elif len(ids) == 1:
        yield Fault(
            f"{word!r} is a word that the model knows already: the embedding would take its place in every prompt",
            TOKEN,
            mend=f"choose one of your own, such as {word}-v1",
            code="known-word",
        )
    else:
        pieces, known = split(word)
        if known:
            yield _note(
                f"{word!r} is read as {' + '.join(pieces)} where the embedding is not loaded: {known!r} "
                "means something by itself",
                TOKEN,
                "a made-up word, such as zxq-1, means nothing",
                "hint",
                "common-words",
            )


def _note(text: str, key: str, mend: str = "", severity: Severity = "warning", code: str = "no-effect") -> Fault:
    return Fault(text, key, mend=mend, severity=severity, code=code)
