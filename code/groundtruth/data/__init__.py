"""Data and how to compare it: tables, signals, texts, kernels.

divergences  distances between distributions
features     columns to numbers: scaling, categories, dates, missing values
filters      linear filters by frequency, and decimation
kernels      kernels, kernel ridge regression, densities, random features
mixed        similarity of sets, places and rows of mixed type; signatures
model        a line, its loss, and three ways to fit it
outliers     signals with planted spikes, and how well a score finds them
pipeline     the steps from a log to a smooth signal, with hindsight or causal
sensors      a simulated motor with faulty sensors, and its preparation
signals      filters and outlier tests for one signal
similarity   pairs, all pairs in bounded memory, the nearest k
tensors      shapes, broadcasting, strides and their adjoints
text         documents to rows: counts, TF-IDF, hashing, BM25
"""
