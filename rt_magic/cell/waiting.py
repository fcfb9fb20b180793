"""Wait for a transcription on the thread of the cell that does, which has the body to run and lines to draw."""

from __future__ import annotations

import time

from rt_magic.cell.driver import Driver
from rt_magic.cell.status import LIVE
from rt_magic.cell.steps import Steps
from rt_magic.cell.terminal import Lines


class Waiting:
    """Run the body and draw the terminal's lines until what is transcribed has ended."""

    def __init__(self, driver: Driver, steps: Steps) -> None:
        self._driver, self._steps = driver, steps
        self.stopping = False
        """Whether it was asked to stop; one that had recorded nothing yet is ready again then."""
        self.lines: Lines | None = None
        """What writes the words to a terminal meanwhile."""

    def until_ended(self, timeout: float | None) -> None:
        """Return once all is final and the body has run for it; TimeoutError after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._steps.here():
            while not self._ended():
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError(f"still {self._driver.state} after {timeout:g} s")
                if not self._turn():
                    time.sleep(0.02)
            while self._turn():
                pass
            if self.lines is not None:
                self.lines.clear()

    def _ended(self) -> bool:
        driver = self._driver
        return driver.over or driver.failed or (self.stopping and driver.state not in LIVE)

    def _turn(self) -> bool:
        """Write what is new to the terminal, then run the body for one segment; False if none waited."""
        if self.lines is not None:
            self.lines.draw()
            if self._steps.waiting:
                self.lines.clear()
        return self._steps.run_waiting()
