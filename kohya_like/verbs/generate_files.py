"""Embeddings that prompts use, and the hashes by which A1111 knows files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kohya_like.console import say
from kohya_like.data.placeholders import Placeholders
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.formats.embeddings import BUNDLE, Embedding, bundled_embeddings, read_embedding
from kohya_like.formats.headers import container_of
from kohya_like.formats.safetensors_header import read_safetensors_header
from kohya_like.methods.dreamartist_options import NEGATIVE
from kohya_like.networks.reading import read_file
from kohya_like.prompts.emphasis import emphasis
from kohya_like.prompts.library import Library
from kohya_like.prompts.prompt import Prompt
from kohya_like.schema.errors import FormatError, UserError
from kohya_like.verbs.file_facts import hashes

Embeddings = Mapping[str, tuple[Path, Embedding]]


def model_name(path: Path) -> str:
    """As A1111 calls it: without the file's ending."""
    return path.name if path.is_dir() else path.stem


def used_embeddings(library: Library, prompts: Sequence[Prompt], more: Embeddings) -> dict[str, tuple[Path, Embedding]]:
    """The embeddings whose names stand in a prompt, negative ones included; files of other names are not read.

    Pictures carry their name inside, so that all pictures of the folders are looked at; one without an embedding is a
    preview and is passed over. `more`: those that are known besides. Raises FormatError for a file of a used name that
    is no embedding, UserError where two have one name.
    """
    found = dict(more)
    read = _texts(prompts)
    for stem in library.names():
        path, wanted = library.file(stem), _stands_in(stem, read)
        if path.suffix.lower() in (".png", ".webp", ".avif", ".jxl"):
            if path.stem.lower().endswith(".preview"):
                continue
            embedding = _of_picture(path, wanted)
            if embedding is not None and _stands_in(embedding.name, read):
                found[embedding.name] = (path, embedding)
        elif wanted:
            library.check_name(stem)
            found[stem] = (path, read_embedding(path))
    _check_spelling(found)
    return found


def _check_spelling(names: Iterable[str]) -> None:
    """Raises UserError for names that differ for a person alone, such as My-Cat and my-cat."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(_spelled(name), name)
        if other != name:
            raise UserError(f"the embeddings {other} and {name} are one word to the text encoder", "rename one of them")


def bundled(library: Library, prompts: Iterable[Prompt]) -> dict[str, tuple[Path, Embedding]]:
    """The embeddings inside the networks that the prompts name."""
    found: dict[str, tuple[Path, Embedding]] = {}
    for path in dict.fromkeys(library.file(network.name) for prompt in prompts for network in prompt.networks):
        if container_of(path) == "safetensors" and any(
            name.startswith(BUNDLE) for name in read_safetensors_header(path).tensors
        ):
            found |= {name: (path, one) for name, one in bundled_embeddings(read_file(path), str(path)).items()}
    return found


def names_read(words: Placeholders, texts: Iterable[str]) -> list[str]:
    """The names whose vectors the text encoder reads in these texts: of my-cat-neg not my-cat too."""
    encode = clip_tokenizer().encode
    pieces = dict.fromkeys(piece for text in texts for piece, _ in emphasis(text))
    return list(dict.fromkeys(match.name for piece in pieces for match in words.matches(encode(piece)) if match.name))


def missing_counterparts(words: Placeholders, library: Library, prompts: Iterable[Prompt]) -> list[str]:
    """The second files of DreamArtist pairs whose first is in a prompt, where the negative prompt lacks them."""
    known, missing = set(library.names()), []
    for prompt in prompts:
        read = names_read(words, (text for part in prompt.parts for _, text in part.schedule))
        unwanted = names_read(words, (text for _, text in prompt.negative))
        missing += [name + NEGATIVE for name in read if name + NEGATIVE in known - set(unwanted)]
    return list(dict.fromkeys(missing))


def _of_picture(path: Path, wanted: bool) -> Embedding | None:
    try:
        return read_embedding(path)
    except FormatError as error:
        if wanted:
            say(f"hint: {error}", error=True)
        return None


def _texts(prompts: Iterable[Prompt]) -> list[str]:
    """All that the text encoders will read, as ids between commas."""
    texts = dict.fromkeys(text for prompt in prompts for text in prompt.texts())
    pieces = dict.fromkeys(piece for text in texts for piece, _ in emphasis(text))
    return [_spelled(piece) for piece in pieces]


def _spelled(text: str) -> str:
    return "," + "".join(f"{i}," for i in clip_tokenizer().encode(text))


def _stands_in(name: str, texts: Iterable[str]) -> bool:
    spelled = _spelled(name)
    return len(spelled) > 1 and any(spelled in text for text in texts)


def whole_hash(path: Path) -> str:
    """sha256 of a file, "" for a folder."""
    return hashes(path)["sha256"] if path.is_file() else ""


def network_hash(path: Path) -> str:
    """A1111's hash of a network or embedding: of a safetensors file what its metadata says, or its data alone."""
    if container_of(path) != "safetensors":
        return whole_hash(path)
    header = read_safetensors_header(path)
    told = header.metadata.get("sshs_model_hash", "")
    return told if told else hashes(path, header.header_bytes)["sshs_model_hash"]
