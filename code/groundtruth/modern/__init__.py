"""Language models, what is built on them, and how numbers and models become smaller.

block_formats       blocks of small floats with shared scales
distillation        soft targets, and layers of low rank
k_quants            the bytes of a Q4_K block
layer_quantization  smoothing, AWQ, rotation and GPTQ on one layer
ngrams              n-gram models and the entropy of a text
number_formats      small floating-point formats, exactly rounded
pruning             masks, saliencies and bytes
quantization        scales, zero points, integer products
small_networks      perceptrons on the digits, to compress them
tokenizers          characters and byte-pair encoding
"""
