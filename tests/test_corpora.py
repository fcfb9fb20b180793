"""Files by the thousand: what is done stays done, whatever becomes of one file, of a worker, or of us."""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import distributed
import numpy as np
import pandas
import psutil
import pytest
import soundfile

import rt_magic as rt
from rt_magic.audio.recording import recordings_folder
from rt_magic.corpora import Results, found_files
from rt_magic.manifest import Manifest
from rt_magic.session import embedded
from rt_magic.transcript.transcript import Transcript
from tests.conftest import MAIN
from tests.corpus import Stenographer, hums, recordings

SECRET = "sk-no-one-may-see-this"


def lines(manifest: Path) -> list[dict[str, Any]]:
    """Return the entries of a manifest."""
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def contents(folder: Path) -> list[bytes]:
    """Return the content of each file in a folder and below."""
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def texts(results: Results) -> dict[Path, str]:
    """Go through all files and return the text of those that have one."""
    return {path: result.text for path, result in results if isinstance(result, Transcript)}


async def heard(paths: Any, **options: Any) -> tuple[dict[Path, str], dict[Path, rt.RtMagicError]]:
    """Transcribe files in a thread, so that a service on this loop can answer; return texts and errors."""
    results = rt.transcribe_files(paths, progress=False, **options)
    return await asyncio.to_thread(texts, results), results.errors


def left_over() -> set[Path]:
    """Return the recordings that are on the disk."""
    gc.collect()  # what earlier tests left goes with their sessions, at whatever moment
    return set(recordings_folder().glob("*"))


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something to happen; AssertionError where it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ── the real engine ──


def busy_decoders() -> int:
    """Return how many decoder processes the embedded servers of this process have."""
    return sum(len(psutil.Process(pid).children()) for pid in embedded.process_ids())


@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.long)])
def test_recordings_on_threads(tmp_path: Path, count: int) -> None:
    """All recordings are understood, a corrupt one is one error, and no more decoders run than are of use."""
    spoken, before = recordings(tmp_path, count), left_over()
    (tmp_path / "broken.flac").write_bytes(b"fLaC" + bytes(1000))
    found, most = {}, 0
    with ThreadPoolExecutor(8) as pool:
        results = rt.transcribe_files(
            str(tmp_path / "*.flac"), executor=pool, manifest=tmp_path / "m.jsonl", progress=False
        )
        for path, result in results:
            most = max(most, busy_decoders())
            found[path] = result
    embedded.close()
    assert len(results) == len(found) == count + 1
    assert {path: found[path].text for path in spoken} == spoken  # type: ignore[union-attr]
    assert list(results.errors) == [tmp_path / "broken.flac"]
    assert isinstance(found[tmp_path / "broken.flac"], rt.AudioError)
    assert 1 <= most <= (os.cpu_count() or 1) + 1  # one more is kept loaded
    states = [entry["status"] for entry in lines(tmp_path / "m.jsonl")]
    assert (states.count("done"), states.count("failed")) == (count, 1)
    assert left_over() == before


# ── the manifest ──


async def test_a_rerun_does_only_what_is_missing(tmp_path: Path) -> None:
    """What is done comes from the manifest; what failed, what changed and what is new is done, and nothing else."""
    written = hums(tmp_path, 5)
    (tmp_path / "hum 9.wav").write_bytes(b"RIFF")
    manifest, pattern = tmp_path / "m.jsonl", str(tmp_path / "*.wav")
    async with Stenographer() as peer:
        first, errors = await heard(pattern, manifest=manifest, service=peer.url)
        assert first == written and list(errors) == [tmp_path / "hum 9.wav"]
        assert len(peer.handshakes) == 5
        (tmp_path / "more").mkdir()
        (last, text) = list(hums(tmp_path / "more", 7).items())[-1]
        last.replace(tmp_path / "hum 9.wav")
        again, errors = await heard(pattern, manifest=manifest, service=peer.url)
        assert again == {**written, tmp_path / "hum 9.wav": text} and not errors
        assert peer.written[5:] == [text]
        assert (await heard(pattern, manifest=manifest, service=peer.url))[0] == again
        assert len(peer.handshakes) == 6
        await heard(pattern, manifest=manifest, service=peer.url, silence_ms=700)
        assert len(peer.handshakes) == 12


