"""Slips of the backward pass: gradients that are not those of the loss.

Letters as in `network`: dz (n, units), da, do gradients of a batch of m examples; dW, db those of a layer's parameters.
Each function takes the right function and gives the wrong one.
"""

from collections.abc import Callable
from typing import Any

from array_api_compat import array_namespace

from handgrad.network.arrays import Array
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training.step_functions import AtStep, Slip

Right = Callable[..., Any]
CURVED = ("sigmoid", "tanh", "softmax")  # whose f′ at a, at z and squared are other numbers


def _of_bias(change: Callable[[Array, Array], Array]) -> Callable[[Right, AtStep], Right]:
    """A wrong `layer_backward`: db becomes change(db, x)."""

    def wrong(right: Right, at: AtStep) -> Right:
        def layer_backward(layer: Any, dz: Array, x: Array, params: Any, mask: Any, needs_dx: bool) -> Any:
            dx, grads = right(layer, dz, x, params, mask, needs_dx)
            return dx, grads | {"b": change(grads["b"], x)} if "b" in grads else grads

        return layer_backward

    return wrong


def _one_for_all(db: Array, x: Array) -> Array:
    xp = array_namespace(db)
    return xp.zeros_like(db) + xp.sum(db)


def _weights_updated_early(right: Right, at: AtStep) -> Right:
    decay = at.training.weight_decay

    def layer_backward(layer: Any, dz: Array, x: Array, params: Any, mask: Any, needs_dx: bool) -> Any:
        dx, grads = right(layer, dz, x, params, mask, needs_dx)
        if needs_dx and "W" in grads:
            m = x.shape[0]
            of_penalty = decay / m if at.training.l2_form == "per-example" else decay
            W = params["W"] - at.lr * (grads["W"] + of_penalty * params["W"])
            dx, _ = right(layer, dz, x, {**params, "W": W}, mask, needs_dx)
        return dx, grads

    return layer_backward


def _of_activation(names: tuple[str, ...] | None, change: Callable[..., Array]) -> Callable[[Right, AtStep], Right]:
    """A wrong `activation_backward` of the activations with these names (None: of all)."""

    def wrong(right: Right, at: AtStep) -> Right:
        def activation_backward(activation: Any, da: Array, a: Array, z: Callable[[], Array]) -> Array:
            if names is not None and activation.name not in names:
                found: Array = right(activation, da, a, z)
                return found
            return change(activation, da, a, z)

        return activation_backward

    return wrong


def _of_gradient(factor: float) -> Callable[[Right, AtStep], Right]:
    """A wrong `loss_backward`: do times a number."""

    def wrong(right: Right, at: AtStep) -> Right:
        return lambda loss, o, T: factor * right(loss, o, T)

    return wrong


def _summed(right: Right, at: AtStep) -> Right:
    return lambda do, m, batch_reduction: do


def _averaged_twice(right: Right, at: AtStep) -> Right:
    return lambda do, m, batch_reduction: right(do, m, batch_reduction) / m


# -- where they change something


def _always(network: Network, training: Any) -> bool:
    return True


def _mean(network: Network, training: Any) -> bool:
    return bool(training.batch_reduction == "mean" and training.batch_size != 1)


def has_biases(network: Network, training: Any) -> bool:
    """Whether a layer of the network has biases."""
    return any("b" in names for names in network.parameter_names)


def _mean_and_biases(network: Network, training: Any) -> bool:
    return _mean(network, training) and has_biases(network, training)


def _hidden_weights(network: Network, training: Any) -> bool:
    layers = sum("W" in names for names in network.parameter_names)
    return layers > 1 and training.optimizer.name == "sgd" and training.clip_norm is None


def _used(network: Network, training: Any) -> set[str]:
    """The activations whose backward is computed: one that is fused with the loss has none of its own."""
    layers = network.layers[:-1] if network.output == LOSSES[training.loss].fused_with else network.layers
    return {layer.activation for layer in layers}


