"""How learning works: models fitted by minimizing a loss.

backprop               what is built on the tape: checks, second derivatives, a small network
bayesian               Gaussian processes and expected improvement
blocks                 long elementwise updates in blocks that stay in the cache
calibration            calibration of probabilities, and how to improve it
checkpointing          gradient checkpointing, and what a graph holds in memory
coverage               how often a confidence interval contains the truth
digits                 the digits data set and a network with one hidden layer
generalization         bias and variance, leave-one-out, double descent
gradient_descent       steps, line search, batches, the largest stable rate
hyperparameter_search  search spaces; grid, random, Sobol and TPE search
intervals              confidence intervals of metrics
linear_models          linear, logistic and softmax regression, the perceptron
losses                 losses and their gradients from scores
metrics                confusion matrices, curves over thresholds, errors of numbers
model_selection        splits, cross-validation, adversarial validation
multifidelity          successive halving, Hyperband, BOHB, ASHA
optimizers             SGD, AdaGrad, RMSProp, Adam, AdamW, LARS, LAMB, clipping
paired                 two classifiers on the same examples: an interval and a test
perturbations          dropout, label smoothing, mixup, image shifts, early stopping
ranking                precision, recall, average precision, DCG of ranked lists
recording              whether the tape records, and what its products cost
regularization         ridge, lasso, elastic net and their paths
schedules              learning rates over time, plateaus, the range test
tape                   reverse-mode automatic differentiation
"""
