"""The entry points for networks of images: arrays come in, and the kernels work on pointers to them."""

from typing import Any

from handgrad.training.engines.compiled.kernels.entry_points import memory_of
from handgrad.training.engines.compiled.kernels.images import image_epoch
from handgrad.training.engines.compiled.kernels.images.image_passes import ImageWork
from handgrad.training.engines.compiled.kernels.subnormals import flush_subnormals, restore
from handgrad.training.engines.compiled.kernels.updates import Memory
from handgrad.training.engines.compiled.kernels.vectors import kernel, pointer


@kernel
def _work(w: ImageWork) -> Any:
    return ImageWork(
        pointer(w.space), pointer(w.taps), pointer(w.kept), pointer(w.turned), pointer(w.row), pointer(w.drow),
        pointer(w.ones), pointer(w.hashes),
    )  # fmt: skip


@kernel
def train_images(
    program: Any, plan: Any, rates: Any, memory: Memory, work: ImageWork, x: Any, classes: Any, codes: Any, order: Any,
    lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`image_epoch.train_images` for arrays."""
    before = flush_subnormals()
    done = image_epoch.train_images(
        pointer(program), pointer(plan), pointer(rates), memory_of(memory), _work(work), pointer(x), pointer(classes),
        pointer(codes), pointer(order), order.size, pointer(lrs), lrs.size, first_step, t, pointer(h), pointer(curve),
    )  # fmt: skip
    restore(before)
    return done


@kernel
def score_images(
    program: Any, plan: Any, memory: Memory, work: ImageWork, x: Any, classes: Any, codes: Any, order: Any,
    of_example: Any, predicted: Any, outputs: Any,
) -> None:  # fmt: skip
    """`image_epoch.score_images` for arrays; outputs may be empty."""
    image_epoch.score_images(
        pointer(program), pointer(plan), pointer(memory.theta), _work(work), pointer(x), pointer(classes),
        pointer(codes), pointer(order), order.size, pointer(of_example), pointer(predicted), pointer(outputs),
        outputs.size > 0,
    )  # fmt: skip