async def test_each_line_says_what_became_of_a_file(tmp_path: Path) -> None:
    """A line has path, hashes, status, error and output; the output is a transcript that can be opened by itself."""
    ((path, text),) = hums(tmp_path, 1).items()
    missing = tmp_path / "missing.wav"
    async with Stenographer() as peer:
        await heard([path, missing], manifest=tmp_path / "all.jsonl", service=rt.Compatible(peer.url, api_key=SECRET))
        assert peer.keys == [f"Bearer {SECRET}"]
    failed, done = sorted(lines(tmp_path / "all.jsonl"), key=lambda entry: entry["status"], reverse=True)
    assert (done["path"], done["status"], done["error"]) == (str(path), "done", None)
    assert Transcript.read(tmp_path / done["output"]).text == text
    assert (failed["path"], failed["content"], failed["output"]) == (str(missing), None, None)
    assert failed["error"].startswith("AudioError: there is no file")
    assert len(done["content"]) == len(done["settings"]) == 64
    assert not any(SECRET.encode() in content for content in contents(tmp_path))


async def test_a_transcript_of_the_manifest_has_its_sound(tmp_path: Path) -> None:
    """What comes out of the manifest reads its sound from the file, as what was just made does."""
    ((path, _),) = hums(tmp_path, 1).items()
    async with Stenographer() as peer:
        for _ in range(2):
            results = rt.transcribe_files(path, manifest=tmp_path / "m.jsonl", service=peer.url, progress=False)
            ((_, made),) = await asyncio.to_thread(list, results)
            assert isinstance(made, Transcript) and made.audio is not None
            clip = made.clip(made[0])
            assert clip.audio[0].size == pytest.approx((clip.end - clip.start) * 24_000, abs=2) and clip.end > 0.3
        assert len(peer.handshakes) == 1


def test_a_half_line_is_survived(tmp_path: Path) -> None:
    """After a kill in the middle of a line that file counts as not done, and the next line stands by itself."""
    manifest = Manifest(tmp_path / "m.jsonl")
    made = Transcript.from_json('{"segments": [{"id": 0, "start": 0, "end": 1, "text": "a"}]}')
    manifest.add(tmp_path / "a.wav", "a" * 64, "s" * 64, made)
    manifest.add(tmp_path / "b.wav", "b" * 64, "s" * 64, made)
    whole = manifest.path.read_bytes()
    second = whole.index(b"\n") + 1
    for cut in range(second, len(whole)):
        manifest.path.write_bytes(whole[:cut])
        again = Manifest(manifest.path)
        # All but the line's end is there at the last cut.
        assert (again.find("b" * 64, "s" * 64) is None) == (cut < len(whole) - 1)
        again.add(tmp_path / "c.wav", "c" * 64, "s" * 64, made)
        for letter in "ac":
            assert (found := Manifest(manifest.path).find(letter * 64, "s" * 64)) and found.text == "a"


def test_a_transcript_that_is_gone_is_missing(tmp_path: Path) -> None:
    """A line whose transcript was removed or damaged counts as not done."""
    manifest = Manifest(tmp_path / "m.jsonl")
    manifest.add(tmp_path / "a.wav", "a" * 64, "s" * 64, Transcript.from_json('{"segments": []}'))
    assert Manifest(manifest.path).find("a" * 64, "s" * 64) is not None
    (output,) = manifest.folder.iterdir()
    output.write_text('{"segments": [')
    assert Manifest(manifest.path).find("a" * 64, "s" * 64) is None
    output.unlink()
    assert Manifest(manifest.path).find("a" * 64, "s" * 64) is None


PROGRAM = """
import sys, rt_magic as rt
for path, result in rt.transcribe_files(sys.argv[1], manifest=sys.argv[2], service=sys.argv[3], max_concurrency=3):
    pass
"""


