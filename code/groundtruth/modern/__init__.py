"""Language models, what is built on them, and the numbers they are computed with.

array_checks      shapes by name, and the first array that is not finite
block_formats     four-bit formats with shared scales
ngrams            n-gram models and the entropy of a text
number_formats    floating-point formats and rounding to them
stable_functions  formulas that neither overflow nor cancel
summation         sums and variances with small rounding errors
tokenizers        characters and byte-pair encoding
"""
