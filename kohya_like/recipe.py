"""How a run is put together. This is the only place that wires objects; `build` reads from top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from kohya_like.batch_log import BatchLog
from kohya_like.checkpoint import Position, StateStore, check_same_run
from kohya_like.class_pictures import draw_class_pictures
from kohya_like.conditioning import Conditioner
from kohya_like.config import TrainConfig
from kohya_like.data.buckets import BucketRules, rules_of
from kohya_like.data.cache import LatentCache, LatentEncoder, TextCache, Watch
from kohya_like.data.class_images import drawn_size, missing_class_images
from kohya_like.data.dataset import Loading, Sources, TrainingSet, ValidationSet
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.data.placeholders import Placeholders
from kohya_like.data.prompts import TokenChunks, tokenize
from kohya_like.data.scan import scan
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.device import DTYPES, chosen_device
from kohya_like.events import ControlFile, Phase, Reporter, Resumed, Started, Warned
from kohya_like.families.backbone import Backbone
from kohya_like.families.loading import load_backbone
from kohya_like.formats.identity import quick_identity
from kohya_like.learner import Learner
from kohya_like.length import Length
from kohya_like.method_recipe import make_method
from kohya_like.methods.base import TrainingMethod
from kohya_like.objective.objective import Objective, build_objective
from kohya_like.objective.schedule import NoiseSchedule
from kohya_like.optim.ema import Ema
from kohya_like.optim.optimizers import build_optimizer
from kohya_like.optim.schedules import build_schedule
from kohya_like.optim.stepping import WeightByWeight
from kohya_like.pictures import Pictures
from kohya_like.prompt_encoder import PromptEncoder
from kohya_like.prompt_file import SamplePrompt
from kohya_like.provenance import Provenance
from kohya_like.runs import fingerprint
from kohya_like.sampling import Painter, Previews, read
from kohya_like.schema.errors import UserError
from kohya_like.tensorboard_log import tensorboard_listener
from kohya_like.trainer import Optimization, Outputs, Trainer


def build(config: TrainConfig, run: Path, reporter: Reporter, control: ControlFile, resume: bool) -> Trainer:
    """Everything a run needs, joined. Raises UserError or ConfigError for what a person can mend."""
    seed = config.train.seed
    if seed is None:
        raise UserError("the config of a run folder must have a seed", "the train verb draws one")
    if config.save.log_with == "tensorboard":
        reporter.listen(tensorboard_listener(run / "tensorboard"))
    accelerator = make_accelerator(config)
    cache_dir = Path(config.data.cache_dir) if config.data.cache_dir else default_cache_dir()

    # The model is only opened: each part is read when it is first used.
    reporter.emit(Phase("load"))
    backbone = open_model(config, accelerator.device)

    # Class pictures that the data asks for and lacks are drawn by the model as it is.
    draw_class_images(config, backbone, watching("draw class pictures", reporter, control))

    # The pictures decide the length of the run; schedule, captions and file names need it.
    reporter.emit(Phase("scan"))
    pictures = read_pictures(config, backbone, seed, cache_dir)
    accumulation = config.train.gradient_accumulation_steps
    count = pictures.plan.count_steps(accumulation, *config.train.wanted_length)
    length = Length(count.total, pictures.plan.batches_per_epoch, accumulation)

    # Latents are cached before anything trains, so that the VAE can leave the memory again.
    sources, held_out = image_sources(config, backbone, pictures, cache_dir, watching("cache", reporter, control))
    loading = Loading(config.data.max_data_loader_n_workers, pin_memory=accelerator.device.type == "cuda")
    wording = config.method.wording(config.save.output_name)
    training_set = pictures.training_set(sources, seed, accumulation, count.total, loading, wording)
    validation = pictures.validation_set(held_out, wording) if held_out is not None else None

    # The method chooses the parts it trains; prompts are encoded once where their encoders are not among them.
    method = make_method(config, backbone, seed)
    conditioner = Conditioner(backbone, tokenizer(config, method.placeholders), method.trains_text_encoders)
    prompts = preview_prompts(config, pictures.rules.resolution)
    prompt_encoder = PromptEncoder(
        backbone, method.trains_text_encoders, method.placeholders, config.model.max_token_length
    )
    captions = captions_known_ahead(config, method, training_set, validation)
    if captions is not None:
        watch = watching("encode captions", reporter, control)
        encode_ahead(config, backbone, conditioner, captions, prompt_encoder, prompts, cache_dir, watch)
    release_what_is_done(backbone, method, sources, prompts)
    if config.train.gradient_checkpointing:
        backbone.enable_gradient_checkpointing()
    if config.hardware.torch_compile:
        backbone.replace("unet", torch.compile(backbone.unet))  # type: ignore[arg-type]

    # The optimizer needs the method's parameters, the schedule needs the optimizer and the length.
    optimization = make_optimization(config, method, length, seed)
    objective = build_objective(config.objective, backbone.prediction_type, accelerator.device)
    learner = Learner(backbone, objective, conditioner, validation or (), method)

    position = Position(0, seed, quick_identity(Path(config.model.base)), pictures.identity(accumulation))
    outputs = make_outputs(config, run, reporter, control, Provenance(config, method, backbone, pictures, length))
    previews = make_previews(config, run, backbone, prompt_encoder, objective, prompts)
    trainer = Trainer(
        accelerator, method, learner, training_set.loader, optimization, length, outputs, position, previews,
        config.train.validation_rule if validation else lambda step, ended: False,
    )  # fmt: skip
    begin(trainer, resume, count.epochs, config.save.overwrite)
    return trainer


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Device, autocast and loss scaling. Raises UserError where the precision would be silently ignored."""
    if config.hardware.threads:
        torch.set_num_threads(config.hardware.threads)
    device = chosen_device(config.hardware.device)
    if config.train.mixed_precision == "fp16" and device.type == "cpu":
        raise UserError("train.mixed_precision = fp16 has no effect on a CPU", "use bf16, or no")
    if config.hardware.deterministic and device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    AcceleratorState._reset_state(reset_partial_state=True)  # a second run in one process may want another precision
    return Accelerator(mixed_precision=config.train.mixed_precision, cpu=device.type == "cpu")


