"""The compiled engine with slips against the reference with the same slips, but for rounding the same.

The bounds are those of test_compiled.  Every slip that has a kernel is trained on every path of the kernels: examples
one at a time and in batches, sparse and dense, rows that wait, chunks that are put aside, clipping, images.
"""

import numpy as np
import pytest

from handgrad.network.losses import LOSSES
from handgrad.training import twins
from handgrad.training.engines.compiled.dense_session import DenseSession
from handgrad.training.engines.compiled.image_session import ImageSession
from handgrad.training.engines.compiled.kernels import constants as c
from handgrad.training.engines.compiled.kernels import layout
from handgrad.training.engines.compiled.kernels.dense import stages
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.vectors import lanes_of
from handgrad.training.engines.compiled.slip_numbers import derivative_code, derivative_way
from handgrad.training.slips import SLIPS
from handgrad.training.step_functions import AROUND
from tests.training import test_compiled_images
from tests.training.test_compiled import EPOCH, FAST, FEW, begin, compare, make_job, train

NAMES = sorted(twins.SLIPS)
CURVED = sorted(twins.DERIVATIVES)
DENSE = ("dense 70 relu", "dropout 0.3", "dense 40 tanh", "dense 4 softmax")
IMAGES = ("conv 5 3x3 relu", "max-pool 2", "dropout 0.3", "conv 6 2x2 tanh", "flatten", "dense 12 relu", "dropout 0.4",
          "dense 4 softmax")  # fmt: skip
NORMED = ("conv 5 3x3", "batch-norm relu", "dropout 0.3", "flatten", "dense 12", "batch-norm tanh", "dense 4 softmax")
SQUARES = {"loss": "mean-squared-error"}  # not fused with softmax
SETTINGS = {  # in which a slip changes something
    "momentum-sign": {"optimizer": {"name": "momentum", "lr": 0.01}},
    "l2-without-learning-rate": {"weight_decay": 0.002},
    "l2-on-biases": {"weight_decay": 0.05},
    "activation-derivative-at-z": {"optimizer": {"name": "sgd", "lr": 0.0002}},  # z·(1 − z) has no bound
    "gradient-summed": {"optimizer": {"name": "sgd", "lr": 0.0002}},  # times a batch of up to 700
}


def job_of(name, layers=DENSE, images=False, **more):
    """A run with that slip, which changes something there."""
    make = test_compiled_images.make_job if images else make_job
    if name == "bias-gradient-summed-over-units":  # of softmax the sum is 0 but for rounding
        layers = [layer.replace("softmax", "sigmoid") for layer in layers]
    shape = {"shape": (2, 8, 8)} if images else {}
    job = make(layers, **{**SQUARES, **SETTINGS.get(name, {}), **shape, "slips": [name], **more})
    assert SLIPS[name].applies(job.network, job.training)
    return job


def check(job, ulps, slack=0.0, **how):
    compare(job, ulps, slack, engine=ImageSession if len(job.network.input_shape) == 3 else DenseSession, **how)


def without(job):
    return type(job)(job.network, job.training.changed(slips=()), job.targets, job.seed, job.parts)


