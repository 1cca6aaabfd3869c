"""Power cuts: a small part of the search, and every broken protocol."""

import pytest

from tests.reliability import power_cuts
from tests.reliability.campaign import Campaign, workers
from tests.reliability.commits import logged_commit
from tests.reliability.crashes import survey
from tests.reliability.mutants import MUTANTS


@pytest.mark.parametrize("number", range(len(MUTANTS)), ids=[each.__name__ for each in MUTANTS])
def test_a_broken_protocol_is_caught(tmp_path, number):
    assert power_cuts.catch(number, 1, tmp_path).bad


def test_each_state_is_looked_at_once(tmp_path):
    commit = logged_commit("first", 1, tmp_path)
    few, many = (
        survey(commit, tmp_path / "state", tries=tries, seed=1, build_every=None)
        for tries in (1, 40)
    )
    assert not few.bad
    assert not many.bad
    assert len(commit.history.steps) / 2 < few.states < many.states


def test_a_power_cut_leaves_the_old_or_the_new(tmp_path):
    with workers(2) as executor:
        campaign = Campaign(executor, tmp_path, lambda _: None, seed=2, tries=10, share=0.06)
        section = power_cuts.run(campaign)
    assert section.failures == []
    states = {(name, way): states for name, way, _, states, _, _ in section.rows}
    assert states["first", power_cuts.OPERATIONS] > 5
    assert states["incremental", power_cuts.OPERATIONS] > 5
    assert states["all", ""] == sum(states.values()) / 2
