"""The jax engine beside the reference: the same losses, weights, slots and scores, for a run alone and in groups.

Compiling takes longer than everything else here, so many things are tried in one program, and XLA is told to hurry.
"""

import dataclasses
import importlib.util
import pickle
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.files import stamped
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training import requirements
from handgrad.training.engines import Epoch, Job, open_session
from handgrad.training.engines import jax as engine
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.jax import JaxGroup
from handgrad.training.engines.jax_programs import Programs, _programs, _train
from handgrad.training.engines.jax_store import OPTIONS, KeptProgram, folder
from handgrad.training.loop import execute
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.training_section import TrainingSection
from tests.training.conftest import make_run
from tests.training.test_torch import CNN, job_of

MLP = Network.parse((6,), "dense 8 tanh", "dropout 0.3", "batch-norm", "dense 7 relu", "dense 3 softmax")
PLAIN = Network.parse((6,), "dense 5 sigmoid", "dense 3 softmax")
ATOL = {"rmsprop": 1e-9}  # it divides by √s, which magnifies rounding where a gradient is nearly zero (test_torch)


@pytest.fixture(autouse=True, scope="module")
def hurried():
    """Programs of this file are compiled without optimizations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIONS, "cpu", {**OPTIONS["cpu"], "xla_backend_optimization_level": "0"})
        _programs.cache_clear()
        yield
        _programs.cache_clear()


def jobs_of(job, count, **changes):
    """As many jobs with other seeds; changes: name of a number in [training] -> its values."""
    training = [{name: values[i] for name, values in changes.items()} for i in range(count)]
    return [dataclasses.replace(job, seed=i, training=job.training.changed(**training[i])) for i in range(count)]


def start(job):
    return initialize(job.network, He(), Normal(std=0.1), job.seed, job.training.dtype)


def grouped(jobs, size=None):
    """A group with these runs -> (the group, an epoch for each member)."""
    first = jobs[0]
    job = dataclasses.replace(first, parts={**first.parts, "train_sample": first.parts["train"]})
    made, epochs, n = JaxGroup(size or len(jobs)), {}, len(job.parts["train"][1])
    size = n if job.training.batch_size == "full" else job.training.batch_size
    for i, one in enumerate(jobs):
        member = made.add(dataclasses.replace(one, parts=job.parts))
        member.load(start(one), {}, 0)
        lrs = 0.01 * (i + 1) * 0.9 ** np.arange(-(-n // size))
        epochs[member] = Epoch(np.random.default_rng(i).permutation(n), lrs, 10 * i)
    return made, epochs


def agree(jobs, size=None, epochs=1, rtol=1e-11, atol=1e-12):
    """Every run of a group is what it is with NumPy, up to the order of additions within an operation."""
    made, of_members = grouped(jobs, size)
    losses = [made.train_epoch(of_members) for _ in range(epochs)]
    for job, (mine, epoch) in zip(jobs, of_members.items(), strict=True):
        single = ArraySession(job)
        single.load(start(job), {}, 0)
        for found in losses:
            expected = single.train_epoch(epoch.order, epoch.lrs, epoch.first_step)
            np.testing.assert_allclose(found[mine], expected, rtol=max(rtol, 1e-6))
        (params, slots, t), (peer_params, peer_slots, peer_t) = single.export(), mine.export()
        assert t == peer_t
        assert params.keys() == peer_params.keys()
        assert slots.keys() == peer_slots.keys()
        for name, w in params.items():
            assert w.dtype == peer_params[name].dtype
            np.testing.assert_allclose(peer_params[name], w, rtol=rtol, atol=atol, err_msg=name)
        for name, kept in slots.items():
            for one, peer in zip(kept, peer_slots[name], strict=True):
                np.testing.assert_allclose(peer, one, rtol=rtol, atol=atol, err_msg=name)
        for one, peer in zip(single.score("validation"), mine.score("validation"), strict=True):
            np.testing.assert_allclose(peer, one, rtol=max(rtol, 1e-9))
        x = job.parts["train"][0][:5]
        np.testing.assert_allclose(mine.outputs(x), single.outputs(x), rtol=max(rtol, 1e-9), atol=atol)
    return made


# -- the same step


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_of_every_optimizer(optimizer):
    """Each run of a group has numbers of its own, also those that are powers of each other."""
    job = job_of(MLP, optimizer=optimizer, weight_decay=0.01, clip_norm=0.5, l2_form="plain", batch_size=10)
    given = {"momentum": (0.0, 0.5, 0.9), "rho": (0.9, 0.99, 0.5), "beta1": (0.9, 0.0, 0.5), "eps": (1e-8, 1e-3, 0.1)}
    own = [{k: v[i] for k, v in given.items() if k in OPTIMIZERS[optimizer].model_fields} for i in range(3)]
    jobs = jobs_of(
        job, 3, weight_decay=(0.01, 0.5, 1e-4), clip_norm=(0.05, 0.5, 1e9),
        optimizer=[{"name": optimizer, **numbers} for numbers in own],
    )  # fmt: skip
    agree(jobs, epochs=3, atol=ATOL.get(optimizer, 1e-12))


@pytest.mark.parametrize(("optimizer", "size"), [("nesterov", 1), ("adam", 3)])
def test_of_every_layer(optimizer, size):
    """The last batch is a shorter one."""
    agree(jobs_of(job_of(CNN, optimizer=optimizer), size), epochs=2, atol=1e-10)


@pytest.mark.parametrize("layers", [
    ["max-pool 2", "conv 3 2x2 stride 2 pad 1 relu", "dropout 0.5", "average-pool 3x1", "dense 3 log-softmax"],
    ["batch-norm tanh", "conv 2 3x3 stride 1x3 pad 1x0", "max-pool 2x2 stride 2x1", "dense 3 identity"],
    ["average-pool 2", "flatten", "dropout 0.2", "dropout 0.2", "dense 3 sigmoid"],
])  # fmt: skip
def test_of_layers_that_see_the_data_first(layers):
    network = Network.parse((2, 8, 6), *layers)
    loss = {"log-softmax": "nll"}.get(network.output, "squared-error")
    agree(jobs_of(job_of(network, loss=loss, batch_size=10, weight_decay=0.1, l2_form="per-example"), 2))


def test_of_every_activation_and_loss():
    """The functions themselves, as the compiler leaves them, NaN, kinks and huge numbers included."""
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=(5, 4)) * 3, [[0, 0, 1, -1], [1e3, -1e3, 0, 5], [np.nan, 1, 2, 3]]])
    T, da = np.eye(4)[rng.integers(0, 4, len(z))], rng.normal(size=z.shape)

    def everything(z, T, da):
        found = {}
        for name, activation in ACTIVATIONS.items():
            a = activation.forward(z)
            found[name] = a, activation.backward(da, a)
        for name, loss in LOSSES.items():
            found[f"{name} of z"] = loss.forward(z, T), loss.backward(z, T)
        return found

    with np.errstate(all="ignore"):
        expected = everything(z, T, da)
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(everything)(*map(jnp.asarray, (z, T, da))))
    for name, both in expected.items():
        for one, peer in zip(both, found[name], strict=True):
            assert one.dtype == peer.dtype
            np.testing.assert_allclose(peer, one, rtol=1e-13, atol=1e-15, err_msg=name)


@pytest.mark.parametrize(("batch_size", "reduction"), [(1, "mean"), (7, "sum"), (64, "mean"), ("full", "mean")])
def test_of_every_batch_size(batch_size, reduction):
    job = job_of(PLAIN, n=67, batch_size=batch_size, batch_reduction=reduction, loss="cross-entropy")
    agree(jobs_of(job, 3), epochs=2)


@pytest.mark.parametrize("size", [1, 16])
def test_of_groups_of_any_size(size):
    """All places but two are empty in the larger one."""
    agree(jobs_of(job_of(PLAIN, batch_size=5), min(size, 2)), size)


def test_in_float32_it_differs_by_rounding_only():
    """Also where a number of the optimizer is near 1: 1 − β of a float32 β would be wrong in the fifth digit."""
    optimizer = {"name": "adam", "beta2": 0.9999}
    job = job_of(Network.parse((6,), "dense 8 tanh", "dropout 0.3", "dense 3 softmax"), dtype="float32",
                 optimizer=optimizer, batch_size=10)  # fmt: skip
    jobs = jobs_of(job, 2, optimizer=[optimizer] * 2)
    made = agree(jobs, epochs=2, rtol=2e-5, atol=2e-6)
    for member, one in zip(made.members, jobs, strict=True):
        assert {w.dtype for w in member.export()[0].values()} == {np.dtype("float32")}
        single = ArraySession(one)
        single.load(start(one), {}, 0)
        epoch = list(grouped(jobs)[1].values())[member.index]
        for _ in range(2):
            single.train_epoch(epoch.order, epoch.lrs, epoch.first_step)
        for name, slots in single.export()[1].items():
            s, peer = slots[1], member.export()[1][name][1]
            np.testing.assert_allclose(peer, s, rtol=2e-5, atol=1e-12 * s.max() + 1e-30, err_msg=name)


@pytest.mark.parametrize("n", [20, 21])
def test_many_calls_of_the_program_are_one_epoch(monkeypatch, n):
    """Ten steps, four at a time: the last call has two that are too many; then the batch of one."""
    monkeypatch.setattr(engine, "LOOK_EVERY", 4)
    made = agree(jobs_of(job_of(PLAIN, n=n, batch_size=2, optimizer="adam"), 2), epochs=2)
    assert made.steps_at_once == 4


def test_an_update_takes_what_is_there_before_its_step_begins():
    """Beside the gradient; else XLA does not join the update with the product, and dW goes through a GPU's memory."""
    made, epochs = grouped([job_of(PLAIN, batch_size=4, optimizer="sgd")])
    (epoch,) = epochs.values()
    batches = next(made._batches({0: epoch}))
    state, batches, numbers = jax.tree.map(lambda a: a[0], (made._state, batches, made._numbers_here()))
    with made.programs._computing():
        traced = jax.make_jaxpr(partial(_train, made.job))(state, batches, numbers, made.parts["train"])
    (scan,) = [one for one in traced.eqns if one.primitive.name == "scan"]
    step = scan.params["jaxpr"].jaxpr
    made_by = {one.outvars[0]: one for one in step.eqns}

    def source(var):
        while var in made_by and made_by[var].primitive.name in ("broadcast_in_dim", "convert_element_type"):
            (var,) = made_by[var].invars
        return var

    for name, w in state[0].items():
        chosen = [
            one for one in step.eqns if one.params.get("name") == "_where" and one.outvars[0].aval.shape == w.shape
        ]
        assert chosen, name
        for one in chosen:
            makes, after, before = one.invars
            update = made_by[after]
            assert update.primitive.name == "sub"
            lr, _ = made_by[update.invars[1]].invars
            assert {source(makes), before, update.invars[0], source(lr)} <= set(step.invars), name


