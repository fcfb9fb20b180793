"""Files, bytes and arrays of every kind, decoded to what the session is fed with."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from rt_magic.audio.decoding import AudioSource
from rt_magic.audio.files import open_audio
from rt_magic.audio.pcm import SAMPLE_RATE, to_float32, to_pcm16
from rt_magic.exceptions import AudioError, ConfigurationError, RtMagicError

SECONDS = 3.0
Samples = NDArray[np.float64]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sounds of seconds decoded in several blocks, as those of minutes are."""
    monkeypatch.setattr("rt_magic.audio.decoding.BLOCK", 0.5)


def chirp(rate: int, seconds: float = SECONDS) -> Samples:
    """Make a tone that rises from 200 to 3200 Hz in three seconds, so that every place sounds different."""
    t = np.arange(round(seconds * rate)) / rate
    return 0.4 * np.sin(2 * np.pi * (200 + 500 * t) * t)


REFERENCE = chirp(SAMPLE_RATE)


def decoded(audio: AudioSource) -> NDArray[np.float32]:
    """Return everything a source yields, as floats; every block is whole samples, none more than a part of the sound.

    A block may hold one piece more than `BLOCK`, and what the resampler had held back.
    """
    blocks = list(audio.blocks())
    assert all(len(block) % 2 == 0 and 0 < len(block) <= 3 * SAMPLE_RATE for block in blocks)
    return to_float32(b"".join(blocks))


