"""TF-IDF of 10,000 generated documents beside scikit-learn, as a ratio from one run."""

from __future__ import annotations

import numpy as np
from groundtruth.data import text
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.bench.timing import ratio


def documents(n: int = 10_000, words: int = 100, vocabulary: int = 20_000) -> list[str]:
    """Texts whose word frequencies fall like those of a language (Zipf)."""
    rng = np.random.default_rng(0)
    ranks = np.minimum(rng.zipf(1.3, (n, words)), vocabulary)
    return [" ".join(f"word{rank}" for rank in row) for row in ranks]


def ours(docs: list[str]) -> object:
    tokens = [text.tokenize(doc) for doc in docs]
    return text.tfidf(text.count_matrix(tokens, text.vocabulary_of(tokens)))


def main() -> None:
    docs = documents()
    quotient = ratio(lambda: ours(docs), lambda: TfidfVectorizer().fit_transform(docs), 5)
    print(f"TF-IDF of {len(docs):,} documents: time ratio {quotient:.2f} (at most 1.5)")


if __name__ == "__main__":
    main()