async def test_a_killed_run_goes_on_where_it_stood(tmp_path: Path) -> None:
    """After `kill -9` in the middle, what has its line is not done again, and all the rest is."""
    written, manifest = hums(tmp_path, 30), tmp_path / "m.jsonl"
    async with Stenographer(pause=0.1) as peer:
        arguments = [sys.executable, "-c", PROGRAM, str(tmp_path / "*.wav"), str(manifest), peer.url]
        user = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.DEVNULL)
        await asyncio.to_thread(wait_until, lambda: manifest.exists() and manifest.read_bytes().count(b"\n") >= 6)
        assert user.returncode is None
        user.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        await user.wait()
        done = [entry["path"] for entry in lines(manifest)]
        assert 6 <= len(done) < 30
        with manifest.open("ab") as file:
            file.write(b'{"path": "half a li')
        before = len(peer.handshakes)
        found, errors = await heard(sorted(written), manifest=manifest, service=peer.url)
        assert found == written and not errors
        assert len(peer.handshakes) - before == 30 - len(done)


# ── a service that has enough ──


async def test_when_one_has_to_wait_all_wait(tmp_path: Path) -> None:
    """A burst of refusals is one pause for all files, as long as the service asks; then all of them are done."""
    written, bursts = hums(tmp_path, 12), (range(1, 5), range(9, 11))

    def refuse(number: int) -> tuple[int, dict[str, str]] | None:
        return (429, {"Retry-After": "2"}) if any(number in burst for burst in bursts) else None

    async with Stenographer(refuse) as peer:
        found, errors = await heard(sorted(written), service=peer.url, max_concurrency=4)
    assert found == written and not errors
    assert len(peer.handshakes) == 12 + sum(map(len, bursts))
    # Nothing comes between the answer to a burst and the time that it names.
    quiet = [later - before >= 1.9 for before, later in pairwise(peer.handshakes)]
    assert quiet[3] and quiet.count(True) == 2
    assert peer.most <= 4


async def test_a_service_that_wants_none_today_ends_it(tmp_path: Path) -> None:
    """Asked to wait for a day, the iteration ends with that error, and no file counts as failed."""
    async with Stenographer(lambda number: (429, {"Retry-After": "86400"})) as peer:
        with pytest.raises(rt.ServiceConnectionError, match="429"):
            await heard(sorted(hums(tmp_path, 4)), manifest=tmp_path / "m.jsonl", service=peer.url)
    assert not (tmp_path / "m.jsonl").exists()


async def test_a_wrong_key_is_tried_no_thousand_times(tmp_path: Path) -> None:
    """What concerns all files, a key that is refused, ends the iteration at once."""
    async with Stenographer(lambda number: (401, {})) as peer:
        with pytest.raises(rt.AuthenticationError):
            await heard(sorted(hums(tmp_path, 12)), service=peer.url, max_concurrency=2)
        assert len(peer.handshakes) <= 2


async def test_a_service_that_is_not_there_ends_it(tmp_path: Path) -> None:
    """Where no connection was ever had, the iteration ends with that error, and no file counts as failed."""
    async with Stenographer() as peer:
        url = peer.url
    with pytest.raises(rt.ServiceConnectionError, match="no connection to 127"):
        await heard(sorted(hums(tmp_path, 4)), manifest=tmp_path / "m.jsonl", service=url)
    assert not (tmp_path / "m.jsonl").exists()


async def test_after_an_error_of_all_the_rest_can_be_done(tmp_path: Path) -> None:
    """Asked again, what an outage had left is done, as a table or in a loop; never is there a table with less."""
    written = hums(tmp_path, 3)
    async with Stenographer() as peer:
        port = urlsplit(peer.url).port or 0
    results = rt.transcribe_files(sorted(written), service=f"ws://127.0.0.1:{port}", progress=False)
    for _ in range(2):
        with pytest.raises(rt.ServiceConnectionError):
            await asyncio.to_thread(results.to_pandas)
    async with Stenographer(port=port):
        table = await asyncio.to_thread(results.to_pandas)
    assert dict(zip(map(Path, table["path"]), table["text"], strict=True)) == written


async def test_after_an_interrupt_the_rest_can_be_done(tmp_path: Path) -> None:
    """What was under way and what had not begun is done by the next loop, each file once in all."""
    written = hums(tmp_path, 4)
    async with Stenographer(pause=0.3) as peer:
        results = rt.transcribe_files(sorted(written), service=peer.url, max_concurrency=2, progress=False)
        first = await asyncio.to_thread(next, results)
        with pytest.raises(KeyboardInterrupt):
            results._steps.throw(KeyboardInterrupt)
        rest = await asyncio.to_thread(list, results)
    found = {path: result.text for path, result in [first, *rest] if isinstance(result, Transcript)}
    assert len(rest) == 3 and found == written