def likeness(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the correlation of two sounds without shifting either; 1 is the same."""
    length = min(len(found), len(expected))
    one, other = found[:length], expected[:length]
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def written(path: Path, rate: int, channels: int = 1, **options: Any) -> Path:
    """Write the chirp to a file, block by block, since libsndfile crashes on long OGG files written at once."""
    mono = chirp(rate)
    samples = np.stack([mono] * channels, axis=1)
    with soundfile.SoundFile(path, "w", samplerate=rate, channels=channels, **options) as file:
        for start in range(0, len(samples), rate // 4):
            file.write(samples[start : start + rate // 4])
    return path


@pytest.mark.parametrize(
    ("name", "rate", "channels", "options", "alike"),
    [
        ("a.wav", 24_000, 1, {}, 0.9999),
        ("a.flac", 24_000, 1, {}, 0.9999),
        ("stereo.wav", 44_100, 2, {}, 0.9999),
        ("deep.wav", 48_000, 1, {"subtype": "PCM_24"}, 0.9999),
        ("float.wav", 48_000, 2, {"subtype": "FLOAT"}, 0.9999),
        ("law.wav", 16_000, 1, {"subtype": "ULAW"}, 0.99),
        ("phone.wav", 8_000, 1, {}, 0.999),
        ("a.aiff", 22_050, 1, {}, 0.9999),
        ("a.mp3", 44_100, 2, {}, 0.999),
        ("low.mp3", 16_000, 1, {}, 0.999),
        ("a.ogg", 48_000, 1, {}, 0.99),
        ("a.opus", 48_000, 1, {"format": "OGG", "subtype": "OPUS"}, 0.98),
        ("many.wav", 16_000, 8, {}, 0.999),
    ],
)
def test_formats(tmp_path: Path, name: str, rate: int, channels: int, options: dict[str, Any], alike: float) -> None:
    """Every format, rate, depth and number of channels gives the same sound, as long as it was."""
    path = written(tmp_path / name, rate, channels, **options)
    audio = open_audio(path)
    sound = decoded(audio)
    assert audio.duration == pytest.approx(SECONDS, abs=0.1)
    assert len(sound) == pytest.approx(SECONDS * SAMPLE_RATE, abs=2 if alike > 0.995 else 0.1 * SAMPLE_RATE)
    assert likeness(sound, REFERENCE) > alike
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(np.sqrt(np.mean(REFERENCE**2)), rel=0.05)


@pytest.mark.parametrize(
    "convert",
    [
        lambda sound: sound,
        lambda sound: sound.astype(np.float32),
        lambda sound: sound.astype(np.float16),
        lambda sound: (sound * 32767).astype(np.int16),
        lambda sound: (sound * 32767).astype(">i2"),
        lambda sound: (sound * 2**31).astype(np.int32),
        lambda sound: np.rint(sound * 127 + 128).astype(np.uint8),
        lambda sound: np.stack([sound, sound], axis=1),
        lambda sound: sound[::1][:, None],
        lambda sound: np.repeat(sound, 2)[::2],
    ],
    ids=["float64", "float32", "float16", "int16", "big-endian", "int32", "uint8", "stereo", "column", "strided"],
)
def test_arrays(convert: Callable[[Samples], NDArray[Any]]) -> None:
    """An array of any type that holds audio gives the same sound at the same level."""
    audio = open_audio(convert(chirp(16_000)), sample_rate=16_000)
    sound = decoded(audio)
    assert audio.duration == SECONDS and audio.repeatable
    assert len(sound) == pytest.approx(SECONDS * SAMPLE_RATE, abs=2)
    assert likeness(sound, REFERENCE) > 0.999
    assert np.max(np.abs(sound)) == pytest.approx(0.4, rel=0.05)


def test_an_array_at_our_rate_comes_through_unchanged() -> None:
    """Nothing is lost where nothing has to be resampled."""
    samples = np.frombuffer(to_pcm16(REFERENCE), "<i2")
    assert b"".join(open_audio(samples, sample_rate=SAMPLE_RATE).blocks()) == samples.tobytes()


def test_samples_that_are_not_numbers_are_silence() -> None:
    """A gap of NaN in an array does not spread over the rest."""
    sound = chirp(SAMPLE_RATE)
    sound[1000:1100] = np.nan
    found = decoded(open_audio(sound, sample_rate=SAMPLE_RATE))
    assert likeness(found[5000:], REFERENCE[5000:]) > 0.9999
    assert open_audio(sound, sample_rate=SAMPLE_RATE).note.startswith("100 of its ")
    assert open_audio(chirp(SAMPLE_RATE), sample_rate=SAMPLE_RATE).note == ""
    with pytest.raises(AudioError, match="holds no numbers"):
        open_audio(np.full(24_000, np.nan, "f4"), sample_rate=SAMPLE_RATE)


def test_a_list_is_told_where_many_files_go() -> None:
    """Several files are for another function."""
    with pytest.raises(ConfigurationError, match=r"for many files there is rt_magic\.transcribe_files"):
        open_audio(["a.wav", "b.wav"])  # type: ignore[arg-type]


class Readable:
    """A file object of somebody else: it can be read and rewound, and is no file."""

    def __init__(self, content: bytes) -> None:
        self._buffer = io.BytesIO(content)
        self.read, self.seek, self.tell = self._buffer.read, self._buffer.seek, self._buffer.tell
        self.seekable, self.readinto = self._buffer.seekable, self._buffer.readinto


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO, Readable])
def test_bytes_and_file_objects(tmp_path: Path, wrap: Callable[[bytes], Any]) -> None:
    """What is in memory is read like a file, from its beginning."""
    source = wrap(written(tmp_path / "a.flac", 16_000).read_bytes())
    if hasattr(source, "read"):
        source.read(7)
    audio = open_audio(source)
    assert likeness(decoded(audio), REFERENCE) > 0.999
    assert audio.repeatable is not hasattr(source, "read")


def test_open_files_and_strings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path may be text, relative or in the home folder, and an open file is named by its path."""
    path = written(tmp_path / "a.wav", 16_000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for source in ("a.wav", "~/a.wav", str(path)):
        assert open_audio(source).duration == SECONDS
    with path.open("rb") as file:
        audio = open_audio(file)
        assert audio.name == repr(str(path)) and likeness(decoded(audio), REFERENCE) > 0.999


def test_a_source_can_be_read_again(tmp_path: Path) -> None:
    """Decoding leaves nothing behind, so that the sound can be had a second time."""
    audio = open_audio(written(tmp_path / "a.wav", 16_000))
    assert b"".join(audio.blocks()) == b"".join(audio.blocks())


# ── a part of it ──

SPANS = [(1.0, 2.0), (0.5, None), (None, 1.25), (1.2345, 1.6789), (2.5, 99.0)]


@pytest.mark.parametrize(("start", "stop"), SPANS)
@pytest.mark.parametrize("kind", ["array", "a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_a_part_is_cut_where_it_was_asked(tmp_path: Path, kind: str, start: float | None, stop: float | None) -> None:
    """`start` and `stop` cut to a sample or two, in every format, and duration is that of the part."""
    rate = 44_100
    source: Any = chirp(rate) if kind == "array" else written(tmp_path / kind, rate)
    options = {"sample_rate": rate} if kind == "array" else {}
    whole = decoded(open_audio(source, **options))
    audio = open_audio(source, start=start, stop=stop, **options)
    part = decoded(audio)
    first, last = start or 0.0, min(stop or 99.0, len(whole) / SAMPLE_RATE)
    assert audio.start == first and audio.duration == pytest.approx(last - first, abs=0.001)
    assert len(part) == pytest.approx((last - first) * SAMPLE_RATE, abs=2)
    begin = round(first * SAMPLE_RATE)
    shifts = {n: likeness(part, whole[begin + n :]) for n in range(-3, 4) if begin + n >= 0}
    best = max(shifts, key=lambda n: shifts[n])
    assert abs(best) <= 1 and shifts[best] > 0.99


@pytest.mark.parametrize(
    ("start", "stop"), [(-1, None), (2.0, 1.0), (1.0, 1.0), (float("nan"), None), (None, float("nan")), ("1", None)]
)
def test_an_impossible_part_is_a_configuration_error(start: Any, stop: Any) -> None:
    """A part that cannot be is refused with both values."""
    with pytest.raises(ConfigurationError, match=r"start=.*stop="):
        open_audio(REFERENCE, sample_rate=SAMPLE_RATE, start=start, stop=stop)


def test_a_part_beyond_the_end_is_an_audio_error() -> None:
    """Nothing is left of a source from behind its end, or too little."""
    with pytest.raises(AudioError, match=r"3\.00 s long, so nothing is left from start=5"):
        open_audio(REFERENCE, sample_rate=SAMPLE_RATE, start=5)
    with pytest.raises(AudioError, match=r"at least 0\.1 s"):
        open_audio(REFERENCE, sample_rate=SAMPLE_RATE, start=2.95)


# ── what is no audio ──


def wave_header(promised: int, *, data: bytes = b"", extra: bytes = b"") -> bytes:
    """Write a WAV file by hand, whose header promises that many bytes of data."""
    fmt = b"fmt " + (16).to_bytes(4, "little") + bytes([1, 0, 1, 0])
    fmt += (24_000).to_bytes(4, "little") + (48_000).to_bytes(4, "little") + bytes([2, 0, 16, 0])
    return (
        b"RIFF"
        + (0xFFFFFFFF).to_bytes(4, "little")
        + b"WAVE"
        + fmt
        + extra
        + b"data"
        + promised.to_bytes(4, "little")
        + data
    )


PCM = to_pcm16(REFERENCE)
LARGE_CHUNK = b"junk" + (6001).to_bytes(4, "little") + bytes(6002)

BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.wav": (b"", "empty"),
    "text.mp3": (b"These are words, not a sound.\n" * 50, r"as audio: it is a text$"),
    "pointer.flac": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "`git lfs pull` fetches it"),
    "noise.wav": (bytes(range(256)) * 20, "cannot be read as audio"),
    "headers.wav": (wave_header(0), r"holds 0 s of sound; at least 0\.1 s"),
    "truncated.wav": (
        wave_header(len(PCM), data=PCM[:48_000]),
        r"truncated: it ends after 1\.00 s .* promises 3\.00 s",
    ),
    "junk.wav": (wave_header(len(PCM), data=PCM[:48_000], extra=LARGE_CHUNK), r"truncated: it ends after 1\.00 s"),
    "raw.raw": (PCM, "cannot be read as audio"),
    "list.m3u8": (b"#EXTM3U\n#EXTINF:3,\nother.wav\n", "cannot be read as audio"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_audio_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    """A file, its bytes, and the file opened are refused for what is wrong with them."""
    content, why = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=why) as caught:
        decoded(open_audio(path))
    assert repr(str(path)) in str(caught.value)
    assert "does not exist" not in str(caught.value)
    if name != "raw.raw":
        with pytest.raises(AudioError, match=why), path.open("rb") as file:
            decoded(open_audio(file))
        with pytest.raises(AudioError, match=f"^{len(content)} bytes of audio"):
            decoded(open_audio(content))


def test_a_streamed_wav_is_as_long_as_it_is() -> None:
    """A writer that could not go back leaves the length open, which is no promise."""
    audio = open_audio(wave_header(0xFFFFFFFF, data=PCM))
    assert likeness(decoded(audio), REFERENCE) > 0.9999 and audio.duration == SECONDS


@pytest.mark.parametrize(("name", "options"), [("a.flac", {}), ("a.mp3", {}), ("a.ogg", {"subtype": "OPUS"})])
def test_a_file_that_breaks_off_is_an_error_with_its_name(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """What can only be seen while decoding is said then: no half a file passes for a whole one."""
    path = written(tmp_path / name, 24_000, **options)
    open_audio(path)  # as a whole it is taken
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"decoded any further|truncated: it ends after") as caught:
        decoded(open_audio(path))
    assert repr(str(path)) in str(caught.value)
    if there := re.search(r"; stop=([\d.]+)", str(caught.value)):
        assert 0.5 < len(decoded(open_audio(path, stop=float(there[1])))) / SAMPLE_RATE < SECONDS


def test_what_comes_before_damage_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole blocks are far longer than what is lost of a compressed file before the damage, and so are gathered."""
    monkeypatch.undo()  # blocks as they ship
    path = written(tmp_path / "a.flac", 24_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    blocks = []
    with pytest.raises(AudioError) as caught:
        for block in open_audio(path).blocks():
            blocks.append(block)
    assert "; rt_magic.transcribe with stop=2 gives what is there" in str(caught.value)
    assert sum(map(len, open_audio(path, stop=2.0).blocks())) == 2 * 2 * SAMPLE_RATE
    found = to_float32(b"".join(blocks))
    assert 1.5 * SAMPLE_RATE < len(found) < 2.5 * SAMPLE_RATE and likeness(found, REFERENCE) > 0.9999


def test_what_is_there_of_a_truncated_file_can_be_had() -> None:
    """The error names a `stop` with which the rest is transcribed."""
    content = BROKEN["truncated.wav"][0]
    sound = decoded(open_audio(content, stop=1.0))
    assert likeness(sound, REFERENCE[:24_000]) > 0.9999 and len(sound) == 24_000


def test_where_a_truncated_file_ends_is_said_only_where_it_is_known(tmp_path: Path) -> None:
    """No `stop` is advised that lies before the start, and no place that a decoder was merely set to."""
    content = BROKEN["truncated.wav"][0]
    with pytest.raises(AudioError, match=r"truncated: it ends after 1\.00 s") as caught:
        open_audio(content, start=2.0)
    assert "stop=" not in str(caught.value)
    path = tmp_path / "a.mp3"
    with soundfile.SoundFile(path, "w", samplerate=24_000, channels=1) as file:
        for _ in range(20):
            file.write(chirp(24_000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(AudioError, match="truncated: it ends before 39") as caught:
        decoded(open_audio(path, start=40.0))
    assert "stop=" not in str(caught.value)
    with pytest.raises(AudioError, match=r"with stop=([\d.]+)") as caught:
        decoded(open_audio(path))
    there = float(str(caught.value).rpartition("stop=")[2].split()[0])
    assert 15 < len(decoded(open_audio(path, stop=there))) / SAMPLE_RATE < 25


def test_missing_files_and_folders(tmp_path: Path) -> None:
    """A file that is not there says where it was looked for; a folder says that it is one."""
    with pytest.raises(
        AudioError, match=r"no file 'talks/\*\.flac'; for many files there is .*transcribe_files\('talks/\*"
    ):
        open_audio("talks/*.flac")
    with pytest.raises(AudioError, match=r"there is no file 'nowhere\.wav'; it is looked for in"):
        open_audio("nowhere.wav")
    with pytest.raises(AudioError, match="is a folder"):
        open_audio(tmp_path)
    (tmp_path / "phrases.flac").write_bytes(b"fLaC")
    with pytest.raises(AudioError, match=r"did you mean 'phrases\.flac'\?"):
        open_audio(tmp_path / "phrase.flac")
    with pytest.raises(AudioError, match="is an address; download it first"):
        open_audio("https://example.com/talk.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Permissions are the reason that is given."""
    path = written(tmp_path / "a.wav", 8000)
    path.chmod(0)
    with pytest.raises(AudioError, match="may not be read"):
        open_audio(path)


@pytest.mark.parametrize("seconds", [0.05, 0.0999])
def test_too_short_is_an_error_with_its_name(tmp_path: Path, seconds: float) -> None:
    """Less than services take is no audio, in a file and in an array."""
    soundfile.write(tmp_path / "blip.wav", chirp(16_000, seconds), 16_000)
    for source in (tmp_path / "blip.wav", (tmp_path / "blip.wav").read_bytes()):
        with pytest.raises(AudioError, match=r"(blip\.wav|bytes).* at least 0\.1 s"):
            open_audio(source)
    with pytest.raises(AudioError, match=r"shape .* at least 0\.1 s"):
        open_audio(chirp(16_000, seconds), sample_rate=16_000)
    assert open_audio(chirp(16_000, 0.1), sample_rate=16_000).duration == pytest.approx(0.1)


def test_two_hundred_channels_are_refused(tmp_path: Path) -> None:
    """What is no recording of speech is not mixed down, with the number that was found."""
    soundfile.write(tmp_path / "wide.wav", np.zeros((2400, 200)), 24_000)
    with pytest.raises(AudioError, match=r"wide\.wav' has 200 channels; 1 to 32"):
        open_audio(tmp_path / "wide.wav")
    with pytest.raises(AudioError, match="200 channels"):
        open_audio(np.zeros((2400, 200)), sample_rate=24_000)


def test_absurd_rates_are_refused(tmp_path: Path) -> None:
    """A header with a rate that is none is said to have it."""
    soundfile.write(tmp_path / "slow.wav", np.zeros(2400), 8)
    with pytest.raises(AudioError, match=r"slow\.wav' has 8 samples a second"):
        open_audio(tmp_path / "slow.wav")


def heard(source: AudioSource) -> bytes:
    """Return all of a source."""
    return b"".join(source.blocks())


def test_integers_of_64_bits_are_16_bit_samples() -> None:
    """`.astype(int)` makes such an array of 16-bit samples; it sounds as they do."""
    samples = np.array([0, 1000, -32768, 32767] * 4000)
    assert heard(open_audio(samples, sample_rate=24_000)) == heard(
        open_audio(samples.astype(np.int16), sample_rate=24_000)
    )


@pytest.mark.parametrize(
    ("array", "rate", "error", "why"),
    [
        (REFERENCE, None, ConfigurationError, r"shape \(72000,\) and type float64 does not say its rate"),
        (REFERENCE, 0, ConfigurationError, "sample_rate=0"),
        (REFERENCE, -16000, ConfigurationError, "sample_rate=-16000"),
        (REFERENCE, "16000", ConfigurationError, "sample_rate='16000'"),
        (REFERENCE, float("nan"), ConfigurationError, "sample_rate=nan"),
        ((REFERENCE * 200_000).astype(np.int64), 16000, AudioError, "reaches .* taken for 16-bit samples"),
        (REFERENCE.astype(bool), 16000, AudioError, "type bool is not audio"),
        (REFERENCE.astype(complex), 16000, AudioError, "type complex128 is not audio"),
        (np.array(["a"] * 9000), 16000, AudioError, "is not audio"),
        (np.array([object()] * 9000), 16000, AudioError, "type object is not audio"),
        (np.zeros(0), 16000, AudioError, r"shape \(0,\)"),
        (np.zeros((2, 3, 4)), 16000, AudioError, r"shape \(2, 3, 4\)"),
        (np.zeros((2, 48000)), 16000, AudioError, r"channels first.*array\.T"),
        (REFERENCE * 30_000, 16000, AudioError, "reaches 1.* divide it"),
    ],
)
def test_wrong_arrays(array: NDArray[Any], rate: Any, error: type[RtMagicError], why: str) -> None:
    """An array that cannot be meant is refused with its shape and type, or with the rate, and what to do."""
    with pytest.raises(error, match=why):
        open_audio(array, sample_rate=rate)


def test_a_rate_goes_with_an_array_only(tmp_path: Path) -> None:
    """A file says its own rate, so another one is a mistake."""
    with pytest.raises(ConfigurationError, match="sample_rate=16000 goes with an array"):
        open_audio(written(tmp_path / "a.wav", 8000), sample_rate=16_000)


@pytest.mark.parametrize("source", [None, 3, True, [0.1, 0.2], object(), {"a": 1}])
def test_other_objects_are_no_sources(source: Any) -> None:
    """What is neither path, bytes, file nor array is refused by its type; no number is taken for an open file."""
    with pytest.raises(ConfigurationError, match=f"{type(source).__name__} is not a source of audio"):
        open_audio(source)


def test_file_objects_that_cannot_be_used(tmp_path: Path) -> None:
    """Text files and pipes are refused with what to do instead, quietly."""
    (tmp_path / "a.txt").write_text("words")
    with (tmp_path / "a.txt").open() as text, pytest.raises(ConfigurationError, match=r"a\.txt.*open\(path, \"rb\"\)"):
        open_audio(text)  # type: ignore[arg-type]
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, pytest.raises(ConfigurationError, match=r"file\.read\(\)"):
        open_audio(pipe)
    with pytest.raises(AudioError, match="is empty"):
        open_audio(io.BytesIO())
    with pytest.raises(AudioError, match="0 bytes of audio are empty"):
        open_audio(b"")


# ── the formats of the media extra ──


@pytest.fixture(scope="module")
def m4a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the chirp as AAC in an MP4 container, with silence in its second channel."""
    av = pytest.importorskip("av")
    path = tmp_path_factory.mktemp("media") / "a.m4a"
    rate = 44_100
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo")
        samples = np.stack([chirp(rate), np.zeros(round(SECONDS * rate))]).astype(np.float32)
        for start in range(0, samples.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 1024]), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def test_other_formats_are_read_with_the_media_extra(m4a: Path) -> None:
    """A phone's voice memo is decoded, mixed down, as long as it is, from a path, bytes or a file."""
    for source in (m4a, m4a.read_bytes(), io.BytesIO(m4a.read_bytes())):
        audio = open_audio(source)
        sound = decoded(audio)
        assert audio.media and audio.duration == pytest.approx(SECONDS, abs=0.1)
        assert len(sound) == pytest.approx(SECONDS * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
        assert likeness(sound, REFERENCE) > 0.98
        assert np.max(np.abs(sound[2000:-4000])) == pytest.approx(0.2, rel=0.1)


def test_a_part_of_another_format(m4a: Path) -> None:
    """`start` and `stop` cut such a file as exactly as any other."""
    whole = decoded(open_audio(m4a))
    part = decoded(open_audio(m4a, start=1.2345, stop=2.0))
    assert len(part) == pytest.approx(0.7655 * SAMPLE_RATE, abs=2)
    assert likeness(part, whole[round(1.2345 * SAMPLE_RATE) :]) > 0.99


def test_without_the_media_extra_the_error_names_it(m4a: Path) -> None:
    """Where the extra is not installed, one line says how to install it."""
    script = (
        f"import sys; sys.modules['av'] = None\nfrom rt_magic.audio.files import open_audio\nopen_audio({str(m4a)!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "AudioError" in last and "a.m4a" in last and ' pip install "rt-magic[media]"' in last


def test_text_in_a_file_named_like_sound_is_no_audio(tmp_path: Path) -> None:
    """Some decoders open whatever is named like a sound; it is said that there is none in it."""
    (tmp_path / "notes.flac").write_text("not a sound")
    with pytest.raises(AudioError, match=r"notes\.flac' cannot be read as audio"):
        open_audio(tmp_path / "notes.flac")
