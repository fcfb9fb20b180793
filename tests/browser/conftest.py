"""One Chromium and one JupyterLab for all browser tests, a new notebook and kernel for each of them.

def test_words_appear(lab: Lab, microphone: WavMicrophone) -> None:
    microphone.play(PHRASES)
    notebook = lab.notebook(["%load_ext rt_magic", "%%transcribe"])
    notebook.run_cells()
    notebook.page.get_by_role("button", name="Start").click()
    expect(notebook.page.get_by_role("log")).to_contain_text("please call the office")
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Route, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.browser.bare_page import open_page  # noqa: F401  # a fixture
from tests.browser.microphone import WavMicrophone
from tests.browser.notebook import NotebookPage
from tests.browser.server import JupyterServer
from tests.older_kernels import ipykernel

RESULTS = Path(__file__).parents[2] / "test-results"
OPENED = pytest.StashKey[list[NotebookPage]]()

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = """\
No Chromium could be started, and without one these tests say nothing.
Debian or Ubuntu: apt-get install chromium; elsewhere: python -m playwright install chromium.
`python3 do.py test` does either by itself. What was tried:
{refusals}"""


class Lab:
    """The way to a notebook: a server, a browser, and the pages that one test opened."""

    def __init__(self, server: JupyterServer, browser: Browser, opened: list[NotebookPage]) -> None:
        self.server = server
        self.browser = browser
        self._opened = opened

    def notebook(
        self,
        cells: Sequence[str],
        *,
        name: str | None = None,
        kernel_name: str = "python3",
        microphone: bool = True,
        host: str = "127.0.0.1",
        policy: str | None = None,
    ) -> NotebookPage:
        """Make a notebook of these code cells, open it with a kernel of its own and wait until that is idle.

        `microphone=False` denies the page the microphone; `host="rtm.test"` is an address that the browser
        does not trust; `policy` is the Content-Security-Policy of the page.
        """
        document = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": kernel_name, "display_name": kernel_name, "language": "python"}},
        )
        path = f"{name or f'test-{len(list(self.server.work.iterdir()))}'}.ipynb"
        nbformat.write(document, self.server.work / path)
        return self._open(path, microphone=microphone, host=host, policy=policy)

    def open(self, source: Path, *, kernel: bool = True, microphone: bool = True) -> NotebookPage:
        """Open a copy of a notebook file with a new kernel; `kernel=False`: with none, as a reader would."""
        document = nbformat.read(source, as_version=4)
        if not kernel:
            # A kernel of an unknown name and language makes the page ask, and "No Kernel" is an answer.
            document.metadata.pop("language_info", None)
            document.metadata.kernelspec = {"name": "gone", "display_name": "gone", "language": "gone"}
        path = f"copy-{len(list(self.server.work.iterdir()))}-{source.name}"
        nbformat.write(document, self.server.work / path)
        return self._open(path, kernel=kernel, microphone=microphone)

    def second_page(self, notebook: NotebookPage) -> NotebookPage:
        """Open the same notebook, on the same kernel, in a second window."""
        return self._open(notebook.path)

    def _open(
        self,
        path: str,
        *,
        kernel: bool = True,
        microphone: bool = True,
        host: str = "127.0.0.1",
        policy: str | None = None,
    ) -> NotebookPage:
        context = self.browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-US")
        context.grant_permissions(["microphone"] if microphone else [])
        if policy is not None:

            def guarded(route: Route) -> None:
                answer = route.fetch()
                route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

            context.route("**/lab/workspaces/**", guarded)
        notebook = NotebookPage(self.server, context, path, host)
        self._opened.append(notebook)
        notebook.open(kernel=kernel)
        return notebook

    def close(self) -> None:
        """Shut every kernel down and close every page that the test opened."""
        for notebook in self._opened:
            notebook.shutdown()
            notebook.page.context.close()


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory) -> WavMicrophone:
    """The microphone of the session's browser."""
    return WavMicrophone(tmp_path_factory.mktemp("microphone") / "microphone.wav")


@pytest.fixture
def microphone(wav: WavMicrophone) -> Iterator[WavMicrophone]:
    """What the browser hears in this test: a quiet room until told otherwise."""
    wav.hush()
    yield wav
    wav.hush()


@pytest.fixture(scope="session")
def chromium(wav: WavMicrophone) -> Iterator[Browser]:
    """One headless Chromium whose microphone is the WAV file; fails, never skips, where there is none."""
    arguments = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={wav.path}%noloop",
        "--host-resolver-rules=MAP rtm.test 127.0.0.1",
        # A page whose answer a test has changed counts as one from elsewhere, which may not talk to this machine.
        "--disable-features=LocalNetworkAccessChecks",
    ]  # fmt: skip
    on_path = [found for found in map(shutil.which, CHROMIUM_NAMES) if found]
    refusals = []
    with sync_playwright() as playwright:
        for executable in (*on_path, None):
            own = None if executable else "chromium"  # else Playwright takes its headless shell
            try:
                browser = playwright.chromium.launch(executable_path=executable, channel=own, args=arguments)
            except PlaywrightError as error:
                refusals.append(f"{executable or 'Playwright'}: {error.message.splitlines()[0]}")
                continue
            yield browser
            browser.close()
            return
    pytest.fail(NO_BROWSER.format(refusals="\n".join(refusals)), pytrace=False)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One JupyterLab server with folders of its own."""
    server = JupyterServer.start("lab", tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def notebook7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One Notebook 7 server with folders of its own, started by the first test that asks for it."""
    server = JupyterServer.start("notebook", tmp_path_factory.mktemp("notebook"))
    yield server
    server.stop()


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_server: JupyterServer, chromium: Browser) -> Iterator[Lab]:
    """JupyterLab for one test."""
    lab = Lab(lab_server, chromium, request.node.stash.setdefault(OPENED, []))
    yield lab
    lab.close()


@pytest.fixture
def older(lab_server: JupyterServer) -> Callable[[str], str]:
    """Give JupyterLab a kernel of an older ipykernel; return the kernel's name."""

    def kernelspec(version: str) -> str:
        folder = lab_server.home / "data" / "kernels" / f"ipykernel-{version}"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec: dict[str, object] = {"argv": command, "display_name": version, "language": "python"}
        spec["env"] = {"PYTHONPATH": str(ipykernel(version))}
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        return folder.name

    return kernelspec


@pytest.fixture
def notebook7(request: pytest.FixtureRequest, notebook7_server: JupyterServer, chromium: Browser) -> Iterator[Lab]:
    """Notebook 7 for one test."""
    lab = Lab(notebook7_server, chromium, request.node.stash.setdefault(OPENED, []))
    yield lab
    lab.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture, the page's errors and the server's last words of a test that failed."""
    report = yield
    if report.failed and report.when == "call":
        folder = RESULTS / re.sub(r"[^\w.-]+", "_", item.nodeid.rpartition("/")[2])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        opened: list[NotebookPage] = item.stash.get(OPENED, [])
        for number, notebook in enumerate(opened):
            picture = folder / f"{number}.png"
            try:
                notebook.page.screenshot(path=picture, full_page=True, timeout=5_000)
                shutil.copy(notebook.file, folder)
            except (PlaywrightError, OSError) as error:
                notebook.console_errors.append(f"no picture: {error}")
            report.sections.append((f"page {notebook.path} ({os.fspath(picture)})",
                                    "\n".join(notebook.console_errors) or "no console errors"))  # fmt: skip
            report.sections.append(("server log", notebook.server.log()[-2000:]))
    return report