def test_a_scored_part_of_many_chunks(monkeypatch):
    """Two whole chunks in a loop, and the rest."""
    monkeypatch.setattr("handgrad.training.engines.jax_programs.passes.rows_at_once", lambda network, runs=1: 3)
    _programs.cache_clear()
    agree(jobs_of(job_of(PLAIN, batch_size=10), 2))
    _programs.cache_clear()


def test_a_session_of_its_name():
    job = job_of(PLAIN, engine="jax", batch_size=5)
    ours, theirs = (open_session(name, job) for name in ("array", "jax"))
    for session in (ours, theirs):
        session.load(start(job), {}, 7)
    order, lrs = np.arange(20), np.full(4, 0.1)
    np.testing.assert_allclose(theirs.train_epoch(order, lrs, 0), ours.train_epoch(order, lrs, 0), rtol=1e-6)
    np.testing.assert_allclose(
        theirs.train_epoch(order[:5], lrs[:1], 4), ours.train_epoch(order[:5], lrs[:1], 4), rtol=1e-6
    )
    assert theirs.export()[2] == ours.export()[2] == 12
    assert theirs.facts["jax"] == jax.__version__


# -- divergence


@pytest.mark.parametrize("look_every", [1, 3, 256])
@pytest.mark.parametrize("bad_step", [0, 1, 9])
def test_a_loss_that_is_not_finite_ends_one_run_before_its_update(monkeypatch, look_every, bad_step):
    network = Network.parse((6,), "dense 4 tanh", "dropout 0.2", "batch-norm", "dense 3")
    job = job_of(network, loss="squared-error", batch_size=2, optimizer={"name": "momentum", "lr": 0.01})
    job.parts["train"][0][2 * bad_step] = np.inf
    monkeypatch.setattr(engine, "LOOK_EVERY", look_every)
    jobs = jobs_of(job, 2)
    made, epochs = grouped(jobs)
    others = np.delete(np.arange(20), 2 * bad_step)  # the second run never sees it
    orders = np.arange(20), others[[*range(19), 0]]
    epochs = {
        member: dataclasses.replace(epoch, order=order)
        for (member, epoch), order in zip(epochs.items(), orders, strict=True)
    }
    with np.errstate(all="ignore"):
        for i, (member, losses) in enumerate(made.train_epoch(epochs).items()):
            single, epoch = ArraySession(jobs[i]), epochs[member]
            single.load(start(jobs[i]), {}, 0)
            expected = single.train_epoch(epoch.order, epoch.lrs, epoch.first_step)
            assert len(losses) == len(expected) == (bad_step + 1 if i == 0 else 10)
            np.testing.assert_allclose(losses, expected, rtol=1e-6)
            (params, slots, t), (peer_params, peer_slots, peer_t) = single.export(), member.export()
            assert t == peer_t == (bad_step if i == 0 else 10)
            for name, w in params.items():
                assert np.isfinite(peer_params[name]).all()
                np.testing.assert_allclose(peer_params[name], w, rtol=1e-11, atol=1e-13)
            for name in slots:
                np.testing.assert_allclose(peer_slots[name], slots[name], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("lr", [1e30, 1e39])  # 1e39 is no number of float32
def test_divergence_is_told_as_with_numpy(split, lr):
    found = [
        execute(make_run(engine=name, loss="squared-error", network={"output": "identity"},
                         optimizer={"name": "sgd", "lr": lr}), split)
        for name in ("array", "jax")
    ]  # fmt: skip
    assert found[1].status == "diverged"
    for key in ("epoch", "step", "layer"):
        assert found[0].data["diverged"][key] == found[1].data["diverged"][key]


# -- the check of the places


class Crooked(Programs):
    """The last place is treated otherwise: in its steps, or in its scores."""

    where = "steps"

    def train(self, state, *given):
        (params, slots, t), losses = super().train(state, *given)
        if self.where == "steps":
            with self._computing():
                params = {**params, "dense2.b": params["dense2.b"].at[-1].multiply(1 + 1e-12)}
        return (params, slots, t), losses

    def score(self, state, part):
        losses, predicted = super().score(state, part)
        if self.where == "scores":
            with self._computing():
                losses = losses.at[1].add(1e-9)
        return losses, predicted


@pytest.mark.parametrize(("where", "which"), [
    ("steps", "dense2.b differs between places 1 and 3"), ("scores", "loss in use differs between places 1 and 2"),
])  # fmt: skip
def test_bits_that_depend_on_the_place_are_refused(monkeypatch, where, which):
    monkeypatch.setattr(Crooked, "where", where)
    monkeypatch.setattr(engine.Programs, "of", staticmethod(lambda job, size: Crooked(job, size, job.tells_class)))
    made, epochs = grouped(jobs_of(job_of(PLAIN, batch_size=5), 3))
    with pytest.raises(InputError) as said:
        made.train_epoch(epochs)
    assert str(said.value) == (
        f"training.stack = 3: here (cpu) the bits of a run depend on its place in the group ({which}), so its results "
        "would depend on which runs share a program; set training.stack = 1"
    )


class Fickle(engine.Programs):
    """Programs that give other bits a second time."""

    calls = 0

    def train(self, state, *given):
        (params, slots, t), losses = super().train(state, *given)
        self.calls += 1
        if self.calls == 2:
            with self._computing():
                params = {**params, "dense1.W": params["dense1.W"] * (1 + 1e-12)}
        return (params, slots, t), losses


@pytest.mark.parametrize("runs", [1, 3])
def test_bits_that_are_others_a_second_time_are_refused(monkeypatch, runs):
    monkeypatch.setattr(engine.Programs, "of", staticmethod(lambda job, size: Fickle(job, size, job.tells_class)))
    made, epochs = grouped(jobs_of(job_of(PLAIN, batch_size=5), runs))
    with pytest.raises(InputError) as said:
        made.train_epoch(epochs)
    assert str(said.value) == (
        "the jax engine: here (cpu) the same steps give other bits a second time (dense1.W), so a run could not be "
        'made again; set training.engine = "array"'
    )


# -- programs are kept


class Gpu:
    """A processor that says it is a GPU: enough for what is kept, and where."""

    platform, device_kind, client = "gpu", "H100", jax.devices("cpu")[0].client


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    return tmp_path / "programs"


def compiled(device=Gpu):
    made = KeptProgram(lambda x: {"twice": x * 2}, device)
    assert made(np.arange(3.0, dtype=np.float32))["twice"].tolist() == [0, 2, 4]
    return made


def test_on_a_gpu_a_program_is_compiled_once_and_then_loaded(kept, monkeypatch):
    first = compiled()
    (file,) = [path for path in kept.iterdir() if path.suffix == ""]
    monkeypatch.setattr(jax.stages.Lowered, "compile", lambda *_, **__: pytest.fail("compiled again"))
    second = compiled()
    assert first.digest == second.digest
    assert len(first.digest) == 10
    assert file.parent == folder()


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("executed",))


