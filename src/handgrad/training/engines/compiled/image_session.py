"""The compiled engine for networks of images, and for all others that are more than dense layers and dropout.

An epoch is one call of machine code.  The network becomes a program (`program`), a second one scores: it may take more
examples at once than a small batch has.  The mathematics is in `kernels`.
"""

from typing import Any

import numpy as np

from handgrad.data.batches import batch_length
from handgrad.network.losses import LOSSES
from handgrad.network.targets import encode
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.compiled.calling import call
from handgrad.training.engines.compiled.compilation import entry_point, prepare
from handgrad.training.engines.compiled.kernels import layout, losses, updates
from handgrad.training.engines.compiled.kernels.images import image_passes
from handgrad.training.engines.compiled.kernels.images import ops as p
from handgrad.training.engines.compiled.kernels.images.image_passes import ImageWork
from handgrad.training.engines.compiled.program import LANES, PART, Program, has_norm


class CompiledImageSession:
    """Trains a network of images with compiled kernels, an epoch a call."""

    def __init__(self, job: Job) -> None:
        self.job, training = job, job.training
        prepare(training.dtype, "images")
        self.dtype = np.dtype(training.dtype)
        n = len(job.parts["train"][1])
        batch = min(n, batch_length(n, training.batch_size))
        self.trained = Program(job.network, self.dtype, batch if has_norm(job.network) else min(batch, PART))
        self.scored = Program(job.network, self.dtype, PART)
        self.work, self.score_work = self._workspace(self.trained), self._workspace(self.scored)
        self.k = job.network.n_outputs
        self.codes = encode(np.arange(self.k), self.k, job.targets, self.dtype).ravel()
        self.inputs = {name: (self._input(x), np.array(y, np.int64)) for name, (x, y) in job.parts.items()}
        self.slot_count = len(training.optimizer.slots)
        count = self.trained.parameters
        sizes = (count, *(count if self.slot_count > s else 0 for s in (0, 1)), count)
        self.memory = updates.Memory(*(layout.aligned(size, self.dtype) for size in sizes))
        self.h = np.zeros(updates.NUMBERS, self.dtype)
        self.plan, self.score_plan = self._plan(self.trained, batch, True), self._plan(self.scored, PART, False)
        self.rates = updates.rates(training)
        self.t = 0

    # -- what the kernels are given

    def _input(self, x: np.ndarray) -> np.ndarray:
        flat = np.ascontiguousarray(x, dtype=self.dtype).reshape(-1)
        flat.flags.writeable = False  # what is mapped from a file is, and the kernels' types say so
        return flat

    def _workspace(self, program: Program) -> ImageWork:
        widest, cols = int(program.table[:, p.CHANNELS].max()), int(program.table[:, p.COLS].max())
        return ImageWork(
            layout.aligned(program.space, self.dtype),
            np.array(program.taps, np.int64),
            program.kept(),
            layout.aligned(program.turned(), self.dtype),
            np.zeros(widest, self.dtype),
            np.zeros(widest, self.dtype),
            np.zeros((cols + 1) * program.lanes + program.L, self.dtype),
            np.zeros(LANES, np.int64),
        )

    def _plan(self, program: Program, batch: int, train: bool) -> np.ndarray:
        training, plan = self.job.training, np.zeros(image_passes.PLAN, np.int64)
        plan[image_passes.OPERATIONS], plan[image_passes.FIRST] = len(program.table), program.first
        plan[image_passes.BATCH], plan[image_passes.PART] = batch, program.rows
        plan[image_passes.LANES], plan[image_passes.PARAMETERS] = program.lanes, program.parameters
        plan[image_passes.TRAIN] = train
        plan[image_passes.LOSS] = losses.CODES[training.loss]
        plan[image_passes.FUSED] = self.job.network.output == LOSSES[training.loss].fused_with
        plan[image_passes.MEAN] = training.batch_reduction == "mean"
        plan[image_passes.RULE] = updates.CODES[training.optimizer.name]
        plan[image_passes.KEY] = dropout_key(self.job.seed)
        plan[image_passes.PER_EXAMPLE] = training.l2_form == "per-example"
        return plan

    # -- the protocol

    def _fill(self, flat: np.ndarray, arrays: Params) -> None:
        for name, array in arrays.items():
            offset, rows, shape, turned = self.trained.places[name]
            matrix = array.reshape(shape)
            if rows:
                layout.pack(matrix.T if turned else matrix, flat, offset)
            else:
                flat[offset : offset + array.size] = array.ravel()

    def _read(self, flat: np.ndarray) -> Params:
        arrays = {}
        for name, whole in self.job.network.parameter_shapes.items():
            offset, rows, shape, turned = self.trained.places[name]
            if rows:
                matrix = layout.unpack(flat, offset, rows, shape[0] if turned else shape[1])
            else:
                matrix = flat[offset : offset + shape[0] * shape[1]].copy()
            arrays[name] = np.ascontiguousarray(matrix.T if turned else matrix).reshape(whole)
        return arrays

    def load(self, params: Params, slots: Slots, t: int) -> None:
        self._fill(self.memory.theta, params)
        for s, flat in enumerate((self.memory.slot1, self.memory.slot2)[: self.slot_count]):
            flat[:] = 0
            self._fill(flat, {name: arrays[s] for name, arrays in slots.items()})
        for work in (self.work, self.score_work):
            work.space[:] = 0  # what diverged before is gone
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        slots = [self._read(flat) for flat in (self.memory.slot1, self.memory.slot2)[: self.slot_count]]
        params = self._read(self.memory.theta)
        learnt = [name for name in params if name not in self.job.network.buffer_names]
        return params, {name: tuple(slot[name] for slot in slots) for name in learnt}, self.t

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        curve = np.zeros(len(lrs), np.float32)
        x, classes = self.inputs["train"]
        done = self._call("train_images", self.plan, len(order), (
            self.trained.table.ravel(), self.plan, self.rates, self.memory, self.work, x, classes, self.codes,
            np.ascontiguousarray(order, np.int64), np.asarray(lrs, np.float64), first_step, self.t, self.h, curve,
        ))  # fmt: skip
        self.t += done - (not np.isfinite(curve[done - 1]))
        return curve[:done]

    def _score(self, x: np.ndarray, classes: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = len(classes)
        of_example, predicted = np.zeros(n, self.dtype), np.zeros(n, np.int64)
        self._call("score_images", self.score_plan, n, (
            self.scored.table.ravel(), self.score_plan, self.memory, self.score_work, x, classes, self.codes,
            np.arange(n), of_example, predicted, outputs,
        ))  # fmt: skip
        return of_example, predicted

    def _call(self, name: str, plan: np.ndarray, n: int, arguments: tuple[Any, ...]) -> Any:
        kernel, products = entry_point(name, self.dtype.name), n * self.job.network.multiplications
        return call(kernel, arguments, plan=plan, stop=image_passes.STOP, products=products)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        return self._score(*self.inputs[part], np.zeros(0, self.dtype))

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs = np.zeros(len(x) * self.k, self.dtype)
        self._score(self._input(x), np.zeros(len(x), np.int64), outputs)
        return outputs.reshape(len(x), self.k)
