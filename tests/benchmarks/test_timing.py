"""The clock of the benchmarks: turns, ratios round by round, and steps that are too slow for many rounds."""

import pytest

from benchmarks import timing


def test_ratios_are_taken_round_by_round():
    # The machine slows down to a third in the middle; the loss takes a quarter longer in every round.
    fixed = [1.0, 1.0, 3.0, 3.0]
    found = timing.against([1.25 * t for t in fixed], fixed)
    assert found["ratio"] == pytest.approx(1.25)
    assert found["quartiles"] == pytest.approx([1.25, 1.25])
    assert found["rounds"] == 4
    assert found["ms"] == pytest.approx(2500)


def test_steps_are_taken_in_turns_back_and_forth(monkeypatch):
    order = []
    monkeypatch.setattr(timing.time, "process_time", lambda: 0.0)
    steps = {name: lambda name=name: order.append(name) for name in "abc"}
    seconds = timing.seconds_of(steps, budget=1.0, most=4)
    assert "".join(order) == "abc" + "abc" + "cba" + "abc" + "cba"
    assert [len(taken) for taken in seconds.values()] == [4, 4, 4]


def test_a_slow_step_is_run_once_and_told_apart(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "process_time", lambda: clock[0])

    def step(name, cost):
        calls.append(name)
        clock[0] += cost

    steps = {"base": lambda: step("base", 0.5), "slow": lambda: step("slow", 30.0)}
    seconds = timing.seconds_of(steps, budget=4.0, most=3)
    assert calls.count("slow") == 1
    assert timing.against(seconds["slow"], seconds["base"]) == {"ms": 30000.0, "rounds": 1, "ratio": 60.0}


def test_an_accelerator_is_waited_for():
    waits = []
    timing.seconds_of({"a": lambda: None}, budget=1.0, finish=lambda: waits.append(1), most=3)
    assert len(waits) == 4