@pytest.mark.parametrize(
    "damage",
    [b"", b"nonsense", stamped(pickle.dumps(3)), pickle.dumps(Evil()), bytes(32) + pickle.dumps(Evil())],
    ids=lambda damage: f"{len(damage)} bytes",
)
def test_a_damaged_file_is_compiled_again(kept, damage):
    compiled()
    (file,) = [path for path in kept.iterdir() if path.suffix == ""]
    file.write_bytes(damage)
    compiled()
    assert len(file.read_bytes()) > 100


def test_other_options_and_another_device_are_another_program(kept, monkeypatch):
    compiled()
    monkeypatch.setitem(OPTIONS, "gpu", {"xla_backend_extra_options": ""})
    compiled()
    monkeypatch.setattr(Gpu, "device_kind", "A100")
    compiled()
    assert len([path for path in kept.iterdir() if path.suffix == ""]) == 3


def test_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "file"))
    assert compiled(jax.devices("cpu")[0]).digest == ""  # a processor chooses nothing by timing
    with pytest.raises(InputError) as said:
        compiled()
    assert str(said.value) == (
        f"{tmp_path / 'file' / 'programs'}: cannot be written (Not a directory), but on a GPU compiled programs are "
        "kept there, so that later processes compute the same bits; set JAX_COMPILATION_CACHE_DIR to a folder that can "
        "be written"
    )


