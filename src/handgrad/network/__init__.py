"""The mathematics of a neural network by hand, as pure functions: each forward stands next to its backward.

Read in this order: activations, targets, losses; layer (what every layer has), then a file for each kind: dense,
dropout, batch_norm, convolution, pooling, flatten; layers and network (layers in a row and their shapes), passes
(forward and backward through all of them), gradcheck (the test that they are right); initializers (the weights
before training) and network_section (the [network] table of a study file).
Every backward is derived in docs/derivations; its README finds any formula.
"""
