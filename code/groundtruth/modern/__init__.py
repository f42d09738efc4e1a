"""Language models and what is built on them.

data_inspection   label audit, errors by slice, adversarial validation
diagnosis         features of training curves and the causes they suggest
monitors          statistics of activations and gradients, replayed steps
ngrams            n-gram models and the entropy of a text
separating_tests  one test for each cause of a failed run
tokenizers        characters and byte-pair encoding
training_faults   a training pipeline with faults to plant
"""