async def test_an_error_of_our_own_is_no_sign_of_the_service(tmp_path: Path) -> None:
    """What failed before the service was asked does not count as an answer of it."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    (tmp_path / ("x" * 250)).write_bytes(b"RIFF")
    async with Stenographer() as peer:
        url = peer.url
    paths = [tmp_path / "a.wav", tmp_path / ("y" * 300), *sorted(hums(tmp_path, 2))]
    with pytest.raises(rt.ServiceConnectionError, match="nothing listens there"):
        await heard(paths, service=url, max_concurrency=1)


async def test_one_that_is_connected_is_not_given_up_for_others(tmp_path: Path) -> None:
    """Where others get no connection, a file that has one goes on; its answer shows that the service is there."""
    written = hums(tmp_path, 3)
    async with Stenographer(lambda number: (503, {}) if number in (2, 3) else None, pause=0.8) as peer:
        found, errors = await heard(sorted(written), service=peer.url, max_concurrency=3)
    assert found == written and not errors


async def test_a_service_that_does_not_come_back_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many pauses the error is raised, and what waits is said meanwhile; what is done stays done."""
    monkeypatch.setattr("rt_magic.pacing.MAXIMUM_PAUSES", 2)
    said: list[str] = []
    say = Results._said

    def overhear(results: Results, now: float) -> str:
        said.append(say(results, now))
        return said[-1]

    monkeypatch.setattr(Results, "_said", overhear)
    async with Stenographer(lambda number: None if number == 1 else (500, {})) as peer:
        results = rt.transcribe_files(sorted(hums(tmp_path, 3)), service=peer.url, max_concurrency=1, progress=False)
        with pytest.raises(rt.ServiceConnectionError, match="answered 500"):
            await asyncio.to_thread(texts, results)
    assert any(sentence.startswith("the service cannot be reached, again in ") for sentence in said)
    assert "1 done, 0 of them failed" in repr(results)


@pytest.mark.parametrize("status", [402, 404])
async def test_a_refusal_for_good_ends_it(tmp_path: Path, status: int) -> None:
    """What the service will not do for any file is raised at once, no file counts as failed, and none is begun."""
    async with Stenographer(lambda number: None if number == 1 else (status, {})) as peer:
        results = rt.transcribe_files(sorted(hums(tmp_path, 6)), service=peer.url, max_concurrency=1, progress=False)
        with pytest.raises(rt.ServiceConnectionError, match=f"answered {status}"):
            await asyncio.to_thread(texts, results)
        assert len(peer.handshakes) <= 3
    assert "1 done, 0 of them failed" in repr(results)


async def test_what_was_gone_through_is_not_an_empty_table(tmp_path: Path) -> None:
    """A second time is refused with what to do, and so is a table of what is left."""
    async with Stenographer() as peer:
        for use in (list, Results.to_pandas, lambda results: results.to_parquet(tmp_path / "t")):
            results = rt.transcribe_files(sorted(hums(tmp_path, 2)), service=peer.url, progress=False)
            assert len(await asyncio.to_thread(list, results)) == 2
            with pytest.raises(rt.ConfigurationError, match="gone through already"):
                use(results)
        begun = rt.transcribe_files(sorted(hums(tmp_path, 2)), service=peer.url, progress=False)
        await asyncio.to_thread(next, begun)
        with pytest.raises(rt.ConfigurationError, match="gone through already"):
            begun.to_pandas()
        assert len(await asyncio.to_thread(list, begun)) == 1


