"""Retrieval beside bm25s, NumPy and faiss, as ratios from one run and recall at equal work."""

from __future__ import annotations

import bm25s
import faiss
import numpy as np
from groundtruth.data.text import tokenize
from groundtruth.modern import vector_index as vi
from groundtruth.modern.hnsw import HNSW
from groundtruth.modern.lexical import InvertedIndex
from groundtruth.modern.retrieval_metrics import neighbor_recall

from tests.bench.text import documents
from tests.bench.timing import ratio


def lexical() -> None:
    """Index of 10,000 documents, then 200 queries of five words; tokens are made before."""
    docs = [tokenize(doc) for doc in documents()]
    queries = [doc[:5] for doc in docs[:200]]

    def theirs() -> bm25s.BM25:
        model = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        model.index(docs, show_progress=False)
        return model

    quotient = ratio(lambda: InvertedIndex(docs), theirs, 3)
    print(f"BM25, index of {len(docs):,} documents: time ratio {quotient:.2f} (at most 2)")
    ours = InvertedIndex(docs)
    other = theirs()
    quotient = ratio(
        lambda: [ours.search(query, 10) for query in queries],
        lambda: [other.retrieve([query], k=10, show_progress=False) for query in queries],
        5,
    )
    print(f"BM25, {len(queries)} queries: time ratio {quotient:.2f} (at most 2)")


def exact() -> None:
    """Ten largest inner products with 20,000 vectors for 200 queries, in single precision."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 64)).astype(np.float32)
    Q = rng.normal(size=(200, 64)).astype(np.float32)

    def numpy_way() -> np.ndarray:
        scores = Q @ X.T
        top = np.argpartition(-scores, 10, axis=1)[:, :10]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1)
        return np.take_along_axis(top, order, axis=1)

    index = vi.Flat(X, "ip")
    assert (index.search(Q, 10) == numpy_way()).all()
    quotient = ratio(lambda: index.search(Q, 10), numpy_way, 7)
    print(f"exact top 10 of {len(X):,} vectors: time ratio {quotient:.2f} (at most 1.2)")


def curves() -> None:
    """Recall@10 of ours and of faiss at equal nprobe, with one clustering, and at equal work."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 32)).astype(np.float32)
    Q = rng.normal(size=(200, 32)).astype(np.float32)
    near = vi.Flat(X).search(Q, 10)
    ours = vi.IVF(X, 55, rng)
    quantizer = faiss.IndexFlatL2(32)
    quantizer.add(ours.centroids.astype(np.float32))
    theirs = faiss.IndexIVFFlat(quantizer, 32, 55)
    theirs.is_trained = True
    theirs.add(X)
    print("IVF     nprobe: work, recall of ours and of faiss (equal)")
    for nprobe in (1, 4, 16):
        theirs.nprobe = nprobe
        results = [ours.search(q, 10, nprobe) for q in Q]
        work = np.mean([w for _, w in results]) / len(X)
        recall = neighbor_recall([ids for ids, _ in results], near)
        same = neighbor_recall(theirs.search(Q, 10)[1], near)
        print(f"{nprobe:14d}: {work:.0%}, {recall:.3f} and {same:.3f}")
    graph = HNSW(X, 8, 40, np.random.default_rng(2))
    other = faiss.IndexHNSWFlat(32, 8)
    other.hnsw.efConstruction = 40
    other.add(X)
    print("HNSW        ef: work and recall of ours, of faiss")
    for ef in (10, 20, 40, 80, 160):
        other.hnsw.efSearch = ef
        faiss.cvar.hnsw_stats.reset()
        same = neighbor_recall(other.search(Q, 10)[1], near)
        comparisons = faiss.cvar.hnsw_stats.ndis / (len(Q) * len(X))
        results = [graph.search(q, 10, ef) for q in Q]
        work = np.mean([w for _, w in results]) / len(X)
        recall = neighbor_recall([ids for ids, _ in results], near)
        print(f"{ef:14d}: {work:.0%} {recall:.3f}, {comparisons:.0%} {same:.3f}")


def main() -> None:
    faiss.omp_set_num_threads(1)
    lexical()
    exact()
    curves()


if __name__ == "__main__":
    main()
