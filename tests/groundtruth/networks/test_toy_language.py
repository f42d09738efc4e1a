"""The language has the structure it claims."""

import numpy as np
import pytest
from groundtruth.networks import toy_language as tl


def test_every_sentence_holds_a_person_with_its_traits_or_a_fruit():
    for s in tl.sentences(300, np.random.default_rng(0)):
        words = [tl.WORDS[i] for i in s]
        heads = [w for w in words if w in tl.PEOPLE or w in tl.FRUIT]
        assert len(heads) == 1
        traits = tl.PEOPLE.get(heads[0], ("fruit",))
        assert all(any(w in tl.COMPANY[t] for t in traits) for w in words if w != heads[0])


def test_questions_change_one_trait():
    assert len(tl.WORDS) == 35 == len(set(tl.WORDS))
    for a, b, c, x in tl.questions():
        A, B, C, X = (tl.PEOPLE[tl.WORDS[i]] for i in (a, b, c, x))
        changed = [i for i in range(3) if A[i] != B[i]]
        assert len(changed) == 1
        assert [i for i in range(3) if C[i] != X[i]] == changed
        assert A[changed[0]] == C[changed[0]]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        tl.sentences(0, np.random.default_rng(0))