async def test_files_without_words_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in which nothing was said is no error and has no row, and so is named at the end."""
    soundfile.write(tmp_path / "silent.wav", np.zeros(24_000), 24_000)
    paths = [tmp_path / "silent.wav", tmp_path / "nowhere.wav"]
    results = await asyncio.to_thread(lambda: list(rt.transcribe_files(paths, service="local")))
    assert len(results) == 2
    said = capsys.readouterr().err
    assert "1 of 2 files failed; .errors says why" in said
    assert "in 1 of 2 files no words were found: silent.wav" in said


async def test_a_service_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """While a service that was there cannot be reached, all wait; when it is back, all files are done."""
    written = hums(tmp_path, 4)
    async with Stenographer() as peer:
        url = peer.url
        results = rt.transcribe_files(sorted(written), service=url, max_concurrency=1, progress=False)
        first, _ = await asyncio.to_thread(next, results)
    rest = asyncio.create_task(asyncio.to_thread(texts, results))
    await asyncio.to_thread(wait_until, lambda: results._pacing.throttle.until > 0)
    async with Stenographer(port=int(url.rpartition(":")[2])):
        assert await rest == {path: text for path, text in written.items() if path != first}
    assert not results.errors


LOGGED = """
import sys
import rt_magic as rt
rt.transcribe(sys.argv[1], service=sys.argv[2])
print("one is done", file=sys.stderr)
list(rt.transcribe_files([sys.argv[1], "nowhere.wav"], service=sys.argv[2]))
"""


async def test_a_log_is_not_flooded(tmp_path: Path) -> None:
    """Where nobody sees a bar move, one file draws none, and many files draw the first and the last state."""
    (path,) = hums(tmp_path, 1)
    async with Stenographer(pause=0.6) as peer:
        script = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOGGED, str(path), peer.url, stderr=asyncio.subprocess.PIPE
        )
        _, log = await script.communicate()
    before, _, after = log.decode().partition("one is done")
    assert before == "" and after.count("transcribing:") == 2 and "2/2" in after
    assert after.endswith("transcribe_files: 1 of 2 files failed; .errors says why\n")


# ── where it is done ──


async def test_stopping_early_begins_no_more(tmp_path: Path) -> None:
    """Who closes the iteration has no sessions left, and no recording stays."""
    before = left_over()
    async with Stenographer(pause=0.2) as peer:
        results = rt.transcribe_files(sorted(hums(tmp_path, 12)), service=peer.url, max_concurrency=2, progress=False)
        await asyncio.to_thread(next, results)
        await asyncio.to_thread(results.close)
        begun = len(peer.handshakes)
        await asyncio.to_thread(wait_until, lambda: not peer.open and left_over() == before)
        assert len(peer.handshakes) == begun <= 4


async def test_on_processes(tmp_path: Path) -> None:
    """Spawned processes do the work, with one error for a file that is none."""
    written = hums(tmp_path, 6)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        async with Stenographer() as peer:
            found, errors = await heard(str(tmp_path / "*.wav"), executor=pool, service=peer.url)
            assert found == written and [type(error) for error in errors.values()] == [rt.AudioError]
            for process in pool._processes.values():
                process.kill()
            with pytest.raises(rt.RtMagicError, match="executor is broken"):
                await heard(sorted(written), executor=pool, service=peer.url)


class Elsewhere:
    """An executor that says no more than it must: `submit`, and what is submitted is pickled."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Refuse to run anything."""
        future: Future[Any] = Future()
        future.set_exception(OSError(f"no room for {function.__name__}"))
        return future


class Pickling:
    """An executor as ipyparallel's: what goes to it and comes back is pickled, and its futures are its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Run a copy of the call in a thread."""
        call = pickle.dumps((function, arguments))

        def run() -> Any:
            copied, given = pickle.loads(call)
            return pickle.loads(pickle.dumps(copied(*given)))

        return self._pool.submit(run)


async def test_on_whatever_has_submit(tmp_path: Path) -> None:
    """An executor that is nobody's subclass does the work; the transcripts that come back have their sound."""
    written = hums(tmp_path, 6)
    with ThreadPoolExecutor(3) as pool:
        async with Stenographer() as peer:
            options: dict[str, Any] = {"executor": Pickling(pool), "service": peer.url, "progress": False}
            results = await asyncio.to_thread(list, rt.transcribe_files(sorted(written), **options))
    found = {path: result for path, result in results if isinstance(result, Transcript)}
    assert {path: result.text for path, result in found.items()} == written
    assert all(result.audio is not None and result.done for result in found.values())


def test_an_executor_that_fails_is_an_error_of_the_file(tmp_path: Path) -> None:
    """What an executor says of a call is the error of that file."""
    results = rt.transcribe_files(sorted(hums(tmp_path, 2)), executor=Elsewhere(), progress=False)
    assert [str(result) for _, result in results] == ["OSError: no room for transcribe_one"] * 2


