"""`generate`: a base model, any number of networks and embeddings, some prompts, some pictures or a table of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from kohya_like.console import say
from kohya_like.data.placeholders import Placeholder, Placeholders
from kohya_like.device import DTYPES, chosen_device
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.families.placeholders import PlaceholderVectors
from kohya_like.networks.network import Network
from kohya_like.networks.reading import prediction_warning
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.picture_text import Surroundings, picture_text
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompt_file import SamplePrompt
from kohya_like.prompt_networks import PromptNetworks
from kohya_like.sampling import Encoder, Painter, Start, read, save_png, to_pixels
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate_aesthetic import aesthetic_prompts
from kohya_like.verbs.generate_files import (
    bundled,
    missing_counterparts,
    model_name,
    names_read,
    network_hash,
    used_embeddings,
    whole_hash,
)
from kohya_like.verbs.generate_request import Request, check_places, output_paths, picture_size, request_of
from kohya_like.verbs.grid import Grid, grid_of, table


def generate_pictures(arguments: argparse.Namespace) -> list[Path]:
    """Draw what the command line asks for. Raises UserError; a picture that exists is not replaced unasked."""
    request = request_of(arguments)
    grid = grid_of(arguments, request) if arguments.x or arguments.y or arguments.z else None
    count = arguments.count * len(request.texts)
    paths = output_paths(arguments.out, 1 if grid else count, arguments.force)
    every = grid.prompts(64, 64) if grid else request.prompts(64, 64, arguments.count)
    reads = [read(prompt) for prompt in every]
    request.networks.check(network for one in reads for network in one.networks)
    if any(len(one.parts) == 1 and one.parts[0].weight != 1 for one in reads):
        say("hint: a number behind a colon at the very end of a prompt is the weight of all of it", error=True)
    start_picture = opened(arguments.init) if arguments.init else None

    backbone = open_backbone(arguments, request)
    width, height = _size(request, backbone, start_picture)
    prompts = grid.prompts(width, height) if grid else request.prompts(width, height, arguments.count)
    with_prompts = _Drawing(backbone, request, prompts, arguments)
    pictures = with_prompts.pictures(prompts, start_picture, not arguments.json)
    if grid:
        return _save_grid(grid, list(pictures), prompts, with_prompts, paths[0], arguments)
    for i, image in pictures:
        save_png(paths[i], image, with_prompts.text(prompts[i]))
    return paths


def open_backbone(arguments: argparse.Namespace, request: Request) -> Backbone:
    return load_backbone(
        arguments.model,
        "auto",
        dtype=DTYPES[arguments.dtype],
        vae_dtype=torch.float32,
        device=chosen_device(arguments.device),
        prediction_type=arguments.prediction_type,
        config_folder=arguments.config_folder,
        clip_skip=request.clip_skip,
    )


class _Drawing:
    """A backbone with everything that the prompts name, read before the first picture is drawn."""

    def __init__(
        self, backbone: Backbone, request: Request, prompts: Sequence[SamplePrompt], arguments: argparse.Namespace
    ) -> None:
        self._request, self._backbone = request, backbone
        self._model = arguments.model
        reads = [read(prompt) for prompt in prompts]
        self._networks = PromptNetworks(backbone, request.networks)
        self._networks.prepare([one.networks for one in reads])
        for file in dict.fromkeys(request.networks.file(n.name) for one in reads for n in one.networks):
            if warning := prediction_warning(file, backbone.prediction_type):
                say(f"warning: {warning}", error=True)
        self._embeddings = used_embeddings(request.embeddings, reads, bundled(request.networks, reads))
        words = Placeholders([Placeholder(name, len(found)) for name, (_, found) in self._embeddings.items()])
        vectors = {name: found.vectors for name, (_, found) in self._embeddings.items()}
        PlaceholderVectors(backbone, vectors).attach()
        for name in missing_counterparts(words, request.embeddings, reads):
            say(f"hint: {name} is the other half of a pair, for the negative prompt: --negative {name}", error=True)
        self._words = words
        encoder: Encoder = PromptEncoder(backbone, placeholders=words)
        if request.pull:
            encoder = aesthetic_prompts(arguments, request.pull, backbone, words, reads)
        alphas = NoiseSchedule.scaled_linear(request.zero_snr).alphas_cumprod
        self._painter = Painter(backbone, encoder, alphas, self._networks, arguments.batch_size)
        self._model_hash: str | None = None
        self._hashes: dict[Path, str] = {}

    def pictures(
        self, prompts: Sequence[SamplePrompt], start: Image.Image | None, progress: bool
    ) -> Iterator[tuple[int, Image.Image]]:
        """As they are drawn, with a line for each."""
        begin = None
        if start is not None:
            begin = Start(self._latents(start, prompts[0]), self._request.strength or 0.0)
        for done, (i, image) in enumerate(self._painter.draw(prompts, begin), start=1):
            if progress and len(prompts) > 1:
                say(f"{done}/{len(prompts)}", error=True)
            yield i, image

    def _latents(self, picture: Image.Image, prompt: SamplePrompt) -> Tensor:
        fitted = ImageOps.fit(picture, (prompt.width, prompt.height), Image.Resampling.LANCZOS)
        return self._backbone.encode_images(to_pixels(fitted).to(self._backbone.device))

    def text(self, prompt: SamplePrompt, more: dict[str, str] | None = None) -> str:
        """How the picture was drawn, as A1111 writes it."""
        if self._model_hash is None:
            self._model_hash = whole_hash(self._model)[:10]
        used = read(prompt)
        request = self._request
        return picture_text(
            prompt,
            Surroundings(
                model_name(self._model),
                self._model_hash,
                request.clip_skip,
                request.strength,
                request.zero_snr,
                {
                    name: self._hash(self._embeddings[name][0], whole_hash)
                    for name in names_read(self._words, used.texts())
                },
                {
                    n.name: self._hash(request.networks.file(n.name), network_hash)
                    for n in used.networks
                    if n.kind == "lora"
                },
            ),
            {**(request.pull.fields() if request.pull else {}), **(more or {})},
        )

    def _hash(self, path: Path, hashed: Callable[[Path], str]) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashed(path)[:12]
        return self._hashes[path]


def _size(request: Request, backbone: Backbone, start: Image.Image | None) -> tuple[int, int]:
    if start is not None and not request.size:
        return max(8, start.width // 8 * 8), max(8, start.height // 8 * 8)
    return picture_size(request.size, backbone.family.resolution(backbone.prediction_type))


def _save_grid(
    grid: Grid,
    pictures: Sequence[tuple[int, Image.Image]],
    prompts: Sequence[SamplePrompt],
    drawing: _Drawing,
    path: Path,
    arguments: argparse.Namespace,
) -> list[Path]:
    images = [image for _, image in sorted(pictures, key=lambda pair: pair[0])]
    paths = [path]
    if arguments.cells:
        paths += [path.with_name(f"{path.stem}-{place}.png") for place in grid.places()]
        check_places(paths[1:], arguments.force)
    save_png(path, table(grid, images), drawing.text(prompts[0], grid.told()))
    for single, image, prompt in zip(paths[1:], images, prompts):
        save_png(single, image, drawing.text(prompt))
    return paths


def opened(path: Path) -> Image.Image:
    """A picture as it is seen, in RGB. Raises UserError where it cannot be read."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: this picture cannot be read: {error}") from None


def painter_of(backbone: Backbone) -> Painter:
    """A painter for prompts that name no files, with the usual noise schedule."""
    return Painter(backbone, PromptEncoder(backbone), NoiseSchedule.scaled_linear().alphas_cumprod)


def attach_network(backbone: Backbone, file: Path, weight: float) -> Network:
    """The network of a file, at work in the model. Raises FormatError where it does not fit."""
    network = Network.from_file(file, backbone.parts(), backbone.family.name)
    network.eval()
    network.set_multiplier(weight)
    network.attach()
    return network
