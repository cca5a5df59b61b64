"""Words of other libraries: what scikit-learn, Keras, PyTorch, Ray, Optuna and Hydra say, and what does the job here.

They are used where a message says that a key (here) or a name (`synonyms`) is unknown: nothing is read as something
else, the message leads to what is meant.  A word is folded before it is looked up: without capitals and separators, so
that `CrossEntropyLoss`, `cross_entropy_loss` and `cross-entropy loss` are one.

A table is text: words with commas between them, then `->` and what is said of them.
"""

import re


def fold(word: str) -> str:
    """A word without capitals and separators.

    >>> fold("Leaky_ReLU"), fold("leaky-relu")
    ('leakyrelu', 'leakyrelu')
    """
    return "".join(sign for sign in word.casefold() if sign not in "-_ ./")


def table(text: str) -> dict[str, str]:
    r"""folded word -> what is said of it.

    >>> table("lr, eta\n    -> write training.optimizer.lr")
    {'lr': 'write training.optimizer.lr', 'eta': 'write training.optimizer.lr'}
    """
    found: dict[str, str] = {}
    for words, advice in re.findall(r"^(\S.*?)\n +-> (.*?)(?=\n\S|\Z)", text.strip(), re.MULTILINE | re.DOTALL):
        found |= dict.fromkeys(map(fold, re.split(r",\s+", words)), " ".join(advice.split()))
    return found


def advice_on_key(key: str) -> str | None:
    """What to write for a key, wherever it stood; None where nobody is known to use it.

    >>> advice_on_key("learning_rate")
    'write training.optimizer.lr'
    """
    return KEYS.get(fold(key))


