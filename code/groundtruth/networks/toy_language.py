"""A language of 35 words whose structure is known: eight people of three traits, three fruits, and
words that go with them.

Read with book/networks/embeddings.md.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

PEOPLE: dict[str, tuple[str, str, str]] = {
    "king": ("royal", "male", "old"),
    "queen": ("royal", "female", "old"),
    "prince": ("royal", "male", "young"),
    "princess": ("royal", "female", "young"),
    "man": ("common", "male", "old"),
    "woman": ("common", "female", "old"),
    "boy": ("common", "male", "young"),
    "girl": ("common", "female", "young"),
}
COMPANY: dict[str, tuple[str, ...]] = {
    "royal": ("crown", "throne", "palace", "rules"),
    "common": ("works", "market", "street", "field"),
    "male": ("he", "his", "beard"),
    "female": ("she", "her", "dress"),
    "old": ("grey", "wise", "tired"),
    "young": ("plays", "school", "small"),
    "fruit": ("sweet", "ripe", "eat", "tree"),
}
FRUIT = ("apple", "pear", "plum")
WORDS: tuple[str, ...] = (
    *PEOPLE,
    *FRUIT,
    *(word for company in COMPANY.values() for word in company),
)
ID = {word: i for i, word in enumerate(WORDS)}


def sentences(count: int, rng: np.random.Generator) -> list[list[int]]:
    """Bags of four words in random order: a person with one word for each trait, or, in one of
    five, a fruit with three of its words.

    Examples
    --------
    >>> sorted(len(s) for s in sentences(3, np.random.default_rng(0)))
    [4, 4, 4]
    """
    if count < 1:
        raise ValueError(f"need at least one sentence, got {count}")
    names = list(PEOPLE)
    items = []
    for _ in range(count):
        if rng.random() < 0.2:
            words = [
                FRUIT[rng.integers(len(FRUIT))],
                *(COMPANY["fruit"][i] for i in rng.choice(4, 3)),
            ]
        else:
            name = names[rng.integers(len(names))]
            words = [
                name,
                *(COMPANY[trait][rng.integers(len(COMPANY[trait]))] for trait in PEOPLE[name]),
            ]
        items.append([ID[words[i]] for i in rng.permutation(4)])
    return items


def questions() -> list[tuple[int, int, int, int]]:
    """All analogies a : a* = b : b* in which a and a* differ in one trait, b shares that trait with
    a, and all four differ.

    Examples
    --------
    >>> len(questions()), (ID["man"], ID["woman"], ID["king"], ID["queen"]) in questions()
    (72, True)
    """
    by_traits = {traits: name for name, traits in PEOPLE.items()}
    items = []
    for a, a_star, b in product(PEOPLE, repeat=3):
        differ = [i for i in range(3) if PEOPLE[a][i] != PEOPLE[a_star][i]]
        if (
            len(differ) == 1
            and PEOPLE[b][differ[0]] == PEOPLE[a][differ[0]]
            and len({a, a_star, b}) == 3
        ):
            traits = list(PEOPLE[b])
            traits[differ[0]] = PEOPLE[a_star][differ[0]]
            b_star = by_traits[tuple(traits)]  # type: ignore[index]
            items.append((ID[a], ID[a_star], ID[b], ID[b_star]))
    return [q for q in items if len(set(q)) == 4]


def coordinates(W: ArrayLike) -> NDArray[np.float64]:
    """Gender and rank (8, 2) of the eight people, read from word vectors W (V, d).

    Each word is measured along a direction that was computed without it: the gender of a royal
    person along the difference of common women and men, and the other way round; the rank of a man
    along the difference of royal and common women, and the other way round. So vectors without
    structure give signs by chance. A coordinate is +1 or -1 where the two differences agree.

    Examples
    --------
    >>> W = np.zeros((len(WORDS), 2))
    >>> sign = {"male": -1, "female": 1, "common": -1, "royal": 1}
    >>> W[: len(PEOPLE)] = [[sign[g], sign[r]] for r, g, _ in PEOPLE.values()]
    >>> coordinates(W)[:2].round(6).tolist()
    [[-1.0, 1.0], [1.0, 1.0]]
    """
    table = np.asarray(W, dtype=float)
    if table.ndim != 2 or len(table) != len(WORDS):
        raise ValueError(f"need one vector for each of {len(WORDS)} words, got {table.shape}")
    P = table[[ID[name] for name in PEOPLE]]
    norms = np.linalg.norm(P, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise ValueError("a word vector is zero; it has no direction")
    P = P / norms
    royal, female = (
        np.array([traits[i] == name for traits in PEOPLE.values()])
        for i, name in ((0, "royal"), (1, "female"))
    )
    columns = [_cross_measured(P, female, royal), _cross_measured(P, royal, female)]
    return np.stack(columns, axis=1)


def _cross_measured(
    P: NDArray[np.float64], side: NDArray[np.bool_], group: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Position of each row of P along the difference of the two sides in the other group."""
    out = np.zeros(len(P))
    for mine in (group, ~group):
        direction = P[~mine & side].mean(0) - P[~mine & ~side].mean(0)
        middle = (P[mine & side].mean(0) + P[mine & ~side].mean(0)) / 2
        out[mine] = 2 * (P[mine] - middle) @ direction / (direction @ direction)
    return out