def open_model(config: TrainConfig, device: torch.device) -> Backbone:
    model = config.model
    backbone = load_backbone(
        Path(model.base),
        model.family,
        prediction_type=model.prediction_type,
        vae=Path(model.vae) if model.vae else None,
        config_folder=Path(model.config_folder) if model.config_folder else None,
        clip_skip=model.clip_skip,
        dtype=DTYPES[config.base_precision],
        vae_dtype=DTYPES[config.hardware.vae_precision],
        device=device,
    )
    backbone.use_attention(config.hardware.attention)
    return backbone


def draw_class_images(config: TrainConfig, backbone: Backbone, watch: Watch) -> None:
    """Nothing where none are missing. Raises UserError where the disk has no room, EndRequested when stopped."""
    if not config.data.num_class_images:
        return
    rules = bucket_rules(config, backbone)
    missing = missing_class_images(config.data, scan(config.data, rules.step))
    alphas = NoiseSchedule.scaled_linear(config.objective.zero_terminal_snr).alphas_cumprod
    painter = Painter(backbone, PromptEncoder(backbone), alphas)
    draw_class_pictures(painter, missing, drawn_size(rules.resolution), watch.progress)


def bucket_rules(config: TrainConfig, backbone: Backbone) -> BucketRules:
    resolution = backbone.family.resolution(backbone.prediction_type)
    return rules_of(config.data, resolution, backbone.family.bucket_step)


def read_pictures(config: TrainConfig, backbone: Backbone, seed: int, cache_dir: Path) -> Pictures:
    return Pictures.read(config.data, bucket_rules(config, backbone), config.train.train_batch_size, seed, cache_dir)


def watching(phase: str, reporter: Reporter, control: ControlFile) -> Watch:
    """Shows how far the encoding is, and ends it when a stop or a pause is asked for (EndRequested)."""

    def progress(done: int, total: int) -> None:
        reporter.emit(Phase(phase, done, total))
        control.end_if_asked()

    return Watch(progress)


def image_sources(
    config: TrainConfig, backbone: Backbone, pictures: Pictures, cache_dir: Path, watch: Watch
) -> tuple[Sources, Sources | None]:
    """Training and validation pictures, as cached latents or as files to be decoded each time."""
    if not config.data.cache_latents:
        held_out = pictures.sources(pictures.held_out, config.data) if pictures.held_out else None
        return pictures.sources(pictures.train, config.data), held_out
    vae = quick_identity(Path(config.model.vae or config.model.base))
    encoder = LatentEncoder(vae, config.hardware.vae_precision, backbone.latent_scale)

    def cached(images: object) -> Sources:
        return pictures.cached(images, config.data, LatentCache(cache_dir), encoder, backbone.encode_images, watch)  # type: ignore[arg-type]

    return cached(pictures.train), cached(pictures.held_out) if pictures.held_out else None


def tokenizer(config: TrainConfig, placeholders: Placeholders | None = None) -> Callable[[str], TokenChunks]:
    length, weighted = config.model.max_token_length, config.data.weighted_captions
    return lambda text: tokenize(text, clip_tokenizer(), length, weighted, placeholders)


def captions_known_ahead(
    config: TrainConfig, method: TrainingMethod, training_set: TrainingSet, validation: ValidationSet | None
) -> list[str] | None:  # fmt: skip
    """Every caption the run will ask for, where the text encoders are frozen and captions do not vary; else None.

    Raises UserError where they were to be encoded once and cannot be.
    """
    possible = None if method.trains_text_encoders else training_set.possible_captions()
    wanted = config.data.cache_text_encoder_outputs
    if possible is None and wanted is True:
        raise UserError(
            "data.cache_text_encoder_outputs = true needs frozen text encoders and captions that do not vary",
            f"set {config.method.switch('text_encoder')} = false, or leave it at auto",
        )
    if possible is None or wanted is False:
        return None
    kept_out = validation.captions() if validation is not None else ()
    return [*possible, *kept_out]


