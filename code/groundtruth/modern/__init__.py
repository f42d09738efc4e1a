"""Language models, what is built on them, how they are trained, and the numbers behind them.

array_checks          shapes by name, and the first array that is not finite
batching              batches of an epoch, bucketing, packing
block_formats         four-bit formats with shared scales
data_inspection       label audit, errors by slice, adversarial validation
decoding              truncation rules, penalties, beams, constraints
dense                 LSA, a bi-encoder with in-batch negatives, late interaction
diagnosis             features of training curves and the causes they suggest
distillation          soft targets, and layers of low rank
facts                 people and cities, to count what a model makes up
fusion                reciprocal-rank fusion, diversity, a reranker
grpo                  group relative policy optimization
hnsw                  hierarchical navigable small-world graphs
injection             prompt injection through retrieved passages
judged                prediction-powered inference
k_quants              the bytes of a Q4_K block
kv_cache              bytes of the key-value cache
ladder                neural language models below the transformer
layer_quantization    smoothing, AWQ, rotation and GPTQ on one layer
lexical               an inverted index with BM25 and TF-IDF weights
memory_ledger         bytes of a training run
memory_trace          bytes alive after each operation of training steps
mixed_precision       loss scaling and master weights
model_parallel        tensor and pipeline parallelism
monitors              statistics of activations and gradients, replayed steps
muon                  orthogonalized momentum
ngrams                n-gram models and the entropy of a text
number_formats        floating-point formats and rounding to them
overlap               gradients sent in buckets during the backward pass
parametrization       standard parametrization and muP over widths
pipeline_schedule     GPipe, 1F1B, interleaving and their bubble
policy_gradients      answers that can be enumerated, exact gradients
preferences           reward models, DPO and the exact optimum
processes             functions in several processes that exchange tensors
product_quantization  vectors as a few bytes
pruning               masks, saliencies and bytes
quantization          scales, zero points, integer products
rag                   chunks, retriever, extractive reader, abstention
repeated_sampling     pass@k, pass^k, best of n, voting
resumable             a run that is resumed exactly
retrieval_corpus      this book's sections and its cards' questions
retrieval_metrics     recall@k, nDCG and others over many queries
retrieval_synthetic   passages with planted facts
scaling_laws          fits of a loss to parameters and examples
scaling_runs          small language models of several sizes
separating_tests      one test for each cause of a failed run
serving               a language model server, event by event
sharding              data parallelism and ZeRO
small_networks        perceptrons on the digits, to compress them
speculative           speculative decoding
stable_functions      formulas that neither overflow nor cancel
subword_tokenizers    WordPiece and the unigram tokenizer
summation             sums and variances with small rounding errors
tokenizers            characters and byte-pair encoding
training_faults       a training pipeline with faults to plant
training_plan         time and memory of a step, by plan of parallelism
vector_index          exact search, IVF and LSH
"""
