"""Claims of groundtruth.modern.retrieval_corpus, retrieval_synthetic, dense, rag, injection and
judged.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.data import text
from groundtruth.data.text import tokenize
from groundtruth.modern import dense, injection, judged, rag, retrieval_corpus
from groundtruth.modern import retrieval_synthetic as synthetic
from groundtruth.networks.contrastive import info_nce
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

PAGE = """---
kind: chapter
---

(anchor)=
# Top *title*

First {term}`gate <gates>` sentence $x^2$ here.
<!-- given: 1 -->

```{code-cell} ipython3
hidden = 1
```

$$
hidden
$$ (eq-hidden)

## Part

```{admonition} Trap
:class: trap
Visible {cite}`nobody` words, see {doc}`other`.
```

### Sub part

More.

## Exercises

### Inside

Hidden.

## Check yourself

Hidden.
"""


def test_a_page_is_split_into_the_prose_of_its_sections():
    assert retrieval_corpus.split(PAGE) == [
        ("Top title", "First gate sentence here."),
        ("Top title: Part", "Visible words, see."),
        ("Top title: Sub part", "More."),
    ]


def test_a_snapshot_holds_pages_with_cards_and_survives_writing(tmp_path, monkeypatch):
    cards = tmp_path / "_assets" / "cards" / "part"
    cards.mkdir(parents=True)
    (cards / "page.yml").write_text("- question: What is $x$ *now*?\n")
    (cards / "gone.yml").write_text("- question: No page?\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "page.md").write_text(PAGE)
    corpus = retrieval_corpus.snapshot(tmp_path)
    assert set(corpus.pages) == {"part/page"}
    assert corpus.queries == ("What is now?",)
    assert corpus.page_of_query.tolist() == [0]
    monkeypatch.setattr(retrieval_corpus, "FILE", tmp_path / "file.xz")
    retrieval_corpus.write(corpus, tmp_path / "file.xz")
    assert retrieval_corpus.load() == corpus
    assert retrieval_corpus.load().digest == corpus.digest
    with pytest.raises(ValueError, match="no page with cards"):
        retrieval_corpus.snapshot(tmp_path / "nothing")


def test_the_frozen_snapshot_is_whole():
    corpus = retrieval_corpus.load()
    assert len(corpus.pages) == len(corpus.titles) == len(corpus.texts) == 597
    assert len(corpus.queries) == 301
    assert set(corpus.answers) <= set(corpus.pages)
    assert corpus.digest == "a1845d78fccd"
    assert not any("```" in words or "{term}" in words for words in corpus.texts)


def test_the_questions_of_the_cards_do_not_stand_in_the_sections():
    corpus = retrieval_corpus.load()
    everything = " ".join(corpus.texts)
    assert sum(query in everything for query in corpus.queries) == 0


def test_pairs_are_a_sentence_and_the_rest_of_its_section():
    corpus = retrieval_corpus.Corpus(
        ("p", "p"), ("T: head", "T"), ("One a. Two b. Three c.", "Short."), ("q",), ("p",)
    )
    queries, documents = retrieval_corpus.sentence_pairs(corpus, np.random.default_rng(0), 5)
    assert len(queries) == len(documents) == 5 + 2
    for q, d in zip(queries[:5], documents[:5], strict=True):
        assert not set(q) & set(d)
        assert "head" in d
    assert queries[5:] == [["head"], []]
    with pytest.raises(ValueError, match="repeat"):
        retrieval_corpus.sentence_pairs(corpus, np.random.default_rng(0), 0)


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_planted_queries_are_answered_by_their_passages(seed):
    world = synthetic.planted(seed, 8, 12, 5)
    assert len(world.passages) == 8 + 12 + 10
    for query in world.queries:
        last = world.passages[query.relevant[-1]]
        assert rag.extract(query.text, last) == query.answer
        shared = set(tokenize(query.text)) & set(tokenize(world.passages[query.relevant[0]]))
        if query.kind == "id":
            assert any(word.isdigit() for word in shared)
        if query.kind == "paraphrase":
            concepts = {w for c in synthetic.OBJECTS for w in c[:2]}
            concepts |= {w for c in synthetic.ACTIONS + synthetic.QUALITIES for w in c[:2]}
            assert len(shared & concepts) == 1
        if query.kind == "two-hop":
            first = set(tokenize(world.passages[query.relevant[0]]))
            project = set(tokenize(last)) & first & {p.lower() for p in synthetic.PROJECTS}
            assert len(project) == 1
            assert not project & set(tokenize(query.text))


def test_planted_collections_differ_by_seed_and_repeat():
    assert synthetic.planted(1) == synthetic.planted(1)
    assert synthetic.planted(1) != synthetic.planted(2)
    with pytest.raises(ValueError, match="kind two-hop"):
        synthetic.planted(0, two_hops=41)
    with pytest.raises(ValueError, match="at least one"):
        synthetic.planted(0, 0, 0, 0)


def test_ids_of_unanswerable_queries_are_in_no_passage():
    world = synthetic.planted(0)
    queries = synthetic.unanswerable(1, 50, world)
    assert len(queries) == 50
    everything = " ".join(world.passages)
    assert not any(re.findall(r"\d{6}", q.text)[0] in everything for q in queries)
    assert {q.answer for q in queries} == {None}


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_unanswerable_queries_share_no_subject_with_a_passage(kind):
    world = synthetic.planted(0)
    queries = synthetic.unanswerable(1, 60, world, kind)
    assert len(queries) == 60
    assert {q.kind for q in queries} == {kind}
    asked = {q.text for q in world.queries}
    assert not asked & {q.text for q in queries}
    if kind == "two-hop":
        names = [re.search(r"that (.+) leads", q.text)[1] for q in queries]
        assert not any(name in " ".join(world.passages) for name in names)
    with pytest.raises(ValueError, match="kind"):
        synthetic.unanswerable(1, 5, world, "other")


def test_concepts_of_unanswerable_paraphrases_are_together_in_no_passage():
    world = synthetic.planted(0)
    tables = (synthetic.OBJECTS, synthetic.ACTIONS, synthetic.QUALITIES)

    def concepts(line: str) -> tuple[int, ...]:
        words = tokenize(line.split(";")[0])
        found = [[i for i, row in enumerate(t) if set(row[:2]) & set(words)] for t in tables]
        return tuple(row[0] for row in found if row)

    known = {concepts(passage) for passage in world.passages}
    queries = synthetic.unanswerable(3, 100, world, "paraphrase")
    assert all(len(concepts(q.text)) == 3 for q in queries)
    assert not known & {concepts(q.text) for q in queries}


def test_semantic_chunks_are_cut_at_the_smallest_cosines():
    angle = np.array([0.0, 0.1, 1.5, 1.55, 2.6])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    sentences = ["a.", "b.", "c.", "d.", "e."]
    assert rag.semantic_chunks(sentences, rows, 1) == ["a. b. c. d. e."]
    assert rag.semantic_chunks(sentences, rows, 2) == ["a. b.", "c. d. e."]
    assert rag.semantic_chunks(sentences, rows, 3) == ["a. b.", "c. d.", "e."]
    assert rag.semantic_chunks(sentences, rows, 5) == sentences
    for count, table in ((0, rows), (6, rows), (2, rows[:3])):
        with pytest.raises(ValueError, match="sentence"):
            rag.semantic_chunks(sentences, table, count)


def test_lsa_is_the_truncated_svd_of_scikit_learn():
    docs = [tokenize(passage) for passage in synthetic.planted(3, 10, 30, 5).passages]
    ours = dense.LSA(docs, 5)
    X = TfidfVectorizer(analyzer=lambda words: words).fit_transform(docs)
    theirs = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(X)
    assert np.allclose(ours.singular_values, theirs.singular_values_)
    E = dense.unit(theirs.transform(X))
    mine = ours.encode(docs)
    assert np.allclose(mine @ mine.T, E @ E.T)
    assert np.allclose(ours.encode(docs, 2), dense.unit((X @ ours.basis)[:, :2]))
    with pytest.raises(ValueError, match="d must"):
        dense.LSA(docs, 10_000)


def test_the_in_batch_loss_is_info_nce_with_a_gradient():
    rng = np.random.default_rng(4)
    Q, D = rng.normal(size=(2, 6, 5))
    loss, dQ, dD = dense.in_batch_loss(Q, D, 0.2)
    assert loss == pytest.approx(info_nce(Q, D, 0.2))
    assert np.allclose(dQ, numeric_grad(lambda M: dense.in_batch_loss(M, D, 0.2)[0], Q), atol=1e-7)
    assert np.allclose(dD, numeric_grad(lambda M: dense.in_batch_loss(Q, M, 0.2)[0], D), atol=1e-7)


def test_the_matryoshka_loss_is_the_mean_over_prefixes_with_a_gradient():
    rng = np.random.default_rng(5)
    Q, D = rng.normal(size=(2, 4, 6))
    loss, dQ, _ = dense.in_batch_loss(Q, D, 0.5, dims=(2, 6))
    assert loss == pytest.approx((info_nce(Q[:, :2], D[:, :2], 0.5) + info_nce(Q, D, 0.5)) / 2)
    f = lambda M: dense.in_batch_loss(M, D, 0.5, dims=(2, 6))[0]  # noqa: E731
    assert np.allclose(dQ, numeric_grad(f, Q), atol=1e-7)


@pytest.mark.parametrize(
    ("shapes", "temperature"),
    [(((2, 3), (3, 3)), 1.0), (((1, 3), (1, 3)), 1.0), (((2, 3),) * 2, 0)],
)
def test_batches_that_are_none_are_refused(shapes, temperature):
    with pytest.raises(ValueError, match="B >= 2"):
        dense.in_batch_loss(np.ones(shapes[0]), np.ones(shapes[1]), temperature)


def test_training_brings_pairs_together():
    queries = [["car", str(i)] for i in range(40)]
    documents = [["auto", str(i)] for i in range(40)]
    model = dense.BiEncoder(text.vocabulary_of(queries + documents), 8, np.random.default_rng(0))
    before = (model.queries([["car"]]) @ model.documents([["auto"]]).T).item()
    losses = dense.train(model, queries, documents, np.random.default_rng(1), epochs=30, batch=20)
    assert losses[-1] < losses[0]
    assert (model.queries([["car"]]) @ model.documents([["auto"]]).T).item() > before
    best = (model.queries(queries) @ model.documents(documents).T).argmax(1)
    assert (best == np.arange(40)).mean() > 0.9
    with pytest.raises(ValueError, match="batch"):
        dense.train(model, queries, documents, np.random.default_rng(1), batch=41)


def test_a_step_of_training_is_that_of_adam():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3))
    gradients = rng.normal(size=(3, 4, 3))
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.05)
    ours = start.copy()
    m, v = np.zeros_like(start), np.zeros_like(start)
    for step, g in enumerate(gradients, 1):
        theirs.grad = torch.tensor(g)
        optimizer.step()
        dense._adam(ours, g.copy(), m, v, step, 0.05)
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9)


def test_embeddings_are_unit_means_and_unknown_words_are_left_out():
    model = dense.BiEncoder(["a", "b"], 3, np.random.default_rng(0))
    mean = (model.query_table[0] * 2 + model.query_table[1]) / 3
    assert np.allclose(model.queries([["a", "b", "a", "z"]])[0], mean / np.linalg.norm(mean))
    assert (model.documents([["z"]]) == 0).all()
    assert np.linalg.norm(model.documents([["a"]], d=2)) == pytest.approx(1)


def test_max_sim_by_hand():
    assert dense.max_sim([[1, 0], [0, 2]], [[3, 1], [0, 5]]) == 3 + 10
    with pytest.raises(ValueError, match="tables"):
        dense.max_sim([[1, 0]], [[1, 0, 0]])


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 11))
def test_chunks_cover_everything_and_overlap(n, size, overlap):
    words = [str(i) for i in range(n)]
    if overlap >= size:
        with pytest.raises(ValueError, match="overlap"):
            rag.chunk(words, size, overlap)
        return
    parts = rag.chunk(words, size, overlap)
    assert parts[0] + [w for part in parts[1:] for w in part[overlap:]] == words
    assert all(len(part) == size for part in parts[:-1])
    assert all(not set(a) >= set(b) for a, b in pairwise(parts))


@pytest.mark.parametrize(("size", "overlap", "answer"), [(10, 0, 4), (10, 3, 6), (7, 5, 6)])
def test_the_probability_of_a_cut_is_that_of_a_count(size, overlap, answer):
    words = [str(i) for i in range(5000)]
    parts = [set(part) for part in rag.chunk(words, size, overlap)]
    step = size - overlap
    begins = range(100, 100 + 20 * step)
    cut = [not any(set(words[i : i + answer]) <= part for part in parts[:400]) for i in begins]
    assert np.mean(cut) == pytest.approx(rag.cut_probability(size, overlap, answer))


@pytest.fixture(scope="module")
def system():
    worlds = [synthetic.planted(seed, 40, 60, 15) for seed in range(5)]
    queries, documents = rag.training_pairs(worlds[1:4])
    encoder = dense.BiEncoder(text.vocabulary_of(queries + documents), 12, np.random.default_rng(0))
    dense.train(encoder, queries, documents, np.random.default_rng(0))
    retriever = rag.Retriever(worlds[0].passages, encoder)
    scorer = rag.fit_scorer(rag.Retriever(worlds[4].passages, encoder), worlds[4])
    return worlds[0], retriever, scorer


def test_answers_need_the_second_hop(system):
    world, retriever, scorer = system
    two = [q for q in world.queries if q.kind == "two-hop"]
    one = [rag.answer(retriever, q.text, scorer)[0] == q.answer for q in two]
    both = [rag.answer(retriever, q.text, scorer, hops=2) for q in two]
    assert np.mean(one) < 0.2
    assert np.mean([a == q.answer for (a, _), q in zip(both, two, strict=True)]) > 0.9
    assert both[0][1] == list(two[0].relevant)


def test_a_high_threshold_abstains_and_forbidden_passages_are_never_read(system):
    world, retriever, scorer = system
    query = world.queries[0]
    assert rag.answer(retriever, query.text, scorer, threshold=np.inf) == (None, [])
    allowed = np.ones(len(world.passages), dtype=bool)
    allowed[query.relevant[0]] = False
    for q in world.queries[:20]:
        _, read = rag.answer(retriever, q.text, scorer, hops=2, allowed=allowed)
        assert allowed[read].all()
    assert allowed[retriever.hybrid(query.text, 20, allowed=allowed)].all()
    assert allowed[retriever.reranked(query.text, scorer, 9, allowed=allowed)[0]].all()


def test_the_threshold_is_compared_with_the_log_odds_of_the_best_passage(system):
    world, retriever, scorer = system
    query = world.queries[0]
    odds = retriever.reranked(query.text, scorer, 1)[1][0]
    assert rag.answer(retriever, query.text, scorer, threshold=odds + 0.1) == (None, [])
    assert rag.answer(retriever, query.text, scorer, threshold=odds - 0.1)[0] == query.answer


def test_features_are_the_fraction_of_the_idf_the_cosine_and_the_product(system):
    world, retriever, _ = system
    query = world.queries[0].text
    ids = np.array([world.queries[0].relevant[0], 3])
    features = retriever.features(query, ids)
    words = set(tokenize(query))
    for row, i in zip(features, ids, strict=True):
        held = words & set(tokenize(world.passages[i]))
        coverage = sum(map(retriever.idf, held)) / sum(map(retriever.idf, words))
        assert row[0] == pytest.approx(coverage)
        assert row[2] == pytest.approx(row[0] * row[1])
    assert np.allclose(features[:, 1], retriever.scores(query, "dense")[ids])
    assert retriever.idf("no-such-word") > max(
        map(retriever.idf, words & set(retriever.index.term))
    )


def test_bad_questions_are_refused(system):
    _, retriever, scorer = system
    with pytest.raises(ValueError, match="hop"):
        rag.answer(retriever, "x", scorer, hops=0)
    with pytest.raises(ValueError, match="kind"):
        retriever.scores("x", "sparse")
    with pytest.raises(ValueError, match="no passages"):
        rag.Retriever([], retriever.encoder)
    with pytest.raises(TypeError, match="plain string"):
        rag.chunk("a b", 2)
    with pytest.raises(ValueError, match="answer"):
        rag.cut_probability(10, 0, 0)


OBEYED = {
    "instruction": {"none"},
    "closes the delimiter": {"none", "fixed delimiter"},
    "reworded": {"none", "phrase filter"},
    "false fact": {"none", "fixed delimiter", "random delimiter", "phrase filter", "allow-list"},
}


@pytest.mark.parametrize("control", injection.CONTROLS)
@pytest.mark.parametrize("payload", injection.PAYLOADS)
def test_which_payload_passes_which_control(payload, control):
    query = "Where is item 123456?"
    bad = injection.PAYLOADS[payload].format(query=query, lie=7)
    passages = [bad, "Item 123456 is on shelf 42."]
    obeyed = injection.obedient_reader(query, passages, control) == 7
    # the allow-list acts before the reader, so here it stops nothing
    assert obeyed == (control in OBEYED[payload] | {"allow-list"})


def test_the_reader_answers_without_an_attack_and_refuses_unknown_controls():
    passages = ["Nothing here.", "Item 123456 is on shelf 42."]
    for control in injection.CONTROLS:
        assert injection.obedient_reader("Where is item 123456?", passages, control) == 42
    with pytest.raises(ValueError, match="control"):
        injection.obedient_reader("x", passages, "hope")


def test_prediction_powered_estimates_by_hand():
    estimate, low, high = judged.prediction_powered([1, 1, 0, 1], [1, 0], [1, 1], weight=0.5)
    assert estimate == pytest.approx(0.5 * 0.75 + (0.5 + 1) / 2)
    variance = 0.25 * 0.25 / 4 + 0.125 / 2
    assert high - low == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=1e-5)
    plain = judged.prediction_powered([1, 0], [1, 0], [1, 1], weight=0)
    assert plain[0] == 1


def test_prediction_powered_intervals_cover_whatever_the_judge():
    rng = np.random.default_rng(6)
    for sensitivity, specificity in ((0.95, 0.6), (0.2, 0.1)):
        hits = 0
        for _ in range(400):
            y, f = judged.simulate(rng, 1150, 0.6, sensitivity, specificity)
            _, low, high = judged.prediction_powered(f[150:], f[:150], y[:150])
            hits += low <= 0.6 <= high
        assert 0.92 < hits / 400 < 0.98


def test_the_best_weight_minimizes_the_variance():
    rng = np.random.default_rng(7)
    y, f = judged.simulate(rng, 40_000, 0.7, 0.9, 0.5)
    weight = judged.best_weight(f[:20_000], y[:20_000], 20_000)

    def width(w):
        _, low, high = judged.prediction_powered(f[20_000:], f[:20_000], y[:20_000], weight=w)
        return high - low

    assert width(weight) < min(width(weight - 0.1), width(weight + 0.1))
    assert judged.best_weight([1, 1, 1], [0, 1, 1], 10) == 0


def test_the_simulated_judge_has_its_rates():
    y, f = judged.simulate(np.random.default_rng(8), 100_000, 0.7, 0.95, 0.6)
    assert y.mean() == pytest.approx(0.7, abs=0.01)
    assert f[y == 1].mean() == pytest.approx(0.95, abs=0.01)
    assert f[y == 0].mean() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: judged.prediction_powered([1], [1, 0], [1, 0]), "judge"),
        (lambda: judged.prediction_powered([1, 2], [1, 0], [1, 0]), "judge"),
        (lambda: judged.prediction_powered([1, 0], [1, 0, 1], [1, 0]), "pairs"),
        (lambda: judged.prediction_powered([1, 0], [1, 0], [1, 0], level=1), "level"),
        (lambda: judged.best_weight([1, 0], [1, 0], 0), "many"),
        (lambda: judged.simulate(np.random.default_rng(0), 5, 1.2, 1, 1), "accuracy"),
    ],
)
def test_bad_marks_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
