"""The simulated server, by hand on small traffic and by conservation on larger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from groundtruth.modern.serving import Policy, Request, Server, disaggregated, traffic

pytestmark = pytest.mark.usefixtures("in_time")

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
    requests = traffic(30, 0.5, np.random.default_rng(seed), 32, 256)
    report = serve(requests, policy)
    assert report.tokens == sum(r.output for r in requests)
    assert len(report.first) == 30
    assert (report.first >= 1).all()
    assert 0 <= report.wasted < 1
    whole = sum(r.prompt for r in requests)
    if not policy.share:
        assert (report.prefill >= whole) if report.preempted else (report.prefill == whole)
    assert report.cost >= report.tokens / report.batch / 1.001 - 30


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


def test_the_rate_is_tokens_per_cost():
    report = serve([Request(0.0, 40, 3)])
    assert report.rate == 3 / 4.5


def test_two_requests_of_different_lengths_by_hand():
    """24 and 8 prompt tokens cost 2, then both generate at 1 each; the first ends a pass later.

    Pages of 8: after the passes 24 + 8, 25 + 9 and 26 tokens take 24 + 8, 32 + 16 and 32.
    """
    report = serve([Request(0, 24, 3), Request(0, 8, 2)], Policy(block=8))
    assert report.cost == 4.0
    assert report.tokens == 5
    assert report.first.tolist() == [2.0, 2.0]
    assert report.gap.tolist() == [1.0, 1.0]
    assert report.batch == (2 * 2 + 2 * 1 + 1 * 1) / 4
    assert report.wasted == pytest.approx(1 - (2 * 32 + 34 + 26) / (2 * 32 + 48 + 32))
    assert report.prefill == 32
    assert report.preempted == 0


def test_a_request_of_one_token_has_no_gap():
    report = serve([Request(0, 4, 1)])
    assert report.gap.tolist() == [0.0]
    assert report.cost == 1.0


def test_a_request_that_arrives_at_the_end_of_a_pass_joins_the_next_one():
    report = serve([Request(0, 4, 3), Request(1, 4, 1), Request(1.5, 4, 1)])
    assert report.first.tolist() == [1.0, 1.0, 1.5]


def test_a_full_memory_holds_the_requests_that_need_exactly_as_much():
    """Pages of one token: each prompt of 5 and the token after it, 6 + 6 of 12."""
    requests = [Request(0, 5, 1), Request(0, 5, 1)]
    fits = Server(Policy(block=1), 12, 11, 100).run(requests)
    assert fits.first.tolist() == [1.0, 1.0]
    short = Server(Policy(block=1), 11, 10, 100).run(requests)
    assert short.first.tolist() == [1.0, 2.0]
    assert short.preempted == 0


def test_one_shared_page_serves_all_that_run_at_the_same_time():
    """Pages of 4; the prefix of 10 has two whole pages. The first prompt computes 11 tokens. Then
    both others arrive. Of its own, the first has 3 tokens, gets another in the next pass, and must
    have room for one more: two pages. The others have 3 in the next pass and one more: one page.

    8 + 8 + 4 + 4 = 24 tokens are enough for all three; with fewer the last waits.
    """
    requests = [Request(0, 11, 3, 10), Request(1, 11, 1, 10), Request(1, 11, 1, 10)]
    policy = Policy(block=4, share=True)
    report = Server(policy, 24, 14, 100).run(requests)
    assert report.first.tolist() == [1.0, 1.0, 1.0]
    assert report.prefill == 11 + 3 + 3
    assert report.preempted == 0
    # 11, then 8 + 4 + 3 + 3, then 13 tokens, on 12, 20 and 16 reserved
    assert report.wasted == pytest.approx(1 - (11 + 18 + 13) / (12 + 20 + 16))
    report = Server(policy, 23, 14, 100).run(requests)
    assert report.first.tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(("prompt", "computed"), [(9, 1), (10, 2), (12, 4), (8, 4), (7, 3)])
def test_the_last_token_of_a_prompt_is_computed_although_its_page_is_stored(prompt, computed):
    """Its pass gives the first generated token. Pages of 4, the shared prefix one token shorter
    than the prompt or than two pages: of 8 prompt tokens one page of 4 is used again.
    """
    requests = [Request(0, 12, 1, 8), Request(5, prompt, 1, min(prompt - 1, 8))]
    report = serve(requests, Policy(block=4, share=True))
    assert report.prefill == 12 + computed


def test_a_preempted_request_computes_its_prompt_and_its_tokens_again():
    """Pages of one token, 16 in all; two requests of 4 + 8 tokens.

    After four passes each has 7 in the cache. The next pass makes 8 of them, and room for one more
    is needed: 9 + 9 > 16. The second begins again when the first has ended, after eight passes, and
    computes its prompt and its four tokens at once, for its fifth token.
    """
    requests = [Request(0, 4, 8), Request(0, 4, 8)]
    report = Server(Policy(block=1), 16, 12, 100).run(requests)
    assert report.preempted == 1
    assert report.prefill == 4 + 4 + (4 + 4)
    assert report.cost == 8 + 4
    assert report.first.tolist() == [1.0, 1.0]
    assert report.gap.tolist() == [1.0, 9.0 - 4.0]
    assert report.wasted == 0.0
    assert report.batch == (4 * 2 + 8 * 1) / 12


def test_a_preempted_request_is_computed_again_in_chunks():
    """As above with at most five tokens a pass: 4 + 1, then 1 + 3, so the second has its first
    token after two passes. Before the fifth pass 9 + 8 > 16; it has three tokens then. After the
    eighth pass it computes 4 + 3 tokens again, 5 and 2, for its fourth token; four more follow.
    """
    requests = [Request(0, 4, 8), Request(0, 4, 8)]
    report = Server(Policy(block=1, chunk=5), 16, 12, 100).run(requests)
    assert report.preempted == 1
    assert report.first.tolist() == [1.0, 2.0]
    assert report.gap.tolist() == [1.0, 10.0 - 4.0]
    assert report.cost == 14
    assert report.prefill == 4 + 4 + (5 + 2)


def test_each_preemption_is_counted():
    """As above with a third request, which has room in the first pass: 5 + 5 + 5 <= 16. Before the
    second pass 6 + 6 + 6 is too much, and it goes; the second goes after the fourth pass.

    In the ninth pass both return, with 4 + 4 and 4 + 1 tokens, 9 + 6 <= 16. Before the tenth 10 + 7
    is too much, and the third goes again. The second ends after the twelfth pass; then the third
    computes 4 + 2 tokens and has six passes to go.
    """
    requests = [Request(0, 4, 8), Request(0, 4, 8), Request(0, 4, 8)]
    report = Server(Policy(block=1), 16, 12, 100).run(requests)
    assert report.preempted == 3
    assert report.prefill == 3 * 4 + (4 + 4) + (4 + 1) + (4 + 2)
    assert report.cost == 18
    assert report.tokens == 24


def test_a_chunk_takes_the_tokens_that_generation_leaves():
    """Two of 8 tokens of a pass are for the generating requests, 6 for the prompt of 20, which ends
    in the fourth pass with 2; the prompt of 9 gets the rest of it.
    """
    requests = [Request(0, 2, 9), Request(0, 2, 9), Request(1, 20, 1), Request(1, 9, 1)]
    report = serve(requests, Policy(chunk=8), knee=8)
    assert report.cost == 9.0
    assert report.first.tolist() == [1.0, 1.0, 4.0, 5.0]
    assert report.gap.max() == 1.0
    assert report.prefill == 2 + 2 + 20 + 9


def test_disaggregated_requests_by_hand():
    """Prompts of 16 and 24 tokens cost 2 and 3, one after the other, and end at 2 and 5 (the second
    arrived at 1). The last prompt token is the first of the other model, at 1 per pass: 3 and 6.
    Pages of 8: 16, 17, then 24 tokens take 16, 24 and 24.
    """
    requests = [Request(0, 16, 2), Request(1, 24, 1)]
    report = disaggregated(requests, 64, 40, 8, block=8)
    assert report.cost == 2 + 3 + 3
    assert report.first.tolist() == [3.0, 5.0]
    assert report.wasted == pytest.approx(1 - (16 + 17 + 24) / (16 + 24 + 24))
    assert report.prefill == 2


def test_a_short_prompt_costs_one_pass_and_an_idle_model_nothing():
    report = disaggregated([Request(3, 2, 1), Request(10, 2, 1)], 64, 40, 8)
    assert report.first.tolist() == [2.0, 2.0]
    assert report.cost == 4.0


def test_disaggregated_pages_have_16_tokens_unless_told_otherwise():
    one = [Request(0, 8, 3)]
    # 8, 9 and 10 tokens on a page of 16, on pages of one, and on pages of 5
    assert disaggregated(one, 64, 40, 8).wasted == pytest.approx(1 - 27 / 48)
    assert disaggregated(one, 64, 40, 8, 1).wasted == 0
    assert disaggregated(one, 64, 40, 8, 5).wasted == pytest.approx(1 - 27 / 30)


def test_a_page_must_fit_beside_the_longest_request():
    assert serve([Request(0, 10, 6)], Policy(block=4), 20, 16).tokens == 6
    with pytest.raises(ValueError, match="16 tokens does not fit into 19"):
        Server(Policy(block=4), 19, 16, 1)


def test_the_smallest_sizes_are_one():
    server = Server(Policy(block=0), 1, 1, 1)
    assert (server.memory, server.longest, server.knee) == (1, 1, 1)
    for sizes in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            Server(Policy(block=0), *sizes)
    assert Request(0, 1, 1).prefix == 0
    assert Request(0, 2, 1, 1).prefix == 1


def test_half_of_the_lengths_of_traffic_are_below_e_to_the_four():
    """Lognormal: ln of a length is normal around 4 with a deviation of 0.8 for prompts and 0.9 for
    outputs, so 16 in 100 are below e^3.2 = 24.5 and e^3.1 = 22.2.
    """
    requests = traffic(20_000, 1.0, np.random.default_rng(4), longest=1_000_000)
    prompts = np.array([r.prompt for r in requests])
    outputs = np.array([r.output for r in requests])
    for lengths, deviation in ((prompts, 0.8), (outputs, 0.9)):
        for z, share in ((-1, 0.1587), (0, 0.5), (1, 0.8413)):
            below = (lengths <= np.ceil(np.exp(4 + z * deviation))).mean()
            assert below == pytest.approx(share, abs=0.02)


def test_prompts_of_traffic_are_cut_at_half_of_what_the_prefix_leaves():
    requests = traffic(400, 1.0, np.random.default_rng(5), 64, 201)
    assert max(r.prompt for r in requests) == 64 + (201 - 64) // 2
    assert max(r.prompt + r.output for r in requests) == 201
    assert all(type(r.prompt) is int and type(r.output) is int for r in requests)
    assert all(type(r.arrival) is float for r in requests)
    assert {r.prefix for r in requests} == {64}


def test_traffic_has_no_prefix_and_at_most_512_tokens_unless_told_otherwise():
    requests = traffic(400, 1.0, np.random.default_rng(6))
    assert {r.prefix for r in requests} == {0}
    assert max(r.prompt for r in requests) == 256
    assert max(r.prompt + r.output for r in requests) == 512


def test_the_smallest_traffic_is_one_request_with_one_token_of_its_own():
    (request,) = traffic(1, 1.0, np.random.default_rng(0), 61, 64)
    assert (request.prompt, request.prefix) == (62, 61)
    with pytest.raises(ValueError, match="below 62"):
        traffic(1, 1.0, np.random.default_rng(0), 62, 64)
    with pytest.raises(ValueError, match="below 62"):
        traffic(1, 1.0, np.random.default_rng(0), -1, 64)
    with pytest.raises(ValueError, match="rate above 0"):
        traffic(1, float("nan"), np.random.default_rng(0))


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
