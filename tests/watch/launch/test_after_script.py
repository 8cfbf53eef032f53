"""While nanwatch ends its record the script's handlers, limits and trace functions are put aside."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from nanwatch.watch.launch.after_script import heeding_interrupts, undisturbed


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_is_held_back_until_it_may_come() -> None:
    reached = False
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with undisturbed():
            interrupt()
            reached = True
            with pytest.raises(KeyboardInterrupt), heeding_interrupts():
                pytest.fail("it was held back, and comes now")
            interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached


def test_an_interrupt_that_comes_while_it_may() -> None:
    before = signal.signal(signal.SIGINT, lambda *_: pytest.fail("the script's own handler"))
    try:
        with undisturbed(), pytest.raises(KeyboardInterrupt), heeding_interrupts():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_script_that_is_deaf_to_interrupts() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with undisturbed(), heeding_interrupts():
            interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_recursion_limit() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        with undisturbed():
            assert sys.getrecursionlimit() == 1000
        assert sys.getrecursionlimit() == 300
    finally:
        sys.setrecursionlimit(limit)
