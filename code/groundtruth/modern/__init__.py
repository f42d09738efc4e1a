"""Language models and what is built on them.

dense                 LSA, a bi-encoder with in-batch negatives, late interaction
fusion                reciprocal-rank fusion, diversity, a reranker
hnsw                  hierarchical navigable small-world graphs
injection             prompt injection through retrieved passages
judged                prediction-powered inference
lexical               an inverted index with BM25 and TF-IDF weights
ngrams                n-gram models and the entropy of a text
product_quantization  vectors as a few bytes
rag                   chunks, retriever, extractive reader, abstention
retrieval_corpus      this book's sections and its cards' questions
retrieval_metrics     recall@k, nDCG and others over many queries
retrieval_synthetic   passages with planted facts
tokenizers            characters and byte-pair encoding
vector_index          exact search, IVF and LSH
"""