OF_BATCHES = ("bias-gradient-not-averaged", "gradient-summed", "gradient-averaged-twice", "dropout-same-mask-for-all")
SINGLE = [name for name in NAMES if name not in OF_BATCHES]


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_after_few_steps(name, sparse, dtype, steps):
    for size in (1, 7) if name in SINGLE else (7,):
        check(job_of(name, sparse=sparse, dtype=dtype, batch_size=size), FEW, steps=steps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_epochs(name, dtype):
    for size in (1, 64, "full") if name in SINGLE else (64, "full"):
        check(job_of(name, dtype=dtype, batch_size=size), EPOCH, epochs=2)


@pytest.mark.skipif(not FAST, reason="600 examples take long in Python")
@pytest.mark.parametrize("more", [{}, {"clip_norm": 0.01}, {"sparse": False}])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_larger_than_the_workspace(name, more):
    check(job_of(name, n=700, batch_size=600, **more), EPOCH, epochs=2)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_that_is_clipped(name, size):
    if size == 7 or name in SINGLE:
        check(job_of(name, clip_norm=0.05, batch_size=size), EPOCH, epochs=1)


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize(
    "name", ["bias-gradient-summed-over-units", "l2-without-learning-rate", "l2-on-biases", "biases-not-updated"]
)
def test_every_optimizer(name, optimizer):
    """Slots of biases go on where biases do not; W shrinks beside every kind of step."""
    job = job_of(name, batch_size=7, optimizer={"name": optimizer, "lr": 0.001})
    slack = 0.02 * job.training.optimizer.lr if optimizer in ("adagrad", "rmsprop", "adam", "adamw") else 0.0
    check(job, FEW, slack, steps=1)
    check(job, EPOCH, slack, epochs=1)


def test_rows_that_wait_by_an_opposed_velocity():
    """(−μ)ᵏ alternates: the steps without a gradient of a rare pixel, made as one."""
    job = job_of("momentum-sign", n_in=40, batch_size=1, optimizer={"name": "momentum", "lr": 0.01})
    x = job.parts["train"][0]
    x[:, ::2][np.random.default_rng(2).uniform(size=x[:, ::2].shape) < 0.95] = 0
    assert begin(DenseSession, job).lazy
    check(job, FEW, steps=10)
    check(job, EPOCH, epochs=2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_networks_of_images(name, dtype):
    for size in (1, 7, 50) if name in SINGLE else (7, 50):
        check(job_of(name, IMAGES, images=True, dtype=dtype, batch_size=size), FEW, steps=1)
        check(job_of(name, IMAGES, images=True, dtype=dtype, batch_size=size), EPOCH, epochs=1)


@pytest.mark.parametrize("name", NAMES)
def test_networks_with_batch_norm(name):
    """γ and β are no biases: no slip of biases touches them."""
    check(job_of(name, NORMED, images=True, dtype="float64", batch_size=17), 2**14, epochs=1)
    check(job_of(name, NORMED, images=True, dtype="float64", batch_size=17, clip_norm=0.05), 2**14, epochs=1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("name", CURVED)
def test_every_curved_activation(name, activation, dtype):
    """Its derivative at a, at z and twice, in the first layer, behind dropout, in a narrow and in the last layer."""
    layers = [f"dense {units} {activation}" for units in (70, 40, 20, 4)]
    layers.insert(2, "dropout 0.3")
    for more in ({"batch_size": 1}, {"batch_size": 7, "sparse": False}, {"batch_size": 7, "clip_norm": 0.01}):
        check(job_of(name, layers, dtype=dtype, **more), EPOCH, epochs=2)
    if FAST:
        check(job_of(name, layers, dtype=dtype, n=700, batch_size="full"), EPOCH, epochs=3)
        check(job_of(name, layers, dtype=dtype, n=700, batch_size=300), EPOCH, epochs=2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("name", CURVED)
def test_every_curved_activation_of_images(name, activation, dtype):
    """Of convolutions in front of a pool, of dropout and of rows, of batch norm, of images of any lanes and strides."""
    layers = [f"conv 5 3x3 {activation}", "max-pool 2", f"conv 6 2x2 stride 2 pad 1 {activation}", "dropout 0.3"]
    layers += [f"conv 3 2x2 {activation}", "flatten", f"dense 12 {activation}", "dropout 0.4", "dense 4 softmax"]
    for size in (1, 7, 50, "full"):
        check(job_of(name, layers, images=True, dtype=dtype, batch_size=size), EPOCH, epochs=2)
    normed = [layer.replace("relu", activation).replace("tanh", activation) for layer in NORMED]
    check(job_of(name, normed, images=True, dtype="float64", batch_size=17), 2**14, epochs=2)


TOGETHER = [
    ["activation-derivative-at-a", "dropout-not-rescaled", "gradient-doubled"],
    ["bias-gradient-not-averaged", "activation-derivative-at-z", "l2-without-learning-rate"],
    ["bias-gradient-not-averaged", "activation-derivative-twice", "gradient-summed", "l2-on-biases"],
    ["bias-gradient-summed-over-units", "l2-without-learning-rate", "l2-on-biases"],
    ["l2-without-learning-rate", "l2-on-biases", "biases-not-updated"],
    ["softmax-gradient-diagonal", "biases-not-updated", "gradient-doubled"],
    ["dropout-not-rescaled", "dropout-same-mask-for-all", "dropout-while-scoring"],
    ["gradient-summed", "gradient-halved", "bias-gradient-not-averaged"],
]


@pytest.mark.parametrize("slips", TOGETHER, ids="+".join)
def test_several_at_once(slips):
    more = {"slips": slips, "weight_decay": 0.002, "optimizer": {"name": "sgd", "lr": 0.002}}
    for size in (1, 7, "full"):
        if size == 7 or all(name in SINGLE for name in slips):
            check(job_of(slips[0], batch_size=size, **more), EPOCH, epochs=2)
    check(job_of(slips[0], IMAGES, images=True, batch_size=7, **more), EPOCH, epochs=1)
    adamw = {**more, "optimizer": {"name": "adamw", "lr": 0.001}}
    check(job_of(slips[0], batch_size=7, **adamw), EPOCH, 0.02 * 0.001, epochs=1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("images", [False, True])
def test_it_changes_something(name, images):
    """So that agreement is no agreement of two engines that leave the slip out."""
    job = job_of(name, IMAGES if images else DENSE, images=images, batch_size=7)
    wrong, right = (begin(ImageSession if images else DenseSession, one) for one in (job, without(job)))
    for session in (wrong, right):
        train(session, job)
    if name == "dropout-while-scoring":
        assert all(w.tobytes() == right.export()[0][n].tobytes() for n, w in wrong.export()[0].items())
        assert (wrong.score("validation")[0] != right.score("validation")[0]).mean() > 0.9
        x = job.parts["train"][0]
        assert wrong.outputs(x).tobytes() == right.outputs(x).tobytes()
    else:
        assert any((w != right.export()[0][n]).any() for n, w in wrong.export()[0].items())


@pytest.mark.skipif(not FAST, reason="2,300 examples take long in Python")
@pytest.mark.parametrize("images", [False, True])
def test_a_score_with_dropout_of_more_examples_than_the_reference_scores_at_once(images):
    """1000 at once have the masks of one step, the next 1000 those of the next; chunks here have 256 or 32."""
    job = job_of("dropout-while-scoring", IMAGES if images else DENSE, images=images, n=4600, batch_size=100)
    assert len(job.parts["validation"][1]) == 2300
    check(job, FEW, steps=1)


@pytest.mark.parametrize("size", [1, 7])
def test_biases_that_stay_are_the_same_bits(size):
    job = job_of("biases-not-updated", batch_size=size)
    session = begin(DenseSession, job)
    before = session.export()[0]
    train(session, job)
    for name, w in session.export()[0].items():
        assert (w.tobytes() == before[name].tobytes()) == name.endswith(".b")


def test_biases_with_one_gradient_move_together_and_their_padding_not_at_all():
    job = job_of("bias-gradient-summed-over-units", batch_size=7)
    session = begin(DenseSession, job)
    before = session.export()[0]
    train(session, job)
    for name, b in session.export()[0].items():
        if name.endswith(".b"):
            moved = b - before[name]
            assert np.ptp(moved) < 1e-6 < abs(moved).max()
            begins, L = session.places[name].offset, lanes_of(np.float32)
            assert not session.memory.theta[begins + len(b) : begins + layout.size(1, len(b), L)].any()


def test_derivatives():
    """Codes of twins: 0 identity, 1 sigmoid, 2 tanh, 3 relu, 5 softmax."""
    assert [derivative_code(name, []) for name in ("tanh", "relu", "softmax")] == [2, 3, 5]
    assert [derivative_code(name, ["softmax-gradient-diagonal"]) for name in ("tanh", "softmax")] == [2, 1]
    assert [derivative_code(name, ["relu-derivative-one"]) for name in ("tanh", "relu")] == [2, 0]
    assert [derivative_code(name, ["activation-derivative-missing"]) for name in ("tanh", "softmax")] == [0, 0]


def test_the_way_of_a_derivative():
    """Codes of twins: 1 at a, 2 at z, 3 twice; 0, the right one, where an activation has no other."""
    for name, way in zip(CURVED, (1, 2, 3), strict=True):
        found = [derivative_way(activation, [name]) for activation in twins.ACTIVATIONS]
        assert found == [way if activation in ("sigmoid", "tanh", "softmax") else 0 for activation in twins.ACTIVATIONS]
        assert [derivative_code(activation, [name]) for activation in ("tanh", "softmax")] == [2, 5]
    assert derivative_way("tanh", ["activation-derivative-missing"]) == derivative_way("tanh", []) == 0


@pytest.mark.parametrize("images", [False, True])
def test_z_is_kept_for_the_slip_that_needs_it_alone(images):
    """Room for z of tanh and softmax, where the derivative is taken at it; else it is taken where the outputs are."""
    sizes = {}
    for name in CURVED:
        job = job_of(name, IMAGES if images else DENSE, images=images, batch_size=7)
        for one in (job, without(job)):
            session = begin(ImageSession if images else DenseSession, one)
            columns = ops if images else stages
            table = session.train_pass.table.reshape(-1, columns.COLUMNS)
            at_z = table[:, columns.WAY] == 2
            assert at_z.any() == (one.training.slips == ("activation-derivative-at-z",))
            assert ((table[:, columns.POINT] == table[:, columns.A]) == ~at_z).all()
            sizes[one.training.slips] = session.train_pass.work.space.size
    assert len(set(sizes.values())) == 2
    assert max(sizes, key=sizes.get) == ("activation-derivative-at-z",)


def test_without_slips_every_number_is_that_of_the_reference():
    job = make_job(DENSE, batch_size=7)
    session = begin(DenseSession, job)
    one = session.train_pass.constants
    assert one[c.AVERAGED] == one[c.MEAN] == 1
    assert not one[[c.BESIDE, c.ASIDE, c.BIAS_GRADIENT, c.DECAYED, c.FIXED, c.SHARED]].any()
    assert session.rates[c.FACTOR] == 1
    assert session.memory.grad.size == 0
    assert session.train_pass.work.kept is session.score_pass.work.kept


def test_what_has_a_kernel_is_a_slip_of_a_step_or_of_a_score():
    assert all(SLIPS[name].changes not in AROUND for name in twins.SLIPS)
    for codes in (twins.BIAS_GRADIENTS, twins.DERIVATIVES):
        assert set(codes) < twins.SLIPS
        assert len({0, *codes.values()}) == 1 + len(codes)


def test_a_setting_that_fuses_softmax_is_not_one_for_its_derivative():
    assert LOSSES["cross-entropy"].fused_with == "softmax"
    with pytest.raises(AssertionError):
        job_of("softmax-gradient-diagonal", loss="cross-entropy", batch_size=7)
