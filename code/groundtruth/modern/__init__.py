"""Language models and what is built on them.

block_formats   four-bit formats with shared scales
ngrams          n-gram models and the entropy of a text
number_formats  floating-point formats and rounding to them
tokenizers      characters and byte-pair encoding
"""