def test_a_credential_that_cannot_travel_is_refused(tmp_path: Path) -> None:
    """A credential that other processes cannot get is a ConfigurationError that says what to do instead."""
    held = threading.Lock()
    service = rt.AzureOpenAI("https://contoso.openai.azure.com", credential=lambda: str(held))
    with pytest.raises(rt.ConfigurationError, match="each worker signs in by itself"):
        rt.transcribe_files(sorted(hums(tmp_path, 1)), executor=Elsewhere(), service=service)


@pytest.fixture(scope="module", autouse=True)
def the_programs_own_main() -> Iterator[None]:
    """Give processes that are spawned the module to start from, which shells of other tests may have replaced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", MAIN)
        yield


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[distributed.Client]:
    """Start two worker processes of four threads each."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=":0") as started,
        distributed.Client(started) as client,
    ):
        yield client


async def kill_a_worker(client: distributed.Client, when: Callable[[], bool]) -> None:
    """Kill one of the worker processes as soon as something has happened."""
    await asyncio.to_thread(wait_until, when, 600.0)
    pids = await asyncio.to_thread(client.run, os.getpid)
    psutil.Process(next(iter(pids.values()))).kill()


LONG = pytest.param(200, marks=pytest.mark.long)


@pytest.mark.parametrize("count", [40, LONG])
async def test_recordings_on_a_cluster(cluster: distributed.Client, tmp_path: Path, count: int) -> None:
    """On two workers, one of them killed, one file corrupt, refusals in bursts: one error, all else as in one process.

    A rerun does only the missing one.
    """
    written, manifest = hums(tmp_path, count, 3.0), tmp_path / "m.jsonl"
    broken = tmp_path / "hum 999.wav"
    broken.write_bytes(b"RIFF")

    def refuse(number: int) -> tuple[int, dict[str, str]] | None:
        return (429, {"Retry-After": "1"}) if number in (3, 4, 20, 21, 22) else None

    async with Stenographer(seconds=3.0) as peer:
        assert await heard(sorted(written), service=peer.url) == (written, {})  # in this process
    async with Stenographer(refuse, seconds=3.0, pause=0.1) as peer:
        killer = asyncio.create_task(kill_a_worker(cluster, lambda: len(peer.written) >= 8))
        options = {"executor": cluster.get_executor(), "manifest": manifest, "service": peer.url}
        found, errors = await heard(str(tmp_path / "*.wav"), **options)
        await killer
        assert found == written and list(errors) == [broken]
        assert [entry["path"] for entry in lines(manifest) if entry["status"] == "failed"] == [str(broken)]
        (tmp_path / "new").mkdir()
        *_, (last, text) = hums(tmp_path / "new", count + 2, 3.0).items()
        last.replace(broken)
        before = len(peer.handshakes)
        found, errors = await heard(str(tmp_path / "*.wav"), **options)
        assert found == {**written, broken: text} and not errors
        assert len(peer.handshakes) == before + 1


