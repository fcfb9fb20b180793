"""The lane: messages are handled while a cell runs, on the kernel this environment has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernels import FrontEnd, kernel

SETUP = """
import threading, time
import ipywidgets
from rt_magic.widgets import lane

class Probe(ipywidgets.DOMWidget):
    def __init__(self):
        self.got = []
        super().__init__()
        self.on_msg(self._note)

    def _note(self, _, content, buffers):
        self.got.append((content["n"], threading.current_thread().name, time.monotonic()))

probe = Probe()
attached = lane.attach(probe.comm)
shells = get_ipython().kernel.shell_channel_thread.manager.list_subshell
"""


@pytest.fixture
def page() -> Iterator[FrontEnd]:
    """A kernel with one widget on the lane."""
    with kernel() as front_end:
        cell = front_end.run(SETUP)
        assert cell.status == "ok", cell.text
        yield front_end


def send(page: FrontEnd, numbers: range) -> None:
    """Send the first widget numbered messages."""
    for number in numbers:
        page.send(first(page), {"n": number})
        page.pump(0.02)


def first(page: FrontEnd) -> str:
    """Return the id of the first widget's comm."""
    return next(id_ for id_, state in page.comms.items() if state.get("_model_name") == "DOMWidgetModel")


def test_messages_are_handled_while_a_cell_sleeps_and_while_it_computes(page: FrontEnd) -> None:
    """Messages reach the widget, in order and on the lane's thread, during sleep, a loop and trait writes."""
    assert page.value("attached") is True
    busy = page.start(
        "def waits_for(count): return len(probe.got) < count and time.monotonic() < deadline\n"
        "deadline = time.monotonic() + 40\n"
        "while waits_for(30): time.sleep(0.3)\n"
        "while waits_for(60): pass\n"
        "while waits_for(100):\n"
        "    probe.layout.width = f'{int(time.monotonic() * 100)}px'; time.sleep(0.05)\n"
        "came = [n for n, *_ in probe.got]"
    )
    page.pump(0.2)
    send(page, range(100))
    page.finish(busy)
    assert page.value("came") == list(range(100))
    assert page.value("{name for _, name, _ in probe.got}") == {f"subshell-{page.value('shells()')[0]}"}


