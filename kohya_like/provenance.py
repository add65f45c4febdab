"""What a trained file says of its making, gathered from everything that made it."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from statistics import fmean

from kohya_like.config import TrainConfig
from kohya_like.families.backbone import Backbone
from kohya_like.formats.metadata import (
    DatasetFolder,
    ModelSpec,
    base_model_metadata,
    dataset_metadata,
    minimum_metadata,
    modelspec,
    training_metadata,
)
from kohya_like.length import Length
from kohya_like.methods.base import TrainingMethod
from kohya_like.pictures import Pictures
from kohya_like.schema.errors import FormatError


class Provenance:
    """Hashes of the base model are made in the background: a checkpoint of 4 GB takes seconds, and a run minutes."""

    def __init__(
        self, config: TrainConfig, method: TrainingMethod, backbone: Backbone, pictures: Pictures, length: Length
    ) -> None:
        self._config, self._method, self._backbone = config, method, backbone
        self._pictures, self._length = pictures, length
        self._session, self._started = secrets.randbits(32), time.time()
        self._model: dict[str, object] = {}
        self._hashing = threading.Thread(target=self._hash, daemon=True)
        self._hashing.start()

    def metadata(self, step: int, epoch: int) -> dict[str, str]:
        """Everything for a file written after `step`; only what readers need with `save.no_metadata`."""
        self._hashing.join()
        about = {**self._method.about(), **self._about_model()}
        values = {**self._run(step, epoch), **about, **self._loss(), **self._data(), **self._model}
        found = training_metadata({key: value for key, value in values.items() if value is not None})
        if self._config.save.no_metadata:
            found = minimum_metadata(found)
        return found | modelspec(self._spec())

    def _hash(self) -> None:
        base, vae = Path(self._config.model.base), self._config.model.vae
        for path, prefix in ((base, "sd_model"), (Path(vae) if vae else None, "vae")):
            if path is not None:
                try:
                    self._model |= base_model_metadata(path, "vae" if prefix == "vae" else "sd_model")
                except (OSError, FormatError):  # gone since it was loaded: the file is still worth saving
                    self._model |= {f"{prefix}_name": path.name}

    def _run(self, step: int, epoch: int) -> dict[str, object]:
        train, optimizer, length = self._config.train, self._config.optimizer, self._length
        return {
            "session_id": self._session,
            "training_started_at": self._started,
            "training_finished_at": time.time(),
            "output_name": self._config.save.output_name,
            "steps": step,
            "epoch": epoch,
            "num_epochs": -(-length.total // length.steps_per_epoch),
            "num_batches_per_epoch": length.batches_per_epoch,
            "max_train_steps": length.total,
            "seed": train.seed,
            "learning_rate": optimizer.learning_rate,
            "unet_lr": optimizer.rate("unet"),
            "text_encoder_lr": optimizer.rate("text_encoder"),
            "lr_scheduler": self._config.schedule.lr_scheduler,
            "lr_warmup_steps": self._config.schedule.lr_warmup_steps,
            "optimizer": optimizer.optimizer_type + _arguments(optimizer.optimizer_args),
            "max_grad_norm": optimizer.max_grad_norm,
            "gradient_checkpointing": train.gradient_checkpointing,
            "gradient_accumulation_steps": train.gradient_accumulation_steps,
            "mixed_precision": train.mixed_precision,
            "training_comment": self._config.save.training_comment or None,
        }

    def _about_model(self) -> dict[str, object]:
        family = self._backbone.family
        return {
            "base_model_version": family.base_model_version(self._backbone.prediction_type),
            "v2": family.name == "sd2",
            "clip_skip": self._config.model.clip_skip,
            "max_token_length": self._config.model.max_token_length,
        }

    def _loss(self) -> dict[str, object]:
        o = self._config.objective
        return {
            "noise_offset": o.noise_offset,
            "multires_noise_iterations": o.multires_noise_iterations,
            "multires_noise_discount": o.multires_noise_discount,
            "ip_noise_gamma": o.ip_noise_gamma,
            "zero_terminal_snr": o.zero_terminal_snr,
            "min_snr_gamma": o.min_snr_gamma,
            "debiased_estimation": o.debiased_estimation_loss,
            "loss_type": o.loss_type,
        }

    def _data(self) -> dict[str, object]:
        data, pictures, plan = self._config.data, self._pictures, self._pictures.plan
        concepts = pictures.dataset.concepts
        counts = plan.bucket_counts()
        of_concept = [[image for image in pictures.train if image.subset == i] for i in range(len(concepts))]
        folders = [
            DatasetFolder(c.name, c.repeats, len(images), [i.captions[0] for i in images if i.captions], c.is_reg)
            for c, images in zip(concepts, of_concept)
        ]
        errors = [
            abs(image.size[0] / image.size[1] - fit.bucket[0] / fit.bucket[1])
            for image, fit in zip(pictures.train, pictures.fits)
        ]
        own = sum(f.images * f.repeats for f in folders if not f.is_reg)
        return {
            "num_train_images": own,
            "num_reg_images": sum(f.images * f.repeats for f in folders if f.is_reg),
            "num_validation_images": len(pictures.held_out),
            "batch_size_per_device": plan.batch_size,
            "total_batch_size": plan.batch_size * self._length.accumulation,
            "resolution": str(tuple(pictures.rules.resolution)),
            "enable_bucket": data.enable_bucket,
            "bucket_no_upscale": data.bucket_no_upscale,
            "min_bucket_reso": pictures.rules.min_size,
            "max_bucket_reso": pictures.rules.max_size,
            "color_aug": data.color_aug,
            "flip_aug": data.flip_aug,
            "random_crop": data.random_crop,
            "shuffle_caption": data.shuffle_caption,
            "keep_tokens": data.keep_tokens,
            "cache_latents": data.cache_latents,
            "caption_dropout_rate": data.caption_dropout_rate,
            "caption_tag_dropout_rate": data.caption_tag_dropout_rate,
            "prior_loss_weight": data.prior_loss_weight,
            **dataset_metadata(folders, counts if data.enable_bucket else None, fmean(errors) if errors else 0.0),
        }

    def _spec(self) -> ModelSpec:
        save, objective, backbone = self._config.save, self._config.objective, self._backbone
        limited = (objective.min_timestep, objective.max_timestep) != (0, 1000)
        return ModelSpec(
            backbone.family.modelspec_architecture(backbone.prediction_type),
            self._pictures.rules.resolution,
            backbone.prediction_type,
            time.time(),
            adapter=self._method.adapter(),
            title=save.metadata_title or save.output_name,
            timestep_range=(objective.min_timestep, objective.max_timestep) if limited else None,
            clip_skip=self._config.model.clip_skip,
            author=save.metadata_author,
            description=save.metadata_description,
            license=save.metadata_license,
            tags=save.metadata_tags,
            usage_hint=save.metadata_usage_hint,
            trigger_phrase=save.metadata_trigger_phrase,
        )


def _arguments(arguments: object) -> str:
    assert isinstance(arguments, dict)
    return "(" + ",".join(f"{key}={value}" for key, value in arguments.items()) + ")" if arguments else ""
