"""What became of each file of a corpus: a file of JSON lines that is only appended to, so that a rerun can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rt_magic.exceptions import ConfigurationError, RtMagicError
from rt_magic.transcript.transcript import Transcript

_BEGINNING = b'{"path": '
"""Of each line."""


class Manifest:
    """One line per attempt at a file: `path`, `content` and `settings` (SHA-256), `status`, `error`, `output`, `time`.

    `status` is "done" or "failed". `output` is the transcript's JSON, in the folder `<manifest>-transcripts` beside the
    manifest and relative to it, so that both can be moved together: the lines stay short, and each transcript can be
    opened by itself. It is whole before its line is written. What a kill left of a line counts as not written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self.folder = self.path.with_name(f"{self.path.stem}-transcripts")
        self._outputs: dict[tuple[str, str], str] = {}
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ConfigurationError(
                f"manifest={os.fspath(path)!r} cannot be written; give the name of a file, such as 'done.jsonl', in a "
                "folder that there is"
            )
        written = self.path.read_bytes() if self.path.exists() else b""
        if not _is_ours(written):
            raise ConfigurationError(
                f"manifest={os.fspath(path)!r} is a file of another kind, which is not touched; give another name, "
                "such as 'done.jsonl'"
            )
        for line in written.splitlines():
            self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            key = entry["content"], entry["settings"]
            if entry["status"] == "done":
                self._outputs[key] = entry["output"]
        except (ValueError, TypeError, KeyError):
            return  # the half line of a writer that was killed

    def find(self, content: str, settings: str) -> Transcript | None:
        """Return the transcript of a file with this content and these settings, if it is there and whole."""
        output = self._outputs.get((content, settings))
        if output is None:
            return None
        try:
            return Transcript.from_json((self.path.parent / output).read_text(encoding="utf-8"))
        except (OSError, ValueError, RtMagicError):
            return None

    def add(self, path: Path, content: str | None, settings: str, result: Transcript | RtMagicError) -> None:
        """Write what became of a file, and its transcript if there is one; on the disk when this returns."""
        output = error = None
        if isinstance(result, Transcript):
            content = content or content_hash(path)  # it could be read after all
            output = self._write(path, content, settings, result)
            self._outputs[content, settings] = output
        else:
            error = f"{type(result).__name__}: {result}"
        self._append(
            {
                "path": str(path),
                "content": content,
                "settings": settings,
                "status": "failed" if output is None else "done",
                "error": error,
                "output": output,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )

    def _write(self, path: Path, content: str, settings: str, transcript: Transcript) -> str:
        self.folder.mkdir(exist_ok=True)
        target = self.folder / f"{path.stem[:100]}-{content[:8]}-{settings[:8]}.json"
        draft = target.with_suffix(".part")
        draft.write_text(transcript.to_json(), encoding="utf-8", errors="replace")
        draft.replace(target)
        return target.relative_to(self.path.parent).as_posix()

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode(errors="replace") + b"\n"
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _is_ours(written: bytes) -> bool:
    """Tell whether a file is a manifest, as a whole or in its beginning, or may become one."""
    if written.startswith(_BEGINNING) or _BEGINNING.startswith(written):
        return True
    try:  # as another tool writes the same lines
        entry = json.loads(written.splitlines()[0])
    except ValueError:
        return False
    return isinstance(entry, dict) and {"path", "content", "settings"} <= entry.keys()


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings, whatever their order."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
