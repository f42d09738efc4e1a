"""Serving a language model as a discrete-event simulation: batches, pages, chunks, prefixes.

Read with book/modern/language-models.md.

One event is one pass of the model over a batch. Its cost is max(1, tokens / knee): below `knee`
tokens a pass is bound by reading the weights once, above it by arithmetic. Memory is counted in
tokens of cache. Paged memory is that of Kwon et al. (2023), batches that change between passes
those of Yu et al. (2022), chunks those of Agrawal et al. (2024).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Request:
    """A prompt and the number of tokens that will be generated for it."""

    arrival: float
    prompt: int
    output: int
    prefix: int = 0
    """First tokens of the prompt that all requests share."""

    def __post_init__(self) -> None:
        if self.prompt < 1 or self.output < 1 or not 0 <= self.prefix < self.prompt:
            raise ValueError(
                f"a request has a prompt, an output and a prefix shorter than the prompt: {self}"
            )


@dataclass(frozen=True)
class Policy:
    """How requests are batched and their caches stored."""

    continuous: bool = True
    """Admit whenever memory allows; otherwise a batch is finished before the next one begins."""
    block: int = 16
    """Tokens of a page; 0 reserves `longest` tokens at once for each request."""
    chunk: int = 0
    """Most tokens of a pass, prompts included; 0: whole prompts."""
    share: bool = False
    """Compute and store the shared prefix once."""
    decode_only: bool = False
    """Prompts were processed elsewhere: their caches arrive with the request."""


@dataclass
class Job:
    """A request that is being served."""

    request: Request
    number: int
    cached: int = 0
    """Tokens whose keys and values are in the cache."""
    need: int = 0
    """Tokens that must be cached before the next one can be generated."""
    times: list[float] = field(default_factory=list)
    """When each generated token was finished."""


@dataclass(frozen=True)
class Report:
    """What a simulation counted."""

    cost: float
    """Passes, each weighted by its cost."""
    tokens: int
    """Generated tokens."""
    first: np.ndarray
    """From arrival to the first token (n,)."""
    gap: np.ndarray
    """Longest wait between two tokens of each request (n,)."""
    batch: float
    """Sequences per pass, weighted by cost."""
    wasted: float
    """Fraction of the reserved cache that held no token, weighted by cost."""
    prefill: int
    """Prompt tokens that were computed."""
    preempted: int
    """How often a sequence gave up its cache and began again."""

    @property
    def rate(self) -> float:
        """Generated tokens per unit of cost."""
        return self.tokens / self.cost


class Server:
    """One model with a cache of `memory` tokens.

    Parameters
    ----------
    policy : Policy
    memory : int, tokens that the cache can hold
    longest : int, tokens of the longest request that is accepted
    knee : int, tokens of a pass from which on its cost grows

    Raises
    ------
    ValueError
        If a size is below 1, or the longest request does not fit into the memory.

    Examples
    --------
    >>> report = Server(Policy(), 128, 64, 8).run([Request(0, 4, 3), Request(0, 4, 3)])
    >>> report.tokens, report.cost  # one pass over 8 prompt tokens, two over 2 tokens each
    (6, 3.0)
    """

    def __init__(self, policy: Policy, memory: int, longest: int, knee: int) -> None:
        if min(memory, longest, knee) < 1 or policy.block < 0 or policy.chunk < 0:
            raise ValueError(f"sizes must be at least 1, got {memory}, {longest}, {knee}")
        if longest + policy.block > memory:
            raise ValueError(f"a request of {longest} tokens does not fit into {memory}")
        if policy.share and not policy.block:
            raise ValueError("a shared prefix needs pages; give a block of at least 1 token")
        self.policy = policy
        self.memory = memory
        self.longest = longest
        self.knee = knee

    def run(self, requests: Sequence[Request]) -> Report:
        """Serve all requests.

        Raises
        ------
        ValueError
            If there is no request, or one is longer than the longest accepted.
        """
        if not requests:
            raise ValueError("there is no request to serve")
        for request in requests:
            if request.prompt + request.output > self.longest:
                raise ValueError(f"{request} is longer than {self.longest} tokens")
        order = sorted(range(len(requests)), key=lambda i: requests[i].arrival)
        self._waiting = deque(Job(requests[i], i, need=requests[i].prompt) for i in order)
        self._running: list[Job] = []
        self._done: list[Job] = []
        self._clock = 0.0
        self._prefix_stored = False
        self._prefill = 0
        self._preempted = 0
        self._sums = np.zeros(4)  # cost, and batch, reserved, used, weighted by it
        while self._waiting or self._running:
            if not self._running:
                self._clock = max(self._clock, self._waiting[0].request.arrival)
            self._admit()
            self._make_room()
            self._pass()
        return self._report()

    def _shared(self, length: int, request: Request) -> int:
        """Of the first `length` tokens of a request, those in shared, whole pages."""
        if not self.policy.share:
            return 0
        return min(request.prefix, length) // self.policy.block * self.policy.block

    def _reserved(self, lengths: Sequence[tuple[int, Request]]) -> int:
        """Tokens of cache that are set aside; shared pages count once."""
        block = self.policy.block
        if not block:
            return self.longest * len(lengths)
        shared = [self._shared(n, r) for n, r in lengths]
        own = (n - s for (n, _), s in zip(lengths, shared, strict=True))
        return sum(-(-n // block) * block for n in own) + max(shared, default=0)

    def _admit(self) -> None:
        """Start waiting requests whose prompts fit beside those that are running."""
        if self._running and not self.policy.continuous:
            return
        while self._waiting and self._waiting[0].request.arrival <= self._clock:
            job = self._waiting[0]
            lengths = [(max(j.cached, j.need) + 1, j.request) for j in [*self._running, job]]
            if self._reserved(lengths) > self.memory:
                return
            if self.policy.decode_only:
                job.cached = job.need - 1
            elif self._prefix_stored:
                job.cached = self._shared(job.need - 1, job.request)
            self._running.append(self._waiting.popleft())

    def _make_room(self) -> None:
        """Preempt the latest arrivals until one more token of each running request fits."""
        while len(self._running) > 1:
            lengths = [(max(j.cached, j.need) + 1, j.request) for j in self._running]
            if self._reserved(lengths) <= self.memory:
                return
            job = self._running.pop()
            job.need = job.request.prompt + len(job.times)
            job.cached = 0
            self._preempted += 1
            self._waiting.appendleft(job)

    def _pass(self) -> None:
        """One pass: first a token of each request that is generating, then parts of prompts."""
        budget = self.policy.chunk or sum(j.need for j in self._running)
        tokens = 0
        finished = []
        for prompts in (False, True):
            for job in self._running:
                missing = job.need - job.cached
                if (missing > 1 or not job.times) != prompts:
                    continue
                part = min(missing, budget - tokens) if prompts else missing
                job.cached += part
                tokens += part
                self._prefill += part * prompts
                if part == missing:
                    finished.append(job)
        cost = max(1.0, tokens / self.knee)
        self._clock += cost
        used = sum(j.cached for j in self._running)
        shared = [self._shared(j.cached, j.request) for j in self._running]
        used -= sum(shared) - max(shared)
        reserved = self._reserved([(j.cached, j.request) for j in self._running])
        self._sums += cost * np.array([1.0, len(self._running), reserved, used])
        for job in finished:
            job.times.append(self._clock)
            job.need = job.cached + 1  # the token that was just generated is not cached yet
            self._prefix_stored = self.policy.share
        self._done += [j for j in self._running if len(j.times) == j.request.output]
        self._running = [j for j in self._running if len(j.times) < j.request.output]

    def _report(self) -> Report:
        self._done.sort(key=lambda job: job.number)
        cost, batch, reserved, used = self._sums.tolist()
        return Report(
            cost=cost,
            tokens=sum(len(job.times) for job in self._done),
            first=np.array([job.times[0] - job.request.arrival for job in self._done]),
            gap=np.array([max(np.diff(job.times), default=0.0) for job in self._done]),
            batch=batch / cost,
            wasted=1 - used / reserved,
            prefill=self._prefill,
            preempted=self._preempted,
        )


def traffic(
    n: int, rate: float, rng: np.random.Generator, prefix: int = 0, longest: int = 512
) -> list[Request]:
    """n requests with exponential gaps, and lognormal lengths of prompts and outputs.

    Parameters
    ----------
    n : int >= 1
    rate : float > 0, arrivals per unit of cost
    prefix : int, shared tokens before each prompt
    longest : int, at which prefix, prompt and output together are cut

    Examples
    --------
    >>> requests = traffic(3, 1.0, np.random.default_rng(0), prefix=32)
    >>> len(requests), requests[0].prefix, min(r.prompt for r in requests) > 32
    (3, 32, True)
    """
    if n < 1 or not rate > 0 or not 0 <= prefix < longest - 2:
        raise ValueError(f"need n >= 1, a rate above 0 and a prefix below {longest - 2}")
    arrivals = np.cumsum(rng.exponential(1 / rate, n))
    prompts = np.ceil(np.exp(rng.normal(4.0, 0.8, n))).astype(int)
    outputs = np.ceil(np.exp(rng.normal(4.0, 0.9, n))).astype(int)
    requests = []
    for arrival, prompt, output in zip(arrivals, prompts, outputs, strict=True):
        whole = prefix + min(int(prompt), (longest - prefix) // 2)
        requests.append(Request(float(arrival), whole, min(int(output), longest - whole), prefix))
    return requests


def disaggregated(
    requests: Sequence[Request], memory: int, longest: int, knee: int, block: int = 16
) -> Report:
    """Two models: one computes prompts in the order of arrival, the other only generates.

    The cost is that of both.

    Examples
    --------
    >>> report = disaggregated([Request(0, 8, 3)], 128, 64, 8)
    >>> report.first.tolist(), report.cost  # one pass over the prompt, then three
    ([2.0], 4.0)
    """
    clock = 0.0
    busy = 0.0
    moved = list(requests)
    for i in sorted(range(len(moved)), key=lambda i: requests[i].arrival):
        cost = max(1.0, requests[i].prompt / knee)
        clock = max(clock, requests[i].arrival) + cost
        busy += cost
        moved[i] = replace(requests[i], arrival=clock)
    server = Server(Policy(block=block, decode_only=True), memory, longest, knee)
    report = server.run(moved)
    waited = [m.arrival - r.arrival for m, r in zip(moved, requests, strict=True)]
    return replace(report, cost=report.cost + busy, first=report.first + waited)
