"""The simulated server, by hand on small traffic and by conservation on larger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from groundtruth.modern.serving import Policy, Request, Server, disaggregated, traffic

POLICIES = [
    Policy(continuous=False, block=0),
    Policy(block=0),
    Policy(),
    Policy(chunk=32),
    Policy(chunk=32, share=True),
    Policy(share=True),
]


def serve(requests, policy=None, memory=1024, longest=256, knee=16):
    return Server(policy or Policy(), memory, longest, knee).run(requests)


def test_one_request_by_hand():
    # 40 prompt tokens cost 40 / 16 = 2.5, then two tokens at 1 each
    report = serve([Request(3.0, 40, 3)])
    assert report.cost == 4.5
    assert report.tokens == 3
    assert report.first.tolist() == [2.5]
    assert report.gap.tolist() == [1.0]
    assert report.prefill == 40
    assert report.batch == 1.0


def test_unused_cache_by_hand():
    # pages of 16: 40 and 41 tokens take 48; 42 never stay: cost 2.5 at 40 and 1 at 41, 1 at 42
    report = serve([Request(0.0, 40, 3)])
    used = 2.5 * 40 + 41 + 42
    assert report.wasted == pytest.approx(1 - used / (4.5 * 48))


def test_reserved_memory_by_hand():
    report = serve([Request(0.0, 40, 3)], Policy(block=0))
    assert report.wasted == pytest.approx(1 - (2.5 * 40 + 41 + 42) / (4.5 * 256))


def test_a_static_batch_waits_for_its_longest_request():
    requests = [Request(0, 4, 2), Request(0, 4, 9), Request(1.5, 4, 1)]
    static = serve(requests, Policy(continuous=False, block=0))
    continuous = serve(requests, Policy(block=0))
    assert static.first[2] == 9 + 1 - 1.5
    assert continuous.first[2] == 3 - 1.5


def test_a_chunk_bounds_the_tokens_of_a_pass():
    requests = [Request(0, 4, 30), Request(2, 200, 2)]
    assert serve(requests).gap[0] == pytest.approx(201 / 16)
    assert serve(requests, Policy(chunk=16)).gap[0] == 1.0


def test_chunks_compute_each_prompt_token_once():
    requests = [Request(0, 100, 3), Request(0, 37, 3)]
    assert serve(requests, Policy(chunk=8)).prefill == 137


def test_a_shared_prefix_is_computed_once():
    # 33 shared tokens are two whole pages of 16; the second and third prompt reuse 32
    requests = [Request(0, 40, 2, 33), Request(10, 40, 2, 33), Request(20, 35, 2, 33)]
    assert serve(requests, Policy(share=True)).prefill == 40 + 8 + 3
    assert serve(requests, Policy()).prefill == 115


def test_preempted_requests_are_computed_again_and_finish():
    requests = [Request(0, 30, 60), Request(0, 30, 60)]
    report = serve(requests, Policy(), memory=120, longest=96)
    assert report.preempted >= 1
    assert report.tokens == 120
    assert report.prefill > 60


def test_memory_is_never_exceeded(monkeypatch):
    server = Server(Policy(chunk=32, share=True), 600, 256, 16)
    reserved = []
    original = server._pass

    def watched():
        original()
        reserved.append(server._reserved([(j.cached, j.request) for j in server._running]))

    monkeypatch.setattr(server, "_pass", watched)
    server.run(traffic(60, 1.0, np.random.default_rng(0), 32, 256))
    assert max(reserved) <= 600


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_token_is_generated_under_every_policy(policy, seed):
    requests = traffic(80, 0.5, np.random.default_rng(seed), 32, 256)
    report = serve(requests, policy)
    assert report.tokens == sum(r.output for r in requests)
    assert len(report.first) == 80
    assert (report.first >= 1).all()
    assert 0 <= report.wasted < 1
    whole = sum(r.prompt for r in requests)
    if not policy.share:
        assert (report.prefill >= whole) if report.preempted else (report.prefill == whole)
    assert report.cost >= report.tokens / report.batch / 1.001 - 80


def test_the_order_of_the_list_does_not_matter():
    requests = traffic(40, 0.5, np.random.default_rng(3), 0, 256)
    a = serve(requests)
    b = serve(requests[::-1])
    assert a.cost == b.cost
    np.testing.assert_array_equal(a.first, b.first[::-1])


def test_waiting_for_arrivals_costs_nothing():
    apart = serve([Request(0, 4, 2), Request(1000, 4, 2)])
    assert apart.cost == 4.0


def test_disaggregation_never_mixes_prompts_with_decoding():
    requests = [Request(0, 4, 30), Request(2, 200, 2)]
    report = disaggregated(requests, 1024, 256, 16)
    assert report.gap.max() == 1.0
    assert report.first[1] == pytest.approx(200 / 16 + 1, abs=1)
    assert report.tokens == 32


def test_disaggregated_waits_belong_to_their_requests():
    requests = [Request(5, 160, 2), Request(0, 16, 2)]
    report = disaggregated(requests, 1024, 256, 16)
    np.testing.assert_allclose(
        report.first, disaggregated(requests[::-1], 1024, 256, 16).first[::-1]
    )


def test_traffic_respects_its_limits():
    requests = traffic(500, 2.0, np.random.default_rng(0), 64, 200)
    assert all(r.prompt + r.output <= 200 and r.prompt > 64 for r in requests)
    arrivals = [r.arrival for r in requests]
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] / 500 == pytest.approx(0.5, rel=0.2)


def test_a_preempted_request_runs_again_before_later_ones():
    """The first ends after 30 passes; until then its cache leaves no room for the second."""
    requests = [Request(0, 16, 30), Request(1, 16, 30), Request(2, 30, 2)]
    report = Server(Policy(), 80, 60, 64).run(requests)
    assert report.preempted == 1
    assert 2 + report.first[2] > 30


def test_the_latest_arrival_is_preempted():
    """The earlier request generates without a pause; the later one waits for its room."""
    requests = [Request(0, 16, 30), Request(1, 16, 30)]
    report = Server(Policy(), 80, 60, 64).run(requests)
    assert report.preempted >= 1
    assert report.gap[0] == 1.0
    assert report.gap[1] > 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: Request(0, 0, 1),
        lambda: Request(0, 1, 0),
        lambda: Request(0, 4, 1, 4),
        lambda: Request(0, 4, 1, -1),
        lambda: Server(Policy(), 0, 1, 1),
        lambda: Server(Policy(), 64, 64, 1),
        lambda: Server(Policy(block=-1), 64, 32, 1),
        lambda: Server(replace(Policy(), chunk=-1), 64, 32, 1),
        lambda: Server(Policy(block=0, share=True), 64, 32, 1),
        lambda: serve([]),
        lambda: serve([Request(0, 200, 100)]),
        lambda: traffic(0, 1.0, np.random.default_rng(0)),
        lambda: traffic(1, 0.0, np.random.default_rng(0)),
        lambda: traffic(1, 1.0, np.random.default_rng(0), 511),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
