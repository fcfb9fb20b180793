"""The microphone of the machine that Python runs on, through PortAudio: blocks of PCM16 for a callback."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from ctypes.util import find_library
from importlib.util import find_spec
from typing import Any

from rt_magic.audio.pcm import SAMPLE_RATE
from rt_magic.exceptions import ConfigurationError, MicrophoneError
from rt_magic.optional import extra

BLOCK = 0.02
"""Seconds of sound in one call of the callback: what is lost at most when the device is closed."""

NO_LIBRARY = (
    "the library PortAudio is not installed, and without it nothing hears this machine's microphone; "
    "on Debian and Ubuntu: sudo apt-get install libportaudio2"
)


def check_capture() -> None:
    """Raise ConfigurationError, with the line that mends it, where no microphone of this machine can be opened.

    Looks at what is installed; no device is touched.
    """
    if find_spec("sounddevice") is None:
        raise ConfigurationError(f"this machine's microphone needs the mic extra; install it with: {extra('mic')}")
    if sys.platform == "linux" and find_library("portaudio") is None:  # elsewhere it comes with sounddevice
        raise ConfigurationError(NO_LIBRARY)


class Capture:
    """One opening of a microphone: `on_audio(pcm)` gets mono PCM16 at `rate` Hz from then until `close`.

    `device` is a device's number, a part of its name, or "" for the system's own choice. Both callbacks run on
    PortAudio's thread and must return at once; `on_ended()` says that the device ended by itself. Opening and closing
    block for up to a second. Raises MicrophoneError where the device cannot be opened, ConfigurationError where nothing
    can be.
    """

    def __init__(
        self, on_audio: Callable[[bytes], object], on_ended: Callable[[], object], *, device: str | int = ""
    ) -> None:
        check_capture()
        self.overflows = 0
        """How often sound came faster than it was fetched, so that some is missing."""
        self._on_audio, self._on_ended = on_audio, on_ended
        self._closing = False
        self._stream, self.rate = self._open(device)

    def close(self) -> None:
        """Close the device; when this returns, no callback follows. May be called twice."""
        self._closing = True
        self._stream.close()
        _open.discard(self)

    def _open(self, device: str | int) -> tuple[Any, int]:
        sounddevice = _sounddevice()
        try:
            chosen = _choose(sounddevice, device)
            try:
                stream, rate = self._start(sounddevice, chosen, SAMPLE_RATE), SAMPLE_RATE
            except sounddevice.PortAudioError:  # the device keeps to its own rate
                rate = int(chosen["default_samplerate"])
                stream = self._start(sounddevice, chosen, rate)
        except sounddevice.PortAudioError as error:
            raise MicrophoneError(
                f"the microphone {_named(device)}cannot be opened ({_reason(error)}); close what else uses it, "
                "allow it in the system's settings, or choose another one"
            ) from None
        _open.add(self)
        return stream, rate

    def _start(self, sounddevice: Any, chosen: dict[str, Any], rate: int) -> Any:
        stream = sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=round(rate * BLOCK),
            device=chosen["index"],
            channels=1,
            dtype="int16",
            callback=self._take,
            finished_callback=self._finished,
        )
        try:
            stream.start()
        except BaseException:
            stream.close()
            raise
        return stream

    def _take(self, data: Any, frames: int, time: Any, status: Any) -> None:
        self.overflows += bool(status.input_overflow)
        if not self._closing:
            self._on_audio(bytes(data))

    def _finished(self) -> None:
        if not self._closing:
            self._on_ended()


_open: set[Capture] = set()


def microphones() -> list[str]:
    """Return the names of the microphones of this machine. Raises ConfigurationError where none can be asked for."""
    check_capture()
    return [str(known["name"]) for known in _inputs(_sounddevice())]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise ConfigurationError(f"{NO_LIBRARY} ({error})") from None
    return sounddevice


def _inputs(sounddevice: Any) -> list[dict[str, Any]]:
    return [known for known in sounddevice.query_devices() if known["max_input_channels"] > 0]


def _choose(sounddevice: Any, device: str | int) -> dict[str, Any]:
    """Return the microphone that is meant, as PortAudio describes it."""
    found = _find(sounddevice, device)
    if found is None and not _open:
        # PortAudio looks for devices once; what was plugged in since then is found by beginning anew.
        sounddevice._terminate()
        sounddevice._initialize()
        found = _find(sounddevice, device)
    if found is not None:
        return found
    known = _inputs(sounddevice)
    if not known:
        raise MicrophoneError(
            f"{platform.node() or 'this machine'}, where this Python runs, has no microphone; connect one, or give a "
            "file: %transcribe --from talk.wav"
        )
    names = ", ".join(f"{each['index']} ({each['name']})" for each in known)
    if device == "":
        raise MicrophoneError(f"the system names no microphone of its choice; choose one of {names}")
    raise MicrophoneError(f"there is no microphone {device!r}; choose one of {names}")


def _find(sounddevice: Any, device: str | int) -> dict[str, Any] | None:
    known = _inputs(sounddevice)
    if device == "":
        device = int(sounddevice.default.device[0])
    if isinstance(device, int) or device.isdigit():
        return next((each for each in known if each["index"] == int(device)), None)
    return next((each for each in known if device.casefold() in str(each["name"]).casefold()), None)


def _named(device: str | int) -> str:
    return f"{device!r} " if device != "" else ""


def _reason(error: Exception) -> str:
    return str(error.args[0] if error.args else error).removesuffix(".")
