"""Names of other libraries for losses, activations, optimizers and all else that has a table here (see `words`).

NAMES[kind][folded name]   what it is called here, or that there is no such thing and what comes nearest
"""

from collections.abc import Iterable

from handgrad.words import fold, table


def advice_on_name(name: str, kind: str, known: Iterable[str]) -> str | None:
    """What to write for a name; None where nobody is known to use it, or where it is one of ours in another spelling.

    >>> advice_on_name("GELU", "activation", ["relu"])
    'it is not there yet'
    """
    folded = fold(name)
    if any(fold(one) == folded for one in known):
        return None
    return NAMES.get(kind, {}).get(folded)


NAMES: dict[str, dict[str, str]] = {
    "loss": table(
        """
categorical_crossentropy, sparse_categorical_crossentropy, softmax_cross_entropy, cross_entropy_loss,
cross_entropy_with_logits, xent, ce, cce, scce, log_loss, logloss, logistic, multinomial, deviance
    -> here it is called 'cross-entropy', of the softmax of the last layer, which it contains
nll_loss, negative_log_likelihood
    -> here it is called 'nll', of an output log-softmax
mse, mse_loss, mean_squared, mean_square_error, l2, l2_loss, quadratic
    -> here it is called 'mean-squared-error', the mean over classes and batch; 'squared-error' is the sum over
       classes
sse, sum_of_squares, sum_squared_error, squared_loss, brier
    -> here it is called 'squared-error', the sum over classes
mae, mae_loss, mean_absolute_error, l1, l1_loss, absolute, mean_absolute
    -> nearest is 'absolute-error', which is the sum over classes, not their mean
bce, bce_loss, bce_with_logits, bce_with_logits_loss, sigmoid_cross_entropy
    -> here it is called 'binary-cross-entropy', of an output sigmoid, the sum over classes
hinge, categorical_hinge, multi_margin_loss, svm, crammer_singer, multi_class_hinge
    -> here it is called 'multi-margin', the hinge loss of several classes
squared_hinge, multi_label_margin, multi_label_margin_loss
    -> it is not there yet; nearest is 'multi-margin'
huber, huber_loss, smooth_l1, smooth_l1_loss, log_cosh, epsilon_insensitive, quantile, pinball
    -> it is not there yet; nearest are 'absolute-error' and 'squared-error', between which it lies
focal, focal_loss, label_smoothing, kl_div, kl_divergence, kullback_leibler_divergence, triplet, contrastive, ctc,
dice, poisson, gaussian_nll
    -> it is not there yet; nearest is 'cross-entropy'
"""
    ),
    "activation": table(
        """
logistic, sigm, expit, logsig
    -> here it is called 'sigmoid'
hyperbolic_tangent, tansig
    -> here it is called 'tanh'
linear, none, purelin, passthrough, id, logits
    -> here it is called 'identity'
rectifier, rectified_linear, ramp
    -> here it is called 'relu'
lrelu, leaky
    -> here it is called 'leaky-relu', with the slope 0.01 below zero
gelu, silu, swish, elu, selu, celu, mish, relu6, prelu, rrelu, softplus, softsign, hardtanh, hard_tanh, hardsigmoid,
hard_sigmoid, hardswish, hard_swish, glu, swiglu, geglu, maxout, exponential, exp, sin, sine, siren, gaussian, rbf,
step, heaviside, threshold, softmin, sparsemax, tanhshrink, softshrink
    -> it is not there yet
"""
    ),
    "optimizer": table(
        """
gd, gradient_descent, vanilla, sgd_optimizer, bgd, batch_gradient_descent, mini_batch_sgd
    -> here it is called 'sgd'
heavy_ball, sgdm, sgd_momentum, sgd_with_momentum, polyak
    -> here it is called 'momentum', { momentum = 0.9 }
nag, nesterov_momentum, sgd_nesterov
    -> here it is called 'nesterov', { momentum = 0.9 }
rms
    -> here it is called 'rmsprop'
decoupled_adam
    -> here it is called 'adamw', whose decay is training.weight_decay
nadam, radam, adamax, amsgrad, adabelief, yogi, adafactor, adadelta, ftrl
    -> it is not there yet; nearest is 'adam'
lion, lamb, lars, muon, shampoo, sophia, sam, asgd, averaged_sgd
    -> it is not there yet; nearest are 'momentum', 'adamw'
lbfgs, l_bfgs, bfgs, newton, newton_cg, cg, conjugate_gradient, rprop, levenberg_marquardt, liblinear, sag, saga,
trust_region
    -> it is not there yet; nearest is 'sgd' or 'adam' with training.batch_size = "full"
"""
    ),
    "schedule": table(
        """
none, fixed, const
    -> here it is called 'constant'
exponential_decay, exponential_lr, exp
    -> here it is called 'exponential', { factor = 0.97 } an epoch
step, step_lr, multi_step, multi_step_lr, piecewise, piecewise_constant
    -> here it is called 'steps', { at = [10, 20] }
cosine_annealing, cosine_annealing_lr, cosine_decay, cos
    -> here it is called 'cosine'
reduce_lr_on_plateau, reduce_on_plateau, adaptive
    -> here it is called 'plateau', { factor = 0.1, patience = 5 }
inv_scaling, inverse_time, inverse_time_decay, polynomial, poly, linear
    -> it is not there yet; nearest is 'exponential'
warmup, linear_warmup, one_cycle, one_cycle_lr, cyclic, cyclic_lr, sgdr, warm_restarts
    -> it is not there yet
"""
    ),
    "initializer": table(
        """
glorot, glorot_normal, xavier_normal
    -> here it is called 'xavier', { distribution = 'normal' }
glorot_uniform, xavier_uniform
    -> here it is called 'xavier', { distribution = 'uniform' }
kaiming, kaiming_normal, he_normal
    -> here it is called 'he', { distribution = 'normal' }
kaiming_uniform, he_uniform
    -> here it is called 'he', { distribution = 'uniform' }
lecun, lecun_normal
    -> here it is called 'normal/sqrt-n'
random_normal, gaussian, randn
    -> here it is called 'normal', { std = 0.01 }
random_uniform, rand
    -> here it is called 'uniform', { low = -0.05, high = 0.05 }
zero, constant
    -> here it is called 'zeros'
default, torch
    -> here it is called 'pytorch'
orthogonal, truncated_normal, ones, identity, sparse, lecun_uniform, lsuv
    -> it is not there yet
"""
    ),
    "scale": table(
        """
min_max, minmax_scaler, normalize, 0_1, to_tensor, 255
    -> here it is called 'unit', in [0, 1]
minus_one_one, tanh, 1_1
    -> here it is called 'symmetric', in [−1, 1]
standard_scaler, standardize, z_score, zscore, mean_std, whiten
    -> here it is called 'standard', by the training part's mean and deviation
no, off, raw
    -> here it is called 'none'
robust, robust_scaler, max_abs, quantile, power, zca, l2
    -> it is not there yet
"""
    ),
    "measure": table(
        """
acc, accuracy, val_acc, validation_accuracy
    -> here it is called 'val_accuracy'
loss, validation_loss
    -> here it is called 'val_loss'
test_acc, test_accuracy, test_loss
    -> the test set has no say in a choice; to reproduce a study that chose on it, say select_on_test = true
f1, f1_score, macro_f1, balanced_accuracy, precision, recall, auc, roc_auc, mcc, kappa, top_5, top_k
    -> it is not there yet; nearest is 'val_accuracy'; the confusion matrix of the report has the counts of every
       class
rmse, r2, mse, mae, train_loss, train_accuracy
    -> it is not there yet; nearest is 'val_loss'
"""
    ),
    "layer": table(
        """
linear, fc, fully_connected, affine, inner_product
    -> here it is called 'dense', as in 'dense 120 relu'
conv2d, convolution, convolution2d, conv_2d
    -> here it is called 'conv', as in 'conv 6 5x5 relu'
maxpool2d, max_pooling2d, max_pooling, pool, pooling
    -> here it is called 'max-pool', as in 'max-pool 2'
avgpool, avg_pool, avgpool2d, avg_pool2d, average_pooling2d
    -> here it is called 'average-pool', as in 'average-pool 2'
batchnorm1d, batchnorm2d, batch_normalization, bn
    -> here it is called 'batch-norm', as in 'batch-norm relu'
dropout2d, drop
    -> here it is called 'dropout', as in 'dropout 0.5'
relu, tanh, sigmoid, softmax, leaky_relu, identity, activation
    -> an activation ends the line of its layer, as in 'dense 120 relu'
lstm, gru, rnn, embedding, attention, transformer, layer_norm, group_norm, instance_norm, residual, skip, conv1d,
conv3d, conv_transpose, deconv, global_average_pool, upsample, reshape, input
    -> it is not there yet
"""
    ),
    "engine": table(
        """
numba, jit, cpu, c, fast
    -> here it is called 'compiled'
numpy, np, reference, python
    -> here it is called 'array'
pytorch
    -> here it is called 'torch'
tensorflow, tf, keras, sklearn, scikit_learn, onnx
    -> it is not there yet
"""
    ),
    "device": table(
        """
gpu, cuda0, cuda:0, nvidia
    -> here it is called 'cuda'
mps, metal, tpu, rocm, xpu
    -> it is not there yet
"""
    ),
    "number type": table(
        """
float, f32, single, fp32
    -> here it is called 'float32'
double, f64, fp64
    -> here it is called 'float64'
float16, half, fp16, bfloat16, bf16, int8, mixed
    -> it is not there yet
"""
    ),
    "encoding of targets": table(
        """
one_hot_encoding, categorical, 0_1, zero_one
    -> here it is called 'one-hot'
bipolar, 1_1, pm1, signed
    -> here it is called 'plus-minus-one'
"""
    ),
    "batch reduction": table(
        """
avg, average
    -> here it is called 'mean'
none
    -> it is not there yet
"""
    ),
    "sampler": table(
        """
tpesampler, bayesian, bayes, optuna, hyperopt
    -> here it is called 'tpe'
sobol, halton, quasi_monte_carlo, qmcsampler
    -> here it is called 'qmc'
randomsearch, randomsampler, uniform
    -> here it is called 'random'
grid, gridsampler, grid_search
    -> a grid is a table of its own, [grid]
gp, cmaes, cma_es, nsga2, evolution, pbt, bohb
    -> it is not there yet
"""
    ),
    "range": table(
        """
log
    -> here it is called 'log_uniform'
randint, int, int_uniform, lograndint
    -> here it is called 'integers', both ends can be drawn
categorical, values, sample, oneof
    -> here it is called 'choice'
float, linear
    -> here it is called 'uniform'
min, max, low, high, lower, upper, lo, hi, start, stop
    -> both ends are a list, as in { uniform = [0, 1] }
normal, randn, log_normal, quniform, q_log_uniform
    -> it is not there yet
"""
    ),
    "runner": table(
        """
local, process, multiprocessing, joblib, loky, parallel, pool
    -> here it is called 'processes'
sequential, single, none
    -> here it is called 'serial'
dask, slurm, spark, kubernetes, threads
    -> it is not there yet; on several machines: ray
"""
    ),
    "data set": table(
        """
mnist_784, mnist784
    -> here it is called 'mnist'
fmnist, fashion
    -> here it is called 'fashion-mnist'
cifar
    -> here it is called 'cifar-10'
load_digits, optdigits
    -> here it is called 'digits'
iris, wine, breast_cancer, cifar100, svhn, imagenet, emnist, kmnist, stl10, titanic, adult, california_housing
    -> it is not there yet; save it as a file and give its path: docs/data.md
"""
    ),
}
