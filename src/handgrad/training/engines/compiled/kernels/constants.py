"""What stays the same through a training, as kernels read it: whole numbers in `constants`, float64 in `rates`.

Both kinds of networks have one numbering, so no place means one thing here and another there.
"""

(
    STOP,  # not 0 from the moment on at which the numbers are not wanted any more (`calling`)
    LOSS,  # code of the loss
    FUSED,  # 1 where the loss takes the last layer's z and contains its activation
    MEAN,  # 1 where the loss of a batch is the mean over its examples, 0 where it is the sum
    AVERAGED,  # how often the gradient of the loss is divided by the size of the batch: as MEAN, but for slips
    OPTIMIZER,  # code of the optimizer
    KEY,  # of the dropout masks
    PER_EXAMPLE,  # 1 where weight decay is λ/m
    BESIDE,  # 1 where W shrinks by λ·W beside the step, which lr has no part in (a slip)
    ASIDE,  # 1 where gradients of biases are put aside, so that a slip can change them (`biases`)
    BIAS_GRADIENT,  # what is wrong in them: code of `twins.BIAS_GRADIENTS`, 0 if nothing
    DECAYED,  # 1 where biases decay as weights do (a slip)
    FIXED,  # 1 where biases stay as they are (a slip)
    PARAMETERS,  # how many numbers, padding included
    BATCH,  # examples of a batch
    CHUNK,  # examples of a batch that go through the network at once
    STAGES,  # dense networks: rows of the table but the first
    SPARSE,  # 1 where examples are kept as their non-zero pixels
    SEGMENTS,  # of an example, see `products`
    WINDOW,  # examples of a window, a multiple of BATCH, see `windows`; 0: none
    LAZY,  # 1 where rows of the first W that a batch does not touch wait (`lazy_updates`) or stay as they are
    OPERATIONS,  # other networks: rows of the table
    FIRST,  # the first operation with parameters
    LANES,  # examples of a block
    TRAIN,  # 1 in training, 0 in inference: where batch norm takes its statistics from
    DROPS,  # 1 where dropout is on: in training, and in a score only by a slip
    SHARED,  # 1 where all examples of a batch have the mask of the first (a slip)
    WEIGHTED,  # 1 where the losses of the examples have weights: in training only
) = range(28)
CONSTANTS = 28

# of `rates`: μ or β₁; ρ or β₂; ε; 0: no clipping; λ; what multiplies the gradient of the loss (1, but for slips)
RATE_MU, RATE_RHO, RATE_EPS, CLIP_NORM, WEIGHT_DECAY, FACTOR = range(6)
RATES = 6
