"""Which part of the job is killed when."""

from __future__ import annotations

import itertools

from faults.analytics.moments import MOMENTS, VICTIMS, plan


def test_the_first_kills_are_one_of_each_victim() -> None:
    assert sorted(victim for victim, _ in plan(len(VICTIMS), 1)) == sorted(VICTIMS)


def test_each_victim_dies_at_each_moment() -> None:
    kills = len(VICTIMS) * len(MOMENTS)
    assert sorted(plan(kills, 5)) == sorted(itertools.product(VICTIMS, MOMENTS))


def test_the_seed_decides_the_order() -> None:
    assert plan(40, 2) == plan(40, 2) != plan(40, 3)
