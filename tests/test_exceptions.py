"""The errors: one tree, messages that say enough, whole after a trip to another process."""

from __future__ import annotations

import pickle
import re
import traceback

import pytest
from IPython.core.interactiveshell import InteractiveShell

import rt_magic as rt
from rt_magic import exceptions
from rt_magic.exceptions import RtMagicError, ServiceError
from rt_magic.wire.events import ClientEventError

ALL = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, RtMagicError)]

TREE = {
    "RtMagicError": Exception,
    "ConfigurationError": RtMagicError,
    "AuthenticationError": RtMagicError,
    "ServiceConnectionError": RtMagicError,
    "ProtocolError": RtMagicError,
    "LocalProtocolError": rt.ProtocolError,
    "RemoteProtocolError": rt.ProtocolError,
    "ServiceError": RtMagicError,
    "MicrophoneError": RtMagicError,
    "AudioError": RtMagicError,
}


def test_the_tree_is_as_documented() -> None:
    """Every error has its place, is public, and stands in the picture at the head of the module."""
    assert {kind.__name__: kind.__base__ for kind in ALL} == TREE
    for name in TREE:
        assert getattr(rt, name) in ALL and name in (exceptions.__doc__ or "")


@pytest.mark.parametrize("kind", ALL)
def test_a_request_id_is_kept_and_said(kind: type[RtMagicError]) -> None:
    """The service's own record of a request stands behind the message, where it gave one."""
    error = kind("it broke", request_id="r-1")
    assert (str(error), error.message, error.request_id) == ("it broke (request id r-1)", "it broke", "r-1")
    assert (str(kind("it broke")), kind("it broke").request_id) == ("it broke", None)


@pytest.mark.parametrize("error", [*(kind("it broke", request_id="r-1") for kind in ALL), ServiceError("m", code="c"),
                                   ClientEventError("m", code="c", param="p", event_id="e")])  # fmt: skip
def test_errors_travel_between_processes(error: RtMagicError) -> None:
    """A pickled error comes back with its type, message and everything it carries."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_cell_shows_the_callers_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """In IPython the caller's lines and the sentence are shown, not the lines in here; elsewhere all of them."""
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("import rt_magic as rt\ndef mine():\n    return rt.transcribe('nowhere.flac')\nmine()")
        shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
        assert "mine()" in shown and "rt.transcribe('nowhere.flac')" in shown
        assert "there is no file 'nowhere.flac'" in shown and "audio/files.py" not in shown
        shell.run_cell("rt.transcribe(b'RIFF' + bytes(100))")
        shown = capsys.readouterr().out
        assert "cannot be read as audio" in shown and "soundfile" not in shown and "files.py" not in shown
    finally:
        InteractiveShell.clear_instance()
    with pytest.raises(rt.AudioError) as caught:
        rt.transcribe("nowhere.flac")
    assert "files.py" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", [rt.ServiceError, rt.ServiceConnectionError, rt.AuthenticationError])
def test_a_terminal_is_given_no_orders_by_an_error(kind: type[rt.RtMagicError]) -> None:
    """Control characters in what a service said are replaced, so that nothing is cleared, coloured or retitled."""
    error = kind("it said: \x1b[2J\x1b]0;mine\x07 and\r\nthen \x9b1m")
    assert str(error) == error.args[0] == "it said: \ufffd[2J\ufffd]0;mine\ufffd and\ufffd\nthen \ufffd1m"
