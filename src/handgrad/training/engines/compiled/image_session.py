"""Networks of images, and all others that are more than dense layers and dropout: a program of operations.

A second program scores: it may take more examples at once than a small batch has.
"""

from collections.abc import Sequence

import numpy as np

from handgrad.data.batches import batch_length
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.compiled import slip_numbers
from handgrad.training.engines.compiled.kernels import constants as c
from handgrad.training.engines.compiled.kernels import layout
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.images.image_passes import ImageInputs, ImageWork
from handgrad.training.engines.compiled.program import BLOCK_LANES, IMAGE_CHUNK, Program, has_norm
from handgrad.training.engines.compiled.session import CompiledSession, Pass


class ImageSession(CompiledSession):
    """Trains a network that is a program of operations."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._prepare("images")
        n = len(job.parts["train"][1])
        batch = min(n, batch_length(n, job.training.batch_size))
        slips, chunk = job.training.slips, batch if has_norm(job.network) else min(batch, IMAGE_CHUNK)
        self.trained = Program(job.network, self.dtype, chunk, slips)
        self.scored = Program(job.network, self.dtype, IMAGE_CHUNK, slips)
        self.places = self.trained.places
        self.inputs = self._all_inputs()
        self.memory = self._allocate(self.trained.parameters, gradient=True)
        kept = slip_numbers.kept_in_training(self.trained.kept(), slips)
        self.train_pass = self._pass(self.trained, batch, kept)
        self.score_pass = self._pass(self.scored, IMAGE_CHUNK, self.scored.kept())
        self.train_pass.constants[[c.TRAIN, c.DROPS]] = 1
        self.train_pass.constants[c.WEIGHTED] = job.weights is not None
        self.score_pass.constants[c.SHARED] = 0

    def _inputs(self, x: np.ndarray, y: np.ndarray, weights: Sequence[float] | np.ndarray = ()) -> ImageInputs:
        return ImageInputs(self._read_only(x), self._rows_of_targets(y), np.array(weights, self.dtype))

    def _pass(self, program: Program, batch: int, kept: np.ndarray) -> Pass:
        constants = self._constants(batch=batch, chunk=program.rows, parameters=program.parameters)
        constants[c.OPERATIONS], constants[c.FIRST] = len(program.table), program.first
        constants[c.LANES] = program.lanes
        return Pass(program.table.ravel(), constants, self._workspace(program, kept))

    def _workspace(self, program: Program, kept: np.ndarray) -> ImageWork:
        cols = int(program.table[:, ops.COLS].max())
        room = layout.size(1, int(program.table[:, ops.CHANNELS].max()), program.L)
        return ImageWork(
            layout.aligned(program.space, self.dtype),
            np.array(program.taps, np.int64),
            kept,
            layout.aligned(program.transposed(), self.dtype),
            np.zeros(room, self.dtype),
            np.zeros(room, self.dtype),
            np.zeros((cols + 1) * program.lanes + program.L, self.dtype),
            np.zeros(BLOCK_LANES, np.int64),
        )

    def load(self, params: Params, slots: Slots, t: int) -> None:
        super().load(params, slots, t)
        for one in (self.train_pass, self.score_pass):
            one.work.space[:] = 0  # what diverged before is gone