ENDS = {
    "deleted": "lane._control('delete_subshell_request', {'subshell_id': shells()[0]})",
    "loop ended": "old = lane._lane._kernel.shell_channel_thread.manager._cache[shells()[0]]\n"
    "old.io_loop.add_callback(old.io_loop.stop); old.join()",
    "thread raised": "old = lane._lane._kernel.shell_channel_thread.manager._cache[shells()[0]]\n"
    "def fall(): raise SystemExit\n"
    "old.io_loop.add_callback(old.io_loop.asyncio_loop.call_soon, fall); old.join()",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_subshell_that_ends_loses_no_later_message_and_is_replaced(page: FrontEnd, end: str) -> None:
    """Whoever ends the subshell, messages take the kernel's usual way, and then a new subshell also beside a cell."""
    send(page, range(3))
    page.until(lambda: page.value("len(probe.got)") == 3)
    assert page.run(ENDS[end]).status == "ok"
    send(page, range(3, 6))
    page.until(lambda: page.value("len(probe.got)") == 6)
    assert page.value("[n for n, *_ in probe.got]") == list(range(6))
    assert page.value("probe.got[3][1]") == "MainThread"
    page.until(lambda: page.value("lane._lane.open"))
    busy = page.start("time.sleep(1); during = len(probe.got)")
    page.pump(0.2)
    send(page, range(6, 9))
    page.finish(busy)
    assert page.value("during") == 9
    assert page.value("probe.got[-1][1].startswith('subshell-')") is True


def test_one_subshell_is_made_for_one_that_ended(page: FrontEnd) -> None:
    """A message and a new widget that notice it at once lead to one new subshell; none is left when the lane goes."""
    cell = page.run(
        f"{ENDS['deleted']}\n"
        "make = lane._new_subshell\n"
        "def slow(): time.sleep(0.5); return make()\n"
        "lane._new_subshell = slow\n"
        "other = Probe()\n"
        "both = [threading.Thread(target=lane._lane._mend_now),\n"
        "        threading.Thread(target=lambda: lane.attach(other.comm))]\n"
        "for one in both: one.start()\n"
        "for one in both: one.join()\n"
    )
    assert cell.status == "ok", cell.text
    assert page.value("len(shells())") == 1
    page.run("mending = threading.Thread(target=lane._lane._mend_now)")
    page.run(f"{ENDS['deleted']}; mending.start(); lane.close_lane(); mending.join()")
    assert page.value("shells()") == []


def test_what_threads_of_the_user_print_stays_visible(page: FrontEnd) -> None:
    """A message on the lane does not become the parent of what a plain thread prints."""
    cell = page.run(
        "parents = set()\n"
        "def chat():\n"
        "    for n in range(20):\n"
        "        print('line', n); time.sleep(0.02)\n"
        "        parents.add(get_ipython().kernel.get_parent()['msg_type'])\n"
        "thread = threading.Thread(target=chat); thread.start()"
    )
    send(page, range(20))
    page.run("thread.join()")
    page.pump(0.5)
    assert page.value("parents") == {"execute_request"}
    assert [line for line in cell.text.splitlines() if line] == [f"line {n}" for n in range(20)]


def test_the_shells_hooks_do_not_run_on_the_lane(page: FrontEnd) -> None:
    """post_execute would close a figure that the running cell is still drawing."""
    page.run(
        "ran = []; get_ipython().events.register('post_execute', lambda: ran.append(threading.current_thread().name))"
    )
    busy = page.start("time.sleep(0.5)")
    send(page, range(5))
    page.finish(busy)
    assert page.value("len(probe.got)") == 5
    assert page.value("set(ran)") == {"MainThread"}


def test_a_message_on_the_lane_ends_and_makes_no_kernel_busy(page: FrontEnd) -> None:
    """The page hears that each message is done, and never that the kernel is busy with one, until the lane is gone."""
    page.statuses.clear()
    send(page, range(20))
    page.until(lambda: len(page.statuses) >= 20)
    page.pump(0.3)
    assert page.statuses == ["idle"] * 20
    page.run("probe.close()\nlane.detach(probe.comm)\nlane.close_lane()")
    page.statuses.clear()
    page.run("1")
    assert page.statuses == ["busy", "idle"]


def test_what_a_page_waits_for_is_told_at_once_and_the_rest_together(page: FrontEnd) -> None:
    """A trait's next change waits in the page for the end of the last; streams do not, and theirs would delay words."""
    page.run("lane.IDLE_EVERY = 60")
    page.statuses.clear()
    send(page, range(5))
    page.set_trait(first(page), {"tooltip": "hello"})
    page.until(lambda: page.statuses)
    page.pump(0.3)
    assert page.statuses == ["idle"]
    assert page.value("(probe.tooltip, len(probe.got))") == ("hello", 5)
    page.statuses.clear()
    page.run("lane.close_lane()")
    assert page.statuses.count("idle") - page.statuses.count("busy") == 5, "beside those that a busy begins"


def test_the_lane_is_shared_and_goes_with_its_last_comm(page: FrontEnd) -> None:
    """Two widgets use one subshell, and closing both leaves neither subshell nor changed shell behind."""
    page.run("other = Probe(); lane.attach(other.comm)")
    assert page.value("len(shells())") == 1
    page.run("lane.detach(probe.comm)")
    assert page.value("len(shells())") == 1
    page.run("lane.detach(other.comm)")
    page.until(lambda: page.value("shells()") == [])
    assert page.value("'set_parent' in vars(get_ipython().kernel)") is False


def test_the_lane_changes_hands(page: FrontEnd) -> None:
    """Widgets that come and go at once, on many threads, always have a lane; after the last one nothing is left."""
    cell = page.run(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def come_and_go(n):\n"
        "    one = Probe(); came = lane.attach(one.comm); lane.detach(one.comm)\n"
        "    again = Probe(); came = came and lane.attach(again.comm); lane.detach(again.comm)\n"
        "    return came\n"
        "lane.detach(probe.comm)\n"
        "with ThreadPoolExecutor(4) as pool: print(all(pool.map(come_and_go, range(12))))"
    )
    assert (cell.status, cell.text.strip()) == ("ok", "True"), cell.text
    page.until(lambda: page.value("(shells(), 'set_parent' in vars(get_ipython().kernel))") == ([], False))
    page.run("lane.attach(probe.comm)")
    send(page, range(3))
    assert page.value("{name for _, name, _ in probe.got}") == {f"subshell-{page.value('shells()')[0]}"}


def test_close_lane_deletes_the_subshell(page: FrontEnd) -> None:
    """After unloading nothing is left, and what still comes takes the usual way."""
    page.run("lane.close_lane()")
    assert page.value("shells()") == []
    send(page, range(2))
    assert page.value("len(probe.got)") == 2


def test_no_kernel_no_lane() -> None:
    """In a plain interpreter there is no lane, and asking is harmless."""
    from rt_magic.widgets import lane

    class Comm:
        comm_id = "x"

    assert lane.available() is False
    assert lane.attach(Comm()) is False
    lane.detach(Comm())
    lane.close_lane()
