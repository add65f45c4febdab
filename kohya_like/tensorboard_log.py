"""Events as a TensorBoard log, for those who have the tensorboard package."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from kohya_like.events import Event, Finished, Step, Validation
from kohya_like.schema.errors import UserError


def tensorboard_listener(folder: Path) -> Callable[[Event], None]:
    """Writes loss, rates and gradient norm of each step. Raises UserError when the package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "save.log_with = tensorboard, but the tensorboard package is not installed",
            "pip install tensorboard, or set save.log_with = 'none'",
        ) from error
    writer = SummaryWriter(str(folder))

    def write(event: Event) -> None:
        match event:
            case Step():
                writer.add_scalar("loss/train", event.loss, event.step)
                writer.add_scalar("gradient_norm", event.gradient_norm, event.step)
                for part, rate in event.lr.items():
                    writer.add_scalar(f"lr/{part}", rate, event.step)
                for name, number in event.numbers.items():
                    writer.add_scalar(f"network/{name}", number, event.step)
            case Validation():
                writer.add_scalar("loss/validation", event.loss, event.step)
            case Finished():
                writer.close()

    def listen(event: Event) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end a run over its diary
            write(event)

    return listen
