"""A neural network with one hidden layer, trained by backpropagation: all of it, in NumPy alone.

    python examples/mlp_in_100_lines.py

Rows are examples.  A layer is z = x @ W + b, followed by an activation a = f(z).  The gradient of the loss with respect
to v is written dv and has v's shape.  Sizes: n examples of d numbers, h hidden units, k classes, m examples in a batch.
The digits come from scikit-learn.

handgrad's `array` engine gives these weights bit for bit (tests/test_examples.py): it draws the same random numbers
and does the same operations in the same order, products of matrices on one thread.
"""

import numpy as np

INIT, ORDER = 1, 2  # the purposes of random numbers: each (seed, purpose, index) has a generator of its own


def digits():
    """1797 scanned digits of 8 × 8 pixels, in an order of their own; the last 297 are for the test."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = (bunch.data / 16).astype(np.float32), bunch.target  # x: (n, 64), pixels from 0 to 1;  y: (n,)
    return (x[:1500], y[:1500]), (x[1500:], y[1500:])


def initial_parameters(d, h, k, seed):
    """W ~ N(0, 2/n_in), which keeps the size of signals after relu (He et al. 2015), and b = 0, layer after layer."""
    params = []
    for layer, (n_in, n_out) in enumerate([(d, h), (h, k)]):
        rng = np.random.default_rng([INIT, seed, layer, 0])  # 0: the W of the layer
        std = np.sqrt(2) / np.sqrt(n_in)  # standard deviation √(2/n_in), written so for the same bits
        W = rng.normal(0, std, (n_in, n_out)).astype(np.float32)
        params.append((W, np.zeros(n_out, np.float32)))
    return params


def forward(x, params):
    """The outputs of both layers: a1 = relu(z1) of the hidden units, a2 = softmax(z2), a probability for each class."""
    (W1, b1), (W2, b2) = params
    z1 = x @ W1 + b1  # (m, h)
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2  # (m, k)
    e = np.exp(z2 - z2.max(axis=1, keepdims=True))  # the largest is subtracted so that no exponential overflows
    return a1, e / e.sum(axis=1, keepdims=True)


def cross_entropy(a2, y):
    """loss_i = −log a_iy for each example i, where y is its class."""
    return -np.log(a2[np.arange(len(y)), y])


def backward(x, y, params, a1, a2):
    """Gradients of the mean loss of a batch, from the last layer to the first: the chain rule, one line a step.

    loss = −log softmax(z)_y has the derivative a − T, where T is 1 at y and 0 elsewhere: softmax and logarithm cancel.
    z = x @ W + b has dW = xᵀ @ dz, db = Σ dz over the examples, and dx = dz @ Wᵀ for the layer before.
    """
    _, (W2, _) = params
    T = np.eye(a2.shape[1], dtype=np.float32)[y]  # (m, k)
    dz2 = (a2 - T) / len(x)  # the mean over the batch is taken once, here
    da1 = dz2 @ W2.T  # (m, h)
    dz1 = da1 * (a1 > 0)  # relu's derivative is 1 where it let something through, else 0
    return [(x.T @ dz1, dz1.sum(axis=0)), (a1.T @ dz2, dz2.sum(axis=0))]


def sgd(params, grads, lr):
    """A step against the gradient: w ← w − lr·dw for every W and b."""
    return [(W - lr * dW, b - lr * db) for (W, b), (dW, db) in zip(params, grads, strict=True)]


def train(x, y, *, hidden=64, classes=10, epochs=10, batch_size=32, lr=0.1, seed=0):
    """Train on x (n, d), y (n,); after every epoch yield the parameters and the mean loss of its batches."""
    params = initial_parameters(x.shape[1], hidden, classes, seed)
    for epoch in range(epochs):
        order = np.random.default_rng([ORDER, seed, epoch]).permutation(len(x))
        losses = []
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            a1, a2 = forward(x[rows], params)
            losses.append(cross_entropy(a2, y[rows]).mean())
            params = sgd(params, backward(x[rows], y[rows], params, a1, a2), lr)
        yield params, np.mean(losses)


def accuracy(x, y, params):
    """The share of examples whose class has the largest probability."""
    _, a2 = forward(x, params)
    return np.mean(a2.argmax(axis=1) == y)


if __name__ == "__main__":
    (x_train, y_train), (x_test, y_test) = digits()
    for epoch, (params, loss) in enumerate(train(x_train, y_train), start=1):
        print(f"epoch {epoch:2}: loss {loss:.4f}, accuracy on the test digits {accuracy(x_test, y_test, params):.1%}")