# -- what is chosen, and what is missing


def test_what_auto_takes_on_a_gpu(monkeypatch):
    monkeypatch.setattr("handgrad.training.run.jax_sees", lambda device: device == "cuda")
    for given, expected in (
        ({"device": "cuda"}, ("jax", "auto")),
        ({"device": "cuda", "arrays": "torch"}, ("array", "torch")),
        ({"device": "cuda", "engine": "torch"}, ("torch", "auto")),
        ({}, ("compiled", "auto")),
    ):
        training = make_run(**given).setting.resolved().training
        assert (training.engine, training.arrays) == expected
    monkeypatch.setattr("handgrad.training.run.jax_sees", lambda device: False)
    assert make_run(device="cuda").setting.resolved().training.engine == "array"
    assert make_run(device="cuda", stack=4).setting.resolved().training.engine == "jax"  # nothing else can
    assert make_run(device="cuda", tf32=True).setting.resolved().training.engine == "jax"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "jax", "arrays": "torch"}, "has arrays = 'torch', which only the array engine can use; set engine"),
        ({"tf32": 1}, "tf32 must be true or false; got 1"),
    ]
    + [
        ({"tf32": True, **given}, "has tf32 = true, which shortens products of float32 in the jax engine on a GPU; set")
        for given in (
            {}, {"engine": "jax"}, {"engine": "torch", "device": "cuda"}, {"device": "cuda", "dtype": "float64"}
        )
    ],
)  # fmt: skip
def test_what_cannot_go_together(given, message):
    with pytest.raises(InputError) as said:
        TrainingSection(**given)
    assert message in str(said.value)


