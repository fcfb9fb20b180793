"""Make the speech fixtures of this folder; needs espeak-ng (the tests do not: what this writes is committed).

    python tests/data/make_fixtures.py [--librivox FOLDER]

`phrases.flac`        five phrases by a synthetic voice, pauses between them, a noise floor throughout: no microphone
                      delivers digital silence, and it spoils the recogniser's estimate of the channel
`phrases_clean.flac`  the same without the noise, for tests that add noise of their own seed
`phrases.json`        the text, start and end (seconds) of each phrase, and how the recording was made
`librivox/*.flac`     FLAC copies of the WAV files in FOLDER, see librivox/README.md
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE = 24_000
PHRASES = (
    "the president of the united states",
    "one two three four five",
    "please call the office in the morning",
    "this is a test of the microphone",
    "new york and los angeles",
)
VOICE, WORDS_PER_MINUTE = "en-us+klatt", 145
LEAD_IN, PAUSE, TAIL = 0.8, 1.2, 1.6  # seconds
PEAK = 0.5  # -6 dBFS
NOISE = 60 * (RATE / 16_000) ** 0.5  # white, as dense as sigma = 60 LSB at 16 kHz
SEED = 0


def speak(text: str) -> NDArray[np.float64]:
    """Return the phrase at 24 kHz, from 10 ms before its first sound to 20 ms after its last."""
    command = ["espeak-ng", "-v", VOICE, "-s", str(WORDS_PER_MINUTE), "--stdout", text]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float64")
    samples = soxr.resample(samples, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    trimmed: NDArray[np.float64] = samples[max(0, loud[0] - RATE // 100) : loud[-1] + RATE // 50]
    return trimmed


def make_phrases() -> None:
    """Write the two recordings and the description of where each phrase is."""
    spoken = [speak(text) for text in PHRASES]
    loudest = max(np.abs(samples).max() for samples in spoken)
    parts, position, entries = [np.zeros(round(LEAD_IN * RATE))], round(LEAD_IN * RATE), []
    for number, (text, samples) in enumerate(zip(PHRASES, spoken, strict=True), start=1):
        end = position + len(samples)
        entries.append({"text": text, "start": round(position / RATE, 3), "end": round(end / RATE, 3)})
        after = round((PAUSE if number < len(PHRASES) else TAIL) * RATE)
        parts += [samples * PEAK / loudest, np.zeros(after)]
        position = end + after
    clean = np.rint(np.concatenate(parts) * 32767)
    noisy = np.rint(clean + np.random.default_rng(SEED).normal(0, NOISE, len(clean)))
    soundfile.write(HERE / "phrases_clean.flac", clean.astype(np.int16), RATE)
    soundfile.write(HERE / "phrases.flac", noisy.clip(-32768, 32767).astype(np.int16), RATE)
    made = {"voice": VOICE, "words_per_minute": WORDS_PER_MINUTE, "noise_sigma": round(NOISE, 2), "noise_seed": SEED}
    description = {"sample_rate": RATE, "duration": position / RATE, "made": made, "phrases": entries}
    (HERE / "phrases.json").write_text(json.dumps(description, indent=1) + "\n")


def copy_librivox(folder: Path) -> None:
    """Write FLAC copies of the WAV files in `folder`, bit for bit, with their transcripts."""
    for path in sorted(folder.glob("*.wav")):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(HERE / "librivox" / f"{path.stem}.flac", samples, rate)
        shutil.copyfile(path.with_suffix(".txt"), HERE / "librivox" / f"{path.stem}.txt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--librivox", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    make_phrases()
    if arguments.librivox:
        copy_librivox(arguments.librivox)
