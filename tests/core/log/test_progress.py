"""The time left of a run: by hand, with a clock that the test moves."""

import io
import logging

import pytest

from scripts.core.log import Progress, advance, expect
from scripts.core.log.progress import _running


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def work(clock, progress, seconds, amount=1.0):
    clock.now += seconds
    progress.advance(amount)


def test_the_first_steps_do_not_count_for_the_rate(clock):
    with Progress("segmenting", total=10, clock=clock) as progress:
        work(clock, progress, 60)  # code is loaded
        work(clock, progress, 30)  # MONAI adds up the weights of all windows
        assert progress.seconds_left() is None
        work(clock, progress, 2)
        work(clock, progress, 4)
        assert progress.seconds_left() == 6 * 3


def test_work_that_nobody_planned_adds_to_the_total(clock):
    with Progress("segmenting", total=20, clock=clock) as progress:
        progress.begin("a", planned=10)
        expect(10)  # as planned
        assert progress.total == 20
        expect(4)  # a coarser scale
        assert progress.total == 24
        work(clock, progress, 1, amount=13)
        progress.begin("b", planned=10)
        assert progress.done == 14  # what was left of the part before counts as done
        expect(7)
        assert progress.total == 24


def test_work_is_counted_from_anywhere_in_the_block(clock):
    advance(5)  # outside, it is nobody's
    with Progress("segmenting", total=10, clock=clock) as progress:
        advance(4)
        assert progress.done == 4
    assert _running.get() is None
    advance(5)
    assert progress.done == 4


def test_without_a_terminal_a_line_a_minute(clock, caplog):
    caplog.set_level(logging.INFO)
    with Progress("segmenting", total=100, stream=io.StringIO(), clock=clock) as progress:
        progress.begin("volume 1 of 2, a\x1b[2J", planned=50)
        for _ in range(51):
            work(clock, progress, 4)
    assert caplog.messages[0] == "segmenting: about 6 min left"  # 95 steps of 4 s after the fifth
    assert caplog.messages[1:] == [
        r"volume 1 of 2, a\x1b[2J: 20 % done, about 5 min left",
        r"volume 1 of 2, a\x1b[2J: 35 % done, about 4 min left",
        r"volume 1 of 2, a\x1b[2J: 50 % done, about 3 min left",
    ]


def test_a_short_run_needs_no_estimate(clock, caplog):
    caplog.set_level(logging.INFO)
    with Progress("segmenting", total=6, stream=io.StringIO(), clock=clock) as progress:
        for _ in range(6):
            work(clock, progress, 2)
    assert not caplog.messages


def test_a_bar_with_a_name_on_a_terminal(clock, caplog, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    caplog.set_level(logging.INFO)
    terminal = Terminal()
    with Progress("training", total=8, stream=terminal, clock=clock) as progress:
        progress.left = "{} left at most"
        progress.begin("epoch 1 of 2", planned=4)
        for _ in range(6):
            work(clock, progress, 100)
        progress.bar.refresh()
    shown = terminal.getvalue().split("\r")
    assert "epoch 1 of 2 |" in shown[-2 if shown[-1] else -3]
    assert " 75 %, about 3 min left at most" in terminal.getvalue()
    assert shown[-1] == ""  # the bar is gone
    assert caplog.messages == ["training: about 5 min left at most"]


def test_quiet_shows_nothing(clock, caplog):
    terminal = Terminal()
    caplog.set_level(logging.WARNING)
    with Progress("training", total=100, stream=terminal, clock=clock) as progress:
        for _ in range(50):
            work(clock, progress, 100)
    assert terminal.getvalue() == ""
    assert not caplog.messages


def test_a_program_that_shows_the_lines_may_ask_for_more(clock, caplog, monkeypatch):
    monkeypatch.setenv("TUBENET_PROGRESS_SECONDS", "1")
    with caplog.at_level(logging.INFO, "scripts"), Progress("segmenting", total=10, clock=clock) as progress:
        for _ in range(6):
            work(clock, progress, 2)
    assert [line for line in caplog.messages if "%" in line][-1] == "segmenting: 60 % done, a few seconds left"
