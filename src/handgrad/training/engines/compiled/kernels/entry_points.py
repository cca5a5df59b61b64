"""The entry points: arrays come in, and the kernels work on pointers to them."""

from typing import Any

from handgrad.training.engines.compiled.kernels.dense import dense_epoch as epoch
from handgrad.training.engines.compiled.kernels.dense.batch_one import Window
from handgrad.training.engines.compiled.kernels.dense.dense_passes import Inputs, Work
from handgrad.training.engines.compiled.kernels.dense.lazy_updates import Late
from handgrad.training.engines.compiled.kernels.products import Columns, Sparse
from handgrad.training.engines.compiled.kernels.subnormals import flush_subnormals, restore
from handgrad.training.engines.compiled.kernels.updates import Memory, Past
from handgrad.training.engines.compiled.kernels.vectors import kernel, pointer


@kernel
def memory_of(m: Memory) -> Any:
    """Pointers to its arrays."""
    return Memory(pointer(m.theta), pointer(m.slot1), pointer(m.slot2), pointer(m.grad))


@kernel
def _work(w: Work) -> Any:
    c = w.columns
    columns = Columns(pointer(c.starts), pointer(c.rows), pointer(c.values))
    v = w.window
    window = Window(pointer(v.z0), pointer(v.g), pointer(v.pixels), pointer(v.dots), pointer(v.a))
    return Work(
        pointer(w.space), pointer(w.kept), pointer(w.turned), pointer(w.row), pointer(w.drow), columns, window,
        _late(w.late),
    )  # fmt: skip


@kernel
def _late(late: Late) -> Any:
    p = late.past
    past = Past(
        pointer(p.rate), pointer(p.correction), pointer(p.fade1), pointer(p.fade2), pointer(p.root), pointer(p.longest)
    )
    return Late(pointer(late.seen), pointer(late.rows), pointer(late.since), past)


@kernel
def _inputs(x: Inputs) -> Any:
    sparse = Sparse(pointer(x.sparse.starts), pointer(x.sparse.pixels), pointer(x.sparse.values))
    return Inputs(sparse, pointer(x.dense), pointer(x.classes))


@kernel
def train(
    net: Any, plan: Any, rates: Any, memory: Memory, work: Work, inputs: Inputs, codes: Any, order: Any,
    lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`epoch.train` for arrays."""
    before = flush_subnormals()
    done = epoch.train(
        pointer(net), pointer(plan), pointer(rates), memory_of(memory), _work(work), _inputs(inputs), pointer(codes),
        pointer(order), order.size, pointer(lrs), lrs.size, first_step, t, pointer(h), pointer(curve),
    )  # fmt: skip
    restore(before)
    return done


@kernel
def score(
    net: Any, plan: Any, memory: Memory, work: Work, inputs: Inputs, codes: Any, order: Any,
    of_example: Any, predicted: Any, outputs: Any,
) -> None:  # fmt: skip
    """`epoch.score` for arrays; outputs may be empty."""
    epoch.score(
        pointer(net), pointer(plan), pointer(memory.theta), _work(work), _inputs(inputs), pointer(codes),
        pointer(order), order.size, pointer(of_example), pointer(predicted), pointer(outputs), outputs.size > 0,
    )  # fmt: skip
