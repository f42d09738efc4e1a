"""The graph of groundtruth.modern.hnsw against the algorithms of Malkov and Yashunin as loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from groundtruth.modern.hnsw import HNSW, draw_levels
from groundtruth.modern.retrieval_metrics import neighbor_recall
from groundtruth.modern.vector_index import Flat


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(400, 16)), rng.normal(size=(30, 16))


@pytest.fixture(scope="module")
def graph(data):
    return HNSW(data[0], 6, 40, np.random.default_rng(1))


def gap(X, q, i):
    return float(((X[i] - q) ** 2).sum())


def search_layer(X, q, entries, ef, links):
    """Algorithm 2: the ef nearest that were met, nearest first, and the distances computed."""
    visited = set(entries)
    candidates = [(gap(X, q, i), i) for i in entries]
    nearest = list(candidates)
    work = 0
    while candidates:
        current = min(candidates)
        candidates.remove(current)
        if len(nearest) >= ef and current[0] > max(nearest)[0]:
            break
        for j in links[current[1]]:
            if j in visited:
                continue
            visited.add(j)
            work += 1
            distance = gap(X, q, j)
            if len(nearest) < ef or distance < max(nearest)[0]:
                candidates.append((distance, j))
                nearest.append((distance, j))
                if len(nearest) > ef:
                    nearest.remove(max(nearest))
    return [i for _, i in sorted(nearest)], work


def select(X, i, candidates, limit):
    """Algorithm 4: a candidate is kept if it is nearer to i than to every one kept before."""
    kept = []
    for j in sorted(candidates, key=lambda j: gap(X, X[i], j)):
        if len(kept) < limit and all(gap(X, X[i], j) < gap(X, X[k], j) for k in kept):
            kept.append(j)
    return kept


def descend(X, q, entry, levels, links, layer):
    entries = [entry]
    work = 1
    for above in range(levels[entry], layer, -1):
        entries, more = search_layer(X, q, entries, 1, links[above])
        work += more
    return entries, work


def build(X, levels, M, ef):
    """Algorithm 1, for one vector after another: links of each layer and the entry point."""
    links = [{} for _ in range(max(levels) + 1)]
    entry = None
    for i, level in enumerate(levels):
        for layer in range(level + 1):
            links[layer][i] = []
        if entry is None:
            entry = i
            continue
        entries, _ = descend(X, X[i], entry, levels, links, level)
        for layer in range(min(level, levels[entry]), -1, -1):
            entries, _ = search_layer(X, X[i], entries, ef, links[layer])
            links[layer][i] = select(X, i, entries, M)
            most = M if layer else 2 * M
            for j in links[layer][i]:
                links[layer][j].append(i)
                if len(links[layer][j]) > most:
                    links[layer][j] = select(X, j, links[layer][j], most)
        if level > levels[entry]:
            entry = i
    return links, entry


CASES = [(2, 1), (2, 6), (3, 10), (5, 20)]


@pytest.mark.parametrize(("M", "ef"), CASES)
def test_links_are_those_of_the_algorithms_of_the_paper(M, ef):
    X = np.random.default_rng(M).normal(size=(70, 3))
    index = HNSW(X, M, ef, np.random.default_rng(1))
    links, entry = build(X, index.levels.tolist(), M, ef)
    assert len(links) > 2
    assert index.links == links
    assert index.entry == entry


@pytest.mark.parametrize(("M", "ef"), CASES)
def test_a_search_finds_and_computes_what_the_algorithm_of_the_paper_does(M, ef):
    rng = np.random.default_rng(10 + M)
    X = rng.normal(size=(70, 3))
    index = HNSW(X, M, ef, np.random.default_rng(1))
    levels = index.levels.tolist()
    for q in rng.normal(size=(8, 3)):
        for k, width in ((1, 1), (2, 5), (4, 30), (5, 5)):
            entries, work = descend(X, q, index.entry, levels, index.links, 0)
            expected, more = search_layer(X, q, entries, width, index.links[0])
            ids, counted = index.search(q, k, width)
            assert ids.tolist() == expected[:k]
            assert counted == work + more


def test_a_candidate_at_the_same_distance_as_the_farthest_does_not_enter_a_full_list():
    """From 0 to the query at 0: both neighbors 1 and 2 lie at a distance of 1; the list has room
    for one of them, and the first that is met stays.
    """
    index = HNSW([[0.0], [1.0], [-1.0], [5.0]], 2, 4, np.random.default_rng(0))
    index.links[0] = {0: [1, 2], 1: [0], 2: [0, 3], 3: [2]}
    index.work = 0
    found = index.search_layer(np.zeros(1), [(0.0, 0)], 2, 0)
    assert found == [(0.0, 0), (1.0, 1)]
    assert index.work == 2  # 3 is never reached, since 2 is no candidate


def test_a_candidate_at_the_distance_of_the_farthest_is_still_expanded():
    """2 is as far from the query as 1, so its neighbor 3 is looked at, which is the nearest."""
    index = HNSW([[0.0], [1.0], [-1.0], [-0.5]], 2, 4, np.random.default_rng(0))
    index.links[0] = {0: [], 1: [], 2: [3], 3: []}
    assert index.search_layer(np.zeros(1), [(1.0, 1), (1.0, 2)], 2, 0) == [(0.25, 3), (1.0, 2)]


def test_work_is_counted_since_the_last_reset():
    index = HNSW(np.arange(30.0)[:, None], 3, 8, np.random.default_rng(0))
    assert index.work == 0  # building does not count
    first = index.search([3.3], 1, 4)[1]
    second = index.search([20.1], 1, 4)[1]
    assert first > 0 < second
    assert index.work == first + second


def test_a_candidate_as_near_to_a_link_as_to_the_center_is_left_out():
    """(1/2, 3) is as far from (1, 0) as from the center (0, 0); (-1/2, 3) is farther from it."""
    index = HNSW([[0.0, 0.0], [1.0, 0.0], [0.5, 3.0]], 2, 2, np.random.default_rng(0))
    assert index._diverse([1, 2], 0, 2) == [1]
    index = HNSW([[0.0, 0.0], [1.0, 0.0], [-0.5, 3.0]], 2, 2, np.random.default_rng(0))
    assert index._diverse([1, 2], 0, 2) == [1, 2]


def test_of_candidates_at_equal_distances_the_first_are_linked():
    """On axes of their own, all are nearer to the origin than to each other."""
    n = 160
    lengths = np.where(np.arange(n) % 2, 1.0, 2.0)
    X = np.zeros((n + 1, n))
    X[1:] = np.diag(lengths)
    index = HNSW(X[:2], 2, 1, np.random.default_rng(0))
    index.X = X
    index._squares = (X**2).sum(axis=1)
    candidates = np.random.default_rng(3).permutation(np.arange(1, n + 1)).tolist()
    short = [i for i in candidates if lengths[i - 1] == 1.0]
    assert index._diverse(candidates, 0, 60) == short[:60]
    assert index._diverse(candidates, 0, 100)[:80] == short


def test_single_precision_and_whole_numbers_are_indexed_in_double_precision():
    X = np.random.default_rng(4).normal(size=(20, 2)).astype(np.float32)
    assert HNSW(X, 2, 4, np.random.default_rng(0)).X.dtype == np.float64
    assert HNSW([[1], [2]], 2, 4, np.random.default_rng(0)).X.dtype == np.float64


def test_levels_are_the_rounded_down_logarithms_of_one_over_u_to_the_base_m():
    for M in (2, 4, 7):
        levels = draw_levels(500, M, np.random.default_rng(5))
        u = 1 - np.random.default_rng(5).random(500)
        assert levels.tolist() == [math.floor(math.log(1 / x, M)) for x in u]
        assert levels.dtype == np.int64


def test_the_levels_of_an_index_come_from_its_generator():
    X = np.random.default_rng(6).normal(size=(60, 2))
    index = HNSW(X, 3, 5, np.random.default_rng(7))
    assert (index.levels == draw_levels(60, 3, np.random.default_rng(7))).all()
    assert len(index.links) == index.levels.max() + 1


def test_the_smallest_index_has_one_vector():
    index = HNSW([[1.0, 2.0]], 2, 1, np.random.default_rng(0))
    ids, work = index.search([0.0, 0.0], 1, 1)
    assert ids.tolist() == [0]
    assert work == 1
    assert index.entry == 0


def test_an_index_whose_vectors_are_all_deleted_returns_no_id():
    index = HNSW([[1.0], [2.0]], 2, 2, np.random.default_rng(0))
    assert index.deleted == set()
    index.delete(0)
    index.delete(1)
    ids, _ = index.search([0.0], 1, 2)
    assert ids.tolist() == []
    assert ids.dtype == np.intp


def test_fewer_than_k_come_back_when_the_list_holds_deleted_ones():
    index = HNSW(np.arange(10.0)[:, None], 3, 8, np.random.default_rng(0))
    index.delete(4)
    assert index.search([4.1], 3, 3)[0].tolist() == [5, 3]
    assert index.search([4.1], 3, 4)[0].tolist() == [5, 3, 6]


def test_a_vector_outside_the_index_cannot_be_deleted():
    index = HNSW([[1.0], [2.0]], 2, 2, np.random.default_rng(0))
    for i in (-1, 2):
        with pytest.raises(ValueError, match=f"no vector {i} among 2"):
            index.delete(i)


def test_sizes_just_below_the_smallest_are_refused():
    X = np.arange(6.0)[:, None]
    with pytest.raises(ValueError, match="got 1 and 1"):
        HNSW(X, 1, 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="got 2 and 0"):
        HNSW(X, 2, 0, np.random.default_rng(0))
    index = HNSW(X, 2, 4, np.random.default_rng(0))
    assert index.search([2.0], 6, 6)[0].size == 6
    with pytest.raises(ValueError, match="at least k = 3, got 2"):
        index.search([2.0], 3, 2)
    with pytest.raises(ValueError, match="k must lie between 1 and the 6 vectors"):
        index.search([2.0], 7, 7)
    with pytest.raises(ValueError, match="vector of 1 numbers"):
        index.search([2.0, 1.0], 1, 1)


def test_the_graph_with_a_long_list_is_exact(data, graph):
    X, Q = data
    exact = Flat(X).search(Q, 5)
    found = [graph.search(q, 5, 400)[0] for q in Q]
    assert neighbor_recall(found, exact) > 0.99


def test_recall_and_work_grow_with_ef_and_work_stays_below_all(data, graph):
    X, Q = data
    exact = Flat(X).search(Q, 5)
    recall = []
    work = []
    for ef in (5, 20, 80):
        results = [graph.search(q, 5, ef) for q in Q]
        recall.append(neighbor_recall([ids for ids, _ in results], exact))
        work.append(np.mean([w for _, w in results]))
    assert recall == sorted(recall)
    assert work == sorted(work)
    assert work[0] < 0.4 * len(X)


def test_the_graph_is_as_good_as_that_of_faiss(data, graph):
    faiss = pytest.importorskip("faiss")
    X, Q = (part.astype(np.float32) for part in data)
    theirs = faiss.IndexHNSWFlat(16, 6)
    theirs.hnsw.efConstruction = 40
    theirs.add(X)
    exact = Flat(X).search(Q, 5)
    for ef in (10, 40):
        theirs.hnsw.efSearch = ef
        faiss.cvar.hnsw_stats.reset()
        recall = neighbor_recall(theirs.search(Q, 5)[1], exact)
        work = faiss.cvar.hnsw_stats.ndis / len(Q)
        ours = [graph.search(q, 5, ef) for q in Q]
        assert neighbor_recall([ids for ids, _ in ours], exact) > recall - 0.1
        assert np.mean([w for _, w in ours]) < 1.3 * work


def test_links_respect_their_limits_and_layers_are_nested(graph):
    for layer, links in enumerate(graph.links):
        limit = 12 if layer == 0 else 6
        assert max(map(len, links.values())) <= limit
        assert set(links) == set(np.flatnonzero(graph.levels >= layer))
        assert all(i not in near and len(set(near)) == len(near) for i, near in links.items())


def test_diverse_links_are_nearer_to_the_center_than_to_each_other(graph):
    X = graph.X
    for i in range(0, 400, 40):
        candidates = [j for j in range(400) if j != i]
        chosen = graph._diverse(candidates, i, 6)
        for place, a in enumerate(chosen):
            gap = ((X[a] - X[i]) ** 2).sum()
            assert all(gap < ((X[a] - X[b]) ** 2).sum() for b in chosen[:place])
        assert chosen[0] == np.argsort(((X - X[i]) ** 2).sum(1))[1]


def test_deleted_vectors_are_not_returned_and_still_lead_on(data):
    X, Q = data
    index = HNSW(X[:200], 6, 40, np.random.default_rng(15))
    first = int(index.search(Q[0], 1, 50)[0][0])
    index.delete(first)
    ids, _ = index.search(Q[0], 3, 100)
    assert first not in ids
    exact = [i for i in Flat(X[:200]).search(Q[:1], 4)[0] if i != first]
    assert ids.tolist() == exact[:3]
    with pytest.raises(ValueError, match="no vector"):
        index.delete(200)


def test_layers_hold_a_fraction_one_over_m():
    levels = draw_levels(100_000, 4, np.random.default_rng(16))
    for layer in (1, 2, 3):
        assert (levels >= layer).mean() == pytest.approx(4.0**-layer, rel=0.06)
