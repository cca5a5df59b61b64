"""The entry points: arrays come in, and the kernels work on pointers to them.

`train`, `train_in_windows` and `score` are for networks of dense layers and dropout, `train_images` and `score_images`
for all others.  Their arguments are the same; letters.md says what each is.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.dense import dense_epoch, windows
from handgrad.training.engines.compiled.kernels.dense.dense_passes import DenseInputs, DenseWork
from handgrad.training.engines.compiled.kernels.dense.lazy_updates import LateRows
from handgrad.training.engines.compiled.kernels.dense.windows import Window
from handgrad.training.engines.compiled.kernels.images import image_epoch
from handgrad.training.engines.compiled.kernels.images.image_passes import ImageInputs, ImageWork
from handgrad.training.engines.compiled.kernels.products import Columns, Sparse
from handgrad.training.engines.compiled.kernels.subnormals import flush_subnormals, restore
from handgrad.training.engines.compiled.kernels.updates import Memory, PastSteps
from handgrad.training.engines.compiled.kernels.vectors import kernel, pointer


@kernel
def _memory(m: Memory) -> Any:
    return Memory(pointer(m.theta), pointer(m.slot1), pointer(m.slot2), pointer(m.grad))


@kernel
def _dense_work(w: DenseWork) -> Any:
    c, v = w.columns, w.window
    columns = Columns(pointer(c.counts), pointer(c.pixels), pointer(c.rows), pointer(c.values))
    window = Window(pointer(v.z0), pointer(v.g), pointer(v.pixels), pointer(v.dots), pointer(v.a))
    return DenseWork(
        pointer(w.space), pointer(w.kept), pointer(w.transposed), pointer(w.row), pointer(w.drow), columns, window,
        _late(w.late),
    )  # fmt: skip


@kernel
def _late(late: LateRows) -> Any:
    p = late.past
    past = PastSteps(
        pointer(p.rate), pointer(p.correction), pointer(p.fade1), pointer(p.fade2), pointer(p.root), pointer(p.longest)
    )
    return LateRows(pointer(late.seen), pointer(late.rows), pointer(late.since), past)


@kernel
def _dense_inputs(x: DenseInputs) -> Any:
    sparse = Sparse(pointer(x.sparse.starts), pointer(x.sparse.pixels), pointer(x.sparse.values))
    return DenseInputs(sparse, pointer(x.dense), pointer(x.classes), pointer(x.weights))


@kernel
def _image_work(w: ImageWork) -> Any:
    return ImageWork(
        pointer(w.space), pointer(w.taps), pointer(w.kept), pointer(w.transposed), pointer(w.row), pointer(w.drow),
        pointer(w.ones), pointer(w.hashes),
    )  # fmt: skip


@kernel
def _image_inputs(x: ImageInputs) -> Any:
    return ImageInputs(pointer(x.x), pointer(x.classes), pointer(x.weights))


@kernel
def train(
    table: Any, constants: Any, rates: Any, memory: Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`dense_epoch.train` for arrays."""
    before = flush_subnormals()
    done = dense_epoch.train(
        pointer(table), pointer(constants), pointer(rates), _memory(memory), _dense_work(work), _dense_inputs(inputs),
        pointer(T), pointer(order), order.size, pointer(lrs), lrs.size, first_step, t, pointer(h), pointer(curve),
    )  # fmt: skip
    restore(before)
    return done


@kernel
def train_in_windows(
    table: Any, constants: Any, rates: Any, memory: Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`windows.train_in_windows` for arrays."""
    before = flush_subnormals()
    done = windows.train_in_windows(
        pointer(table), pointer(constants), pointer(rates), _memory(memory), _dense_work(work), _dense_inputs(inputs),
        pointer(T), pointer(order), order.size, pointer(lrs), first_step, t, pointer(h), pointer(curve),
    )  # fmt: skip
    restore(before)
    return done


@kernel
def score(
    table: Any, constants: Any, memory: Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    step: int, of_example: Any, predicted: Any, outputs: Any,
) -> None:  # fmt: skip
    """`dense_epoch.score` for arrays; outputs may be empty."""
    dense_epoch.score(
        pointer(table), pointer(constants), pointer(memory.theta), _dense_work(work), _dense_inputs(inputs),
        pointer(T), pointer(order), order.size, step, pointer(of_example), pointer(predicted), pointer(outputs),
        outputs.size > 0,
    )  # fmt: skip


@kernel
def train_images(
    table: Any, constants: Any, rates: Any, memory: Memory, work: ImageWork, inputs: ImageInputs, T: Any, order: Any,
    lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`image_epoch.train_images` for arrays."""
    before = flush_subnormals()
    done = image_epoch.train_images(
        pointer(table), pointer(constants), pointer(rates), _memory(memory), _image_work(work), _image_inputs(inputs),
        pointer(T), pointer(order), order.size, pointer(lrs), lrs.size, first_step, t, pointer(h), pointer(curve),
    )  # fmt: skip
    restore(before)
    return done


@kernel
def score_images(
    table: Any, constants: Any, memory: Memory, work: ImageWork, inputs: ImageInputs, T: Any, order: Any,
    step: int, of_example: Any, predicted: Any, outputs: Any,
) -> None:  # fmt: skip
    """`image_epoch.score_images` for arrays; outputs may be empty."""
    image_epoch.score_images(
        pointer(table), pointer(constants), pointer(memory.theta), _image_work(work), _image_inputs(inputs),
        pointer(T), pointer(order), order.size, step, pointer(of_example), pointer(predicted), pointer(outputs),
        outputs.size > 0,
    )  # fmt: skip
