from __future__ import annotations

import signal

import pytest

from tradestream.replay.interrupt import Interrupt, Interrupted


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_noted_once_and_the_next_one_has_its_usual_effect(signum: signal.Signals, status: int) -> None:
    before = signal.getsignal(signum)
    with Interrupt() as interrupt:
        interrupt.check()
        assert interrupt.exit_status == 0
        signal.raise_signal(signum)
        assert signal.getsignal(signum) is before
        with pytest.raises(Interrupted):
            interrupt.check()
    assert interrupt.exit_status == status
    assert signal.getsignal(signum) is before