def _any_of(*names: str) -> Callable[[Network, Any], bool]:
    return lambda network, training: bool(_used(network, training) & set(names))


def _not_identity(network: Network, training: Any) -> bool:
    return bool(_used(network, training) - {"identity"})


GRADIENT_SLIPS = (
    Slip(
        "bias-gradient-summed-over-units",
        changes="layer_backward",
        term="db",
        formula="db_u = Σ_i Σ_v dz_iv for every unit u",
        right="db_u = Σ_i dz_iu",
        why="a sum over all axes: np.sum(dz) in place of np.sum(dz, axis=0)",
        fingerprint="db of every layer is one number: the sum of the right db",
        symptom="all biases of a layer move together, fastest where weights are small; at some seeds one class is left",
        wrong=_of_bias(_one_for_all),
        needs="a layer with biases",
        applies=has_biases,
        gradient=True,
        source="eee543, Table III",
    ),
    Slip(
        "bias-gradient-not-averaged",
        changes="layer_backward",
        term="db",
        formula="db = Σ_i dz_i of the losses' sum",
        right="db = (1/m) Σ_i dz_i",
        why="dW is divided by m, and db forgotten",
        fingerprint="db is m times the right db; dW is right",
        symptom="biases learn m times as fast as weights; unstable at rates that suit the weights",
        wrong=_of_bias(lambda db, x: db * x.shape[0]),
        needs='a layer with biases, training.batch_reduction = "mean" and batches of 2 or more',
        applies=_mean_and_biases,
        gradient=True,
    ),
    Slip(
        "weights-updated-before-backpropagation",
        changes="layer_backward",
        term="dx",
        formula="dx = dz @ (W − lr·dW)ᵀ",
        right="dx = dz @ Wᵀ",
        why="each layer is updated in the loop that goes backward, before its W is used for the layer below",
        fingerprint="gradients of the last layer are right; those below differ by a part that grows with lr",
        symptom="hardly any at small lr; at large lr less stable than it should be",
        wrong=_weights_updated_early,
        needs="two layers with weights, training.optimizer = sgd and no clip_norm",
        applies=_hidden_weights,
        gradient=True,
    ),
    Slip(
        "softmax-gradient-diagonal",
        changes="activation_backward",
        term="f′",
        formula="dz_i = da_i·a_i·(1 − a_i)",
        right="dz_i = a_i·(da_i − Σ_j da_j·a_j)",
        why="the derivative of softmax is taken for that of sigmoid: only the diagonal of its Jacobian",
        fingerprint="Σ_i dz_i of an example is not 0",
        symptom="learns, a little less well; breaks down after some epochs at rates that the right gradient bears",
        wrong=_of_activation(("softmax",), lambda activation, da, a, z: da * a * (1 - a)),
        needs="a softmax that is not fused with its loss, such as with mean-squared-error",
        applies=_any_of("softmax"),
        gradient=True,
        source="Fashion-MNIST by hand (fashion), Figures 1 to 3",
    ),
    Slip(
        "activation-derivative-missing",
        changes="activation_backward",
        term="f′",
        formula="dz = da",
        right="dz = da·f′(z)",
        why="the error is carried back by W alone",
        fingerprint="dz equals da in every layer",
        symptom="gradients below are too large, and do not vanish where units are saturated",
        wrong=_of_activation(None, lambda activation, da, a, z: da),
        needs="an activation other than identity whose backward is computed",
        applies=_not_identity,
        gradient=True,
    ),
    Slip(
        "activation-derivative-at-a",
        changes="activation_backward",
        term="f′",
        formula="dz = da·f′(a)",
        right="dz = da·f′(z)",
        why="f′ is written for z and called with a: sigmoid_derivative(a)",
        fingerprint="dz is the backward at f(a) in place of a; of sigmoid it is never below 0.19·da",
        symptom="learns nearly as well; saturated units get gradients that they should not",
        wrong=_of_activation(CURVED, lambda activation, da, a, z: activation.backward(da, activation.forward(a))),
        needs="a sigmoid, tanh or softmax that is not fused with its loss",
        applies=_any_of(*CURVED),
        gradient=True,
    ),
    Slip(
        "activation-derivative-at-z",
        changes="activation_backward",
        term="f′",
        formula="dz = da·g(z), where f′(z) = g(a)",
        right="dz = da·g(a)",
        why="f′ is written in terms of a, as a·(1 − a), and called with z",
        fingerprint="dz of sigmoid is da·z·(1 − z), of tanh da·(1 − z²): large and of the wrong sign for large |z|",
        symptom="diverges or stands still as soon as some |z| > 1",
        wrong=_of_activation(CURVED, lambda activation, da, a, z: activation.backward(da, z())),
        needs="a sigmoid, tanh or softmax that is not fused with its loss",
        applies=_any_of(*CURVED),
        gradient=True,
    ),
    Slip(
        "activation-derivative-twice",
        changes="activation_backward",
        term="f′",
        formula="dz = da·f′(z)²",
        right="dz = da·f′(z)",
        why="f′ stands in the layer's backward and once more in the loop",
        fingerprint="dz is the backward of the right dz",
        symptom="gradients vanish: with sigmoid at most 1/16 of da is left in each layer",
        wrong=_of_activation(CURVED, lambda f, da, a, z: f.backward(f.backward(da, a), a)),
        needs="a sigmoid, tanh or softmax that is not fused with its loss",
        applies=_any_of(*CURVED),
        gradient=True,
    ),
    Slip(
        "relu-derivative-one",
        changes="activation_backward",
        term="f′",
        formula="dz = da, also where a = 0",
        right="dz = da where a > 0, else 0",
        why="the maximum is in the forward pass only",
        fingerprint="dz is not 0 where a relu is off",
        symptom="units that are off are moved all the same; slower and less stable",
        wrong=_of_activation(("relu",), lambda activation, da, a, z: da),
        needs="a relu",
        applies=_any_of("relu"),
        gradient=True,
    ),
    Slip(
        "gradient-summed",
        changes="reduced",
        term="1/m",
        formula="do of the losses' sum, while their mean is reported",
        right="do/m of their mean",
        why="the division by m is forgotten",
        fingerprint="every gradient is m times the right one",
        symptom="as with m times the learning rate: diverges when the batch grows",
        wrong=_summed,
        needs='training.batch_reduction = "mean" and batches of 2 or more',
        applies=_mean,
        gradient=True,
    ),
    Slip(
        "gradient-averaged-twice",
        changes="reduced",
        term="1/m",
        formula="do/m²",
        right="do/m",
        why="the loss is a mean already, and each layer divides by m again",
        fingerprint="every gradient is 1/m of the right one",
        symptom="as with 1/m of the learning rate: the larger the batch, the less is learnt",
        wrong=_averaged_twice,
        needs='training.batch_reduction = "mean" and batches of 2 or more',
        applies=_mean,
        gradient=True,
    ),
    Slip(
        "gradient-doubled",
        changes="loss_backward",
        term="factor",
        formula="2·do",
        right="do",
        why="the ½ in the loss is forgotten, or the 2 of a square is counted twice",
        fingerprint="every gradient is twice the right one",
        symptom="as with twice the learning rate",
        wrong=_of_gradient(2.0),
        needs="nothing",
        applies=_always,
        gradient=True,
    ),
    Slip(
        "gradient-halved",
        changes="loss_backward",
        term="factor",
        formula="½·do",
        right="do",
        why="the 2 of the square's derivative is forgotten",
        fingerprint="every gradient is half the right one",
        symptom="as with half the learning rate",
        wrong=_of_gradient(0.5),
        needs="nothing",
        applies=_always,
        gradient=True,
    ),
)