def encode_ahead(
    config: TrainConfig, backbone: Backbone, conditioner: Conditioner, captions: list[str],
    prompt_encoder: PromptEncoder, prompts: list[SamplePrompt], cache_dir: Path, watch: Watch,
) -> None:  # fmt: skip
    """Encode captions and prompts now or take them from the cache, so that the text encoders can leave the memory."""
    encoder = fingerprint(quick_identity(Path(config.model.base)), str(backbone.dtype))
    conditioner.prepare(captions, TextCache(cache_dir), encoder, watch)
    prompt_encoder.prepare([read(prompt) for prompt in prompts], TextCache(cache_dir), encoder, watch)
    backbone.release_text_encoders()


def release_what_is_done(
    backbone: Backbone, method: TrainingMethod, sources: Sources, prompts: list[SamplePrompt]
) -> None:
    """With cached latents the VAE is needed for previews alone."""
    if sources.cache is not None and not prompts and not method.needs_vae:
        backbone.release_vae()


def make_optimization(config: TrainConfig, method: TrainingMethod, length: Length, seed: int) -> Optimization:
    options, schedule = config.optimizer, config.schedule
    groups = method.parameter_groups()
    optimizer = build_optimizer(
        options.optimizer_type, groups, learning_rate=options.learning_rate, args=options.optimizer_args,
        allow_import=options.allow_import,
    )  # fmt: skip
    rate_schedule = build_schedule(
        optimizer, schedule.lr_scheduler, length.total, schedule.lr_warmup_steps, decay=schedule.lr_decay_steps,
        cycles=schedule.lr_scheduler_num_cycles, power=schedule.lr_scheduler_power,
        floor=schedule.lr_scheduler_min_lr_ratio, timescale=schedule.lr_scheduler_timescale,
    )  # fmt: skip
    average = None
    if config.train.ema_decay is not None:
        average = Ema([p for group in groups for p in group["params"]], config.train.ema_decay)
    single = None
    if config.method.steps_singly:
        single = WeightByWeight(optimizer, seed)
        if config.method.fuses_backward:
            single.fuse()
    return Optimization(optimizer, rate_schedule, options.max_grad_norm, average, single)


def make_outputs(
    config: TrainConfig, run: Path, reporter: Reporter, control: ControlFile, provenance: Provenance
) -> Outputs:
    store = StateStore(run / "checkpoints", config.save.keep_states)
    log = BatchLog(run / "batches.jsonl") if config.save.log_batches else None
    return Outputs(
        config.save_plan(),
        store,
        provenance.metadata,
        reporter,
        control,
        config.save.save_state_every_n_steps,
        log,
    )


def preview_prompts(config: TrainConfig, resolution: tuple[int, int]) -> list[SamplePrompt]:
    prompts, faults = config.sample.parsed(resolution)
    if faults:
        raise UserError("\n".join(map(str, faults)))
    return prompts


def make_previews(
    config: TrainConfig, run: Path, backbone: Backbone, prompt_encoder: PromptEncoder, objective: Objective,
    prompts: list[SamplePrompt],
) -> Previews | None:  # fmt: skip
    if not prompts:
        return None
    sample = config.sample
    painter = Painter(backbone, prompt_encoder, objective.schedule.alphas_cumprod)
    return Previews(
        painter, prompts, run / "samples", config.save.output_name, sample.sample_every_n_epochs,
        sample.sample_every_n_steps, sample.sample_at_first,
    )  # fmt: skip


def begin(trainer: Trainer, resume: bool, epochs: int, overwrite: bool) -> None:
    """Say what is trained; take up the newest whole state, or make sure that no file of the user's is in the way."""
    outputs = trainer.outputs
    outputs.store.sweep()
    groups = trainer.optimization.optimizer.param_groups
    rates = {group["name"]: float(group.get("initial_lr", group["lr"])) for group in groups}
    trained = sum(p.numel() for group in groups for p in group["params"])
    length = trainer.length
    outputs.reporter.emit(Started(length.total, epochs, length.steps_per_epoch, rates, trained))
    found = outputs.store.newest() if resume else None
    if found is not None:
        state, path, damaged = found
        for text in damaged:
            outputs.reporter.emit(Warned(text, "an earlier state is used"))
        check_same_run(state.position, trainer.position)
        trainer.restore(state)
        outputs.reporter.emit(Resumed(trainer.step, str(path)))
    elif resume:
        outputs.reporter.emit(Resumed(0))
    elif not overwrite and (existing := outputs.plan.existing()):
        raise UserError(
            f"{existing[0]} is there already: a training of that name would replace it",
            "choose another save.output_name or output_dir, or set save.overwrite = true",
        )
    if outputs.batch_log is not None:
        outputs.batch_log.forget_after(trainer.step)