KEYS: dict[str, str] = table(
    """
name of data, dataset, data_set, data_dir, data_path, csv
    -> write data.name
scale, scaling, normalization, normalize, normalise, standardize, preprocessing, scaler
    -> write data.scale
validation, val, valid, val_size, dev
    -> write data.validation = { size = 0.1 }, or false
validation_split, validation_fraction, val_split
    -> write data.validation = { size = 0.1 }
validation_data
    -> write data.validation = { size = 0.1 }, or { from = "test" }
train, train_size, n_train, max_train, limit, subset
    -> write data.train = { size = 5000 }
pick
    -> write data.train = { size = 5000, pick = "random" }
test, test_size, test_split, n_test
    -> write data.test = { size = 0.2 }
stratify
    -> write data.validation = { size = 0.1, stratify = true }
label, target, target_column, label_column, y
    -> write data.label
image_size, img_size, resolution, input_shape, input_size
    -> write data.image_size (other data has its own)
color, colour, grayscale, channels
    -> write data.color
drop, drop_columns, index_col, ignore_columns, exclude
    -> write data.drop = ["Id"], the columns that are left out
missing, na_values, missing_values
    -> write data.missing, the texts that count as no label
value_range, rescale, max_value, pixel_range
    -> write data.value_range = [0, 255]
tf32, allow_tf32, matmul_precision
    -> write training.tf32
hidden, hidden_size, hidden_sizes, hidden_layers, hidden_units, hidden_dim, n_hidden, units, neurons, width, widths,
hidden_layer_sizes, layer_sizes, nodes
    -> write network.hidden, as in 300 or [512, 256]
layers, architecture, model, arch
    -> write network.layers, or network.hidden
n_layers, num_layers, depth
    -> write network.hidden with a width for each layer, as in [64, 64]
activation, activations, activation_function, act, nonlinearity
    -> write network.activation
output, output_activation, out_activation, final_activation
    -> write network.output
dropout, dropout_rate, drop_rate, p_dropout, keep_prob
    -> write network.dropout, the rate at which units are switched off
init, initializer, initialization, weight_init, kernel_initializer, weights_init, init_method
    -> write network.init, as in { name = "normal", std = 0.01 }
bias_init, bias_initializer
    -> write network.bias_init
targets, target_encoding, encoding, one_hot
    -> write network.targets
batch_norm, batch_normalization, batchnorm, use_bn
    -> write network.layers with a line "batch-norm relu"
loss, criterion, objective, loss_function, loss_fn, cost
    -> write training.loss
batch_reduction, reduction
    -> write training.batch_reduction
optimizer, optim, solver, algorithm, optimiser
    -> write training.optimizer.name, as in training.optimizer = { name = "sgd", lr = 0.1 }
lr, learning_rate, learning_rate_init, eta0, eta, step_size, initial_lr, base_lr, lr0, learningrate
    -> write training.optimizer.lr
schedule, scheduler, lr_scheduler, lr_schedule, learning_rate_schedule, lr_decay, lr_policy, anneal
    -> write training.schedule = { name = "exponential", factor = 0.97 }
warmup, warmup_steps, warmup_epochs
    -> a schedule with a warm-up is not there yet; see training.schedule
gamma, milestones
    -> write training.schedule = { name = "steps", at = [10, 20], factor = 0.1 }
step_size_up, max_lr, power_t, t_max
    -> a schedule of this kind is not there yet; see training.schedule
batch_size, batch, minibatch, mini_batch_size, bs, batches
    -> write training.batch_size, a number or "full"
epochs, epoch, n_epochs, num_epochs, nb_epoch, max_epochs, max_iter, iterations, n_iter
    -> write training.epochs
steps, max_steps, n_steps, total_steps
    -> write training.epochs; a step is one batch
weight_decay, l2, l2_reg, l2_lambda, lambda, reg, regularization, kernel_regularizer, reg_lambda, penalty, lambda_,
regularizer
    -> write training.weight_decay, λ of L2
alpha
    -> write training.weight_decay with training.l2_form = "per-example", which is scikit-learn's alpha
c
    -> write training.weight_decay; scikit-learn's C is its inverse
l1, l1_reg, l1_ratio, elastic_net
    -> L1 is not there yet; L2 is training.weight_decay
l2_form
    -> write training.l2_form
decay
    -> write training.weight_decay for L2, training.schedule for the learning rate
clip_norm, clip_grad_norm, gradient_clip_val, grad_clip, gradient_clipping, max_grad_norm, clipnorm,
global_clipnorm, max_norm
    -> write training.clip_norm
clip_value, clipvalue
    -> clipping by value is not there yet; by the norm it is training.clip_norm
early_stopping, early_stop, earlystopping, callbacks
    -> write training.early_stopping = { patience = 10 }
patience, n_iter_no_change
    -> write training.early_stopping = { patience = 10 }
min_delta, tol, tolerance, threshold
    -> write training.early_stopping = { min_delta = 0.001 }
mode
    -> nothing sets it: of an accuracy the highest is best, of a loss the lowest
monitor
    -> write training.early_stopping = { monitor = "val_loss" }; what chooses the winner is select_by
restore_best_weights, save_best_only, checkpoint
    -> write training.early_stopping = { patience = 10 }; the best epoch's weights are always restored
momentum, mu
    -> write training.optimizer = { name = "momentum", momentum = 0.9 }
nesterov, nesterovs_momentum
    -> write training.optimizer = { name = "nesterov", momentum = 0.9 }
beta1, beta_1
    -> write training.optimizer = { name = "adam", beta1 = 0.9 }
beta2, beta_2
    -> write training.optimizer = { name = "adam", beta2 = 0.999 }
betas
    -> write training.optimizer = { name = "adam", beta1 = 0.9, beta2 = 0.999 }
eps, epsilon
    -> write training.optimizer = { name = "adam", eps = 1e-8 }
rho
    -> write training.optimizer = { name = "rmsprop", rho = 0.99 }
amsgrad
    -> AMSGrad is not there yet; nearest is adam
train_score
    -> write training.train_score
test_every_epoch
    -> write training.test_every_epoch
dtype, precision, float_type
    -> write training.dtype
engine, backend, framework
    -> write training.engine
device, gpu, cuda, use_gpu, gpus, accelerator
    -> write training.device = "cuda"
arrays
    -> write training.arrays
stack
    -> write training.stack
seed, random_state, random_seed, n_seeds, num_seeds, repeats, n_repeats, repetitions, replicates, n_runs
    -> write seeds at the top of the file, a list or how many
seeds
    -> write seeds at the top of the file
select_by, metric, scoring, refit, optimize, direction
    -> write select_by = "val_accuracy" or "val_loss"
select_on_test
    -> write select_on_test at the top of the file
ddof
    -> write ddof at the top of the file
n_trials, num_samples, trials
    -> write random.runs, or budget.runs
timeout, max_time, time_limit, minutes, hours, seconds
    -> write budget.minutes
pruner, early_stopping_rounds, hyperband, halving, asha_scheduler
    -> write a table [asha]
param_grid, params, parameters, hyperparameters, search_space, sweep, sweeper, hparams, space
    -> what varies stands in the tables grid, bundle, one_factor, variant or random
output_dir, out, results_dir, save_dir, log_dir, logdir, output_path, save_path
    -> say it on the command line: --out DIR
n_jobs, jobs, workers, num_workers, threads, n_workers, processes
    -> say it on the command line: --jobs N
runner, cluster
    -> say it on the command line: --runner ray
quick
    -> write a table [quick]
wandb, project, entity, tags, experiment, logger, mlflow, tensorboard
    -> sending results to a tracker is not there yet; they are plain files
verbose, progress, logging, log_every
    -> nothing sets it: every epoch is recorded, and progress is one line a run
metrics
    -> a choice of metrics is not there yet: accuracy, loss and the confusion matrix are always there
folds, cv, k_folds, n_splits, kfold, cross_validation, n_folds
    -> cross-validation is not there yet; several seeds show the spread
class_weight, class_weights, sample_weight, pos_weight, weights, balanced
    -> a weighted loss is not there yet; data.validation.stratify keeps the shares of classes
augment, augmentation, transforms, data_augmentation, transform, flip, rotation, random_crop
    -> augmentation is not there yet; augmented pictures can be saved and given as data
task, problem, regression, regressor
    -> every study classifies, with one label an example; regression is not there yet
multilabel, multi_label
    -> several labels an example are not there yet
shuffle
    -> an order of your own is not there yet: examples come in another order every epoch, the same for all settings
bias, use_bias, fit_intercept
    -> layers without biases are not there yet
warm_start, resume, resume_from, pretrained, load_weights
    -> a [[phase]] with continue = true goes on from a winner; the same command resumes a study
features, columns, feature_columns, usecols, id_column, ignore
    -> write data.drop = ["Id"], the columns that are left out
delimiter, sep, separator, header, encoding_of_file, skiprows
    -> a key for it is not there yet; docs/data.md says how a table is read
download, url, root, path, file, filename
    -> write data.name: a name that handgrad knows, or a path
start_from, parent, base, extends, defaults, inherit, include
    -> a file that builds on another is not there yet; the base setting is data, network and training
zip, paired, together, cases
    -> write a table [bundle.case."…"]: values that vary together
range, linspace, logspace, arange, loguniform, uniform, choice
    -> write [random] for drawn values; a grid lists its values
"""
)