def test_tf32_is_recorded_and_part_of_the_id_and_without_it_nothing_is():
    run = make_run(engine="jax", device="cuda")
    assert "tf32" not in run.setting.model_dump()["training"]
    assert make_run(engine="jax", device="cuda", tf32=False).id == run.id
    with_tf32 = make_run(engine="jax", device="cuda", tf32=True)
    assert with_tf32.setting.model_dump(mode="json", by_alias=True)["training"]["tf32"] is True
    assert with_tf32.id != run.id
    assert with_tf32.group_key != run.group_key


def test_products_are_exact_unless_tf32_is_set():
    for training, precision in (({}, "HIGHEST"), ({"tf32": True, "engine": "jax", "device": "cuda"}, "DEFAULT")):
        section = TrainingSection(dtype="float32", **training)
        programs = Programs(Job(PLAIN, section.changed(device="cpu", tf32=False), "one-hot", 0, {}), 1, True)
        programs.job = dataclasses.replace(programs.job, training=section)
        with programs._computing():
            text = jax.jit(jnp.matmul).lower(np.ones((2, 2)), np.ones((2, 2))).as_text()
        assert ("precision = [HIGHEST, HIGHEST]" in text) == (precision == "HIGHEST")


def test_without_jax(split, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as said:
        execute(make_run(engine="jax"), split)
    assert str(said.value) == (
        "training.engine = 'jax' needs JAX, which is not installed here; pip install 'handgrad[jax]', "
        'or set training.engine = "auto"'
    )
    with pytest.raises(InputError) as said:
        execute(make_run(engine="jax", device="cuda"), split)
    assert "pip install 'handgrad[jax]' 'jax[cuda13]', or set" in str(said.value)


def test_without_a_gpu(split, monkeypatch):
    monkeypatch.setattr(requirements, "jax_sees", lambda device: False)
    with pytest.raises(InputError) as said:
        execute(make_run(engine="jax", device="cuda"), split)
    assert str(said.value) == (
        f"training.device = 'cuda' needs an NVIDIA GPU and a JAX built for it; this JAX ({jax.__version__}) finds "
        "none; pip install 'handgrad[jax]' 'jax[cuda13]', or set training.device = \"cpu\""
    )


def test_the_rest_of_the_process_keeps_its_types():
    """The engine computes with 64-bit numbers where it must, without telling other users of JAX to."""
    agree(jobs_of(job_of(PLAIN, batch_size=5), 1))
    assert jnp.ones(1).dtype == np.float32
    assert jnp.asarray([1]).dtype == np.int32