@pytest.mark.parametrize("count", [40, LONG])
async def test_the_real_engine_on_a_cluster(cluster: distributed.Client, tmp_path: Path, count: int) -> None:
    """On two workers, one of them killed, one file corrupt: one error, and the words are those of one process.

    A rerun does only the missing one.
    """
    spoken, manifest = recordings(tmp_path, count), tmp_path / "m.jsonl"
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(1000))
    killer = asyncio.create_task(
        kill_a_worker(cluster, lambda: manifest.exists() and manifest.read_bytes().count(b"\n") > count // 4)
    )
    options = {"executor": cluster.get_executor(), "manifest": manifest, "max_concurrency": 2}
    found, errors = await heard(str(tmp_path / "*.flac"), **options)
    await killer
    assert list(errors) == [broken]
    assert found == spoken
    if count > 40:
        assert (await heard(sorted(spoken)))[0] == found
    before = len(lines(manifest))
    (tmp_path / "new").mkdir()
    *_, (last, text) = recordings(tmp_path / "new", count + 2).items()
    last.replace(broken)
    found, errors = await heard(str(tmp_path / "*.flac"), **options)
    assert found == {**spoken, broken: text} and not errors
    assert [(entry["path"], entry["status"]) for entry in lines(manifest)[before:]] == [(str(broken), "done")]
    embedded.close()


# ── in and out ──


async def test_to_parquet_makes_one_table_of_all(tmp_path: Path) -> None:
    """pandas reads the folder as one table with the path of each file; files that failed are in `errors`."""
    written = hums(tmp_path, 3)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    async with Stenographer() as peer:
        results = rt.transcribe_files(str(tmp_path / "*.wav"), service=peer.url, progress=False)
        folder = await asyncio.to_thread(results.to_parquet, tmp_path / "tables")
    table = pandas.read_parquet(folder)
    assert dict(zip(table["path"], table["text"], strict=True)) == {str(path): text for path, text in written.items()}
    assert list(table.columns[:4]) == ["path", "id", "start", "end"]
    assert list(results.errors) == [tmp_path / "broken.wav"]


async def test_to_pandas_makes_one_table_of_all(tmp_path: Path) -> None:
    """All words are in one table with the path of each file, a rerun has them too, and a bad file is in `errors`."""
    written = hums(tmp_path, 3)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")

    def begin() -> Results:
        return rt.transcribe_files(
            str(tmp_path / "*.wav"), service=peer.url, manifest=tmp_path / "done.jsonl", progress=False
        )

    async with Stenographer() as peer:
        results = begin()
        assert "4 files: 0 done" in repr(results)
        table = await asyncio.to_thread(results.to_pandas)
        assert "4 done, 1 of them failed" in repr(results)
        words = await asyncio.to_thread(begin().to_pandas, words=True)
    assert dict(zip(table["path"], table["text"], strict=True)) == {str(path): text for path, text in written.items()}
    assert list(table.columns[:4]) == ["path", "id", "start", "end"]
    assert list(table.index) == [0, 1, 2]
    assert list(words.columns[:4]) == ["path", "id", "position", "word"]
    assert list(results.errors) == [tmp_path / "broken.wav"]


def test_files_are_found_by_pattern_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern reaches into folders, a name with brackets means itself, and each file comes once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("1.wav", "a/2.wav", "a/b/3.wav", "take [1].wav"):
        (tmp_path / name).touch()
    assert found_files("**/*.wav") == [Path(n) for n in ("1.wav", "a/2.wav", "a/b/3.wav", "take [1].wav")]
    assert found_files("take [1].wav") == [Path("take [1].wav")]
    assert found_files(["1.wav", Path("1.wav"), "missing.wav"]) == [Path("1.wav"), Path("missing.wav")]
    with pytest.raises(rt.ConfigurationError, match=r"no file '\*\.flac'"):
        found_files("*.flac")
    with pytest.raises(rt.ConfigurationError, match="is a folder"):
        found_files(tmp_path)
    with pytest.raises(rt.ConfigurationError, match="the list of files is empty"):
        found_files([])
    with pytest.raises(rt.ConfigurationError, match="5 are no files"):
        found_files(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"language": "fr"}, "English only"),
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"executor": object()}, "not an executor"),
        ({"manifest": "no/such/folder/m.jsonl"}, "cannot be written"),
        ({"turn_detection": "never"}, "'never'"),
        ({"channels": "both"}, "'mix' or 'split'"),
        ({"silence_ms": "500ms"}, "silence_ms='500ms' is not possible"),
        ({"executor": ProcessPoolExecutor}, "is not an executor"),
    ],
)
def test_what_cannot_work_is_said_at_once(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A setting that fits no file is a ConfigurationError of the call, before anything begins."""
    with pytest.raises(rt.ConfigurationError, match=said):
        rt.transcribe_files(sorted(hums(tmp_path, 1)), **options)


@pytest.mark.parametrize("content", ["1\n00:00:01,000 --> 00:00:02,000\nhello\n", '{"format": "rt_magic"}', "x"])
def test_a_file_of_another_kind_is_no_manifest(tmp_path: Path, content: str) -> None:
    """What somebody has written is not appended to; an empty file and the beginning of a line are a manifest's."""
    path = tmp_path / "talk.srt"
    path.write_text(content)
    with pytest.raises(rt.ConfigurationError, match="a file of another kind"):
        Manifest(path)
    assert path.read_text() == content and not (tmp_path / "talk-transcripts").exists()
    compact = '{"path":"a.flac","content":"c","settings":"s","status":"done","output":"t.json"}\n'  # as jq writes it
    for begun in ("", '{"pa', '{"path": "a.flac", "content', compact):
        path.write_text(begun)
        Manifest(path)
