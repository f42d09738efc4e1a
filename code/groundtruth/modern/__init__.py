"""Language models and what is built on them.

ngrams      n-gram models and the entropy of a text
tokenizers  characters and byte-pair encoding
"""
