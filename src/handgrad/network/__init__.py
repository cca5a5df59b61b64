"""The mathematics of a neural network by hand, as pure functions: each forward stands next to its backward.

Read in this order: activations, dense, losses, dropout; for images convolution, pooling, batch_norm; then layers and
network (what a network is), spec (how a study file says so), initializers (where it starts), passes (forward and
backward through all of it) and gradcheck (that it is right).
Every backward is derived in docs/derivations; its README finds any formula.
"""
