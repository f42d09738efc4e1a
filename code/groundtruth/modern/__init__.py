"""Language models, what is built on them, how they are trained, and the numbers behind them.

array_checks          shapes by name, and the first array that is not finite
batching              batches of an epoch, bucketing, packing
block_formats         four-bit formats with shared scales
data_inspection       label audit, errors by slice, adversarial validation
dense                 LSA, a bi-encoder with in-batch negatives, late interaction
diagnosis             features of training curves and the causes they suggest
distillation          soft targets, and layers of low rank
fusion                reciprocal-rank fusion, diversity, a reranker
hnsw                  hierarchical navigable small-world graphs
injection             prompt injection through retrieved passages
judged                prediction-powered inference
k_quants              the bytes of a Q4_K block
layer_quantization    smoothing, AWQ, rotation and GPTQ on one layer
lexical               an inverted index with BM25 and TF-IDF weights
memory_ledger         bytes of a training run
mixed_precision       loss scaling and master weights
model_parallel        tensor and pipeline parallelism
monitors              statistics of activations and gradients, replayed steps
muon                  orthogonalized momentum
ngrams                n-gram models and the entropy of a text
number_formats        floating-point formats and rounding to them
parametrization       standard parametrization and muP over widths
pipeline_schedule     GPipe, 1F1B and their bubble
processes             functions in several processes that exchange tensors
product_quantization  vectors as a few bytes
pruning               masks, saliencies and bytes
quantization          scales, zero points, integer products
rag                   chunks, retriever, extractive reader, abstention
resumable             a run that is resumed exactly
retrieval_corpus      this book's sections and its cards' questions
retrieval_metrics     recall@k, nDCG and others over many queries
retrieval_synthetic   passages with planted facts
scaling_laws          fits of a loss to parameters and examples
scaling_runs          small language models of several sizes
separating_tests      one test for each cause of a failed run
sharding              data parallelism and ZeRO
small_networks        perceptrons on the digits, to compress them
stable_functions      formulas that neither overflow nor cancel
summation             sums and variances with small rounding errors
tokenizers            characters and byte-pair encoding
training_faults       a training pipeline with faults to plant
vector_index          exact search, IVF and LSH
"""
