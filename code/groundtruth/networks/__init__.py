"""Layers with hand-written backward passes, each checked against torch.

activations     activation functions and their derivatives
adversarial     the smallest generator and discriminator
architectures   the matrices that layers apply, their cost and symmetry
associative     Hopfield networks, classical and modern
attention       attention, heads, masks, tiles, a cache of keys
contrastive     the InfoNCE loss
convolution     convolution, pooling and their backward passes
depth           signals and gradients through many layers
diffusion       noise schedules, samplers, exact predictions
embeddings      embedding tables, skip-gram, analogies, superposition
equilibrium     fixed points, implicit gradients, halting, slerp
gates           soft logic; sparse and random choices
graphs          message passing on graphs
initialization  the scale of initial weights
local_rules     Hebb's and Oja's rules, feedback alignment
mlp             a multilayer perceptron by hand
neuron          one unit and what it separates
normalization   batch, layer, instance, group and RMS normalization
parallel        many small networks trained side by side
positions       sinusoids, RoPE, ALiBi
pytorch         a training loop in PyTorch and its tools
recurrence      RNN, LSTM and GRU cells through time
regions         linear regions of ReLU networks
reinforcement   policy gradients and Q-learning
routing         routing of rows to experts
stacked         many small networks at once, one for each seed and rate
state_space     linear state-space layers
toy_language    a language of 35 words with known structure
transformer     one transformer block
word_tests      tests of word vectors on a real text
"""
