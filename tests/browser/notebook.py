"""One notebook open in one page, in the words a user would use."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.server import JupyterServer

OPEN_SECONDS = 60

PANEL = "window.jupyterapp?.shell?.currentWidget"
KERNEL_IS_IDLE = f"{PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
NOTEBOOK_IS_SHOWN = f"{PANEL}?.content?.widgets?.length > 0 && {PANEL}.context.isReady"


class NotebookPage:
    """A notebook file, its kernel and the page that shows it."""

    def __init__(self, server: JupyterServer, context: BrowserContext, path: str, host: str) -> None:
        self.server = server
        self.path = path
        self.console_errors: list[str] = []
        self.page: Page
        self._context = context
        self._host = host
        self._workspace = secrets.token_hex(4)

    def open(self, *, kernel: bool = True) -> None:
        """Show the notebook in a new page and wait for its kernel; `kernel=False`: choose "No Kernel"."""
        self.page = self._context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("console", self._remember)
        self.page.goto(
            self.server.url(self.path, workspace=self._workspace, host=self._host), wait_until="domcontentloaded"
        )
        self._wait_until_shown(kernel)

    def reload(self) -> None:
        """Load the page again, as F5 does; the kernel lives on."""
        self.page.reload(wait_until="domcontentloaded")
        self._wait_until_shown(True)

    # What a user does

    def run_cell(self, index: int) -> None:
        """Run a cell and return at once; `wait_for_cell` waits for its end."""
        self.page.evaluate(
            f"""index => {{
                const notebook = {PANEL}.content;
                notebook.deselectAll();
                notebook.activeCellIndex = index;
                const runs = window.rtRuns ??= {{}};
                runs[index] = (runs[index] ?? 0) + 1;
                const ended = window.jupyterapp.commands.execute("notebook:run-cell");
                ended.finally(() => {{ runs[index] -= 1; }});
            }}""",
            index,
        )

    def wait_for_cell(self, index: int, timeout: float = 30) -> None:
        """Wait until every run of this cell has ended; `timeout` in seconds."""
        self.page.wait_for_function("index => window.rtRuns?.[index] === 0", arg=index, timeout=timeout * 1000)

    def run_cells(self, *indices: int) -> None:
        """Run cells one after another, waiting for each; without indices all of them."""
        for index in indices or range(self.page.evaluate(f"{PANEL}.content.widgets.length")):
            self.run_cell(index)
            self.wait_for_cell(index)

    def add_cell(self, source: str) -> int:
        """Add a code cell below the last one and return its index."""
        index: int = self.page.evaluate(
            f"""source => {{
                const shared = {PANEL}.content.model.sharedModel;
                shared.addCell({{ cell_type: "code", source, metadata: {{}} }});
                return shared.cells.length - 1;
            }}""",
            source,
        )
        return index

    def set_source(self, index: int, source: str) -> None:
        """Put other code into a cell."""
        self.page.evaluate(
            f"([index, source]) => {PANEL}.content.model.sharedModel.getCell(index).setSource(source)",
            [index, source],
        )

    def save(self) -> None:
        """Save the notebook, as Ctrl+S does."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    # What a user sees

    def cell(self, index: int) -> Locator:
        """Return the locator of a cell, input and output."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """Return the locator of a cell's output area."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def cell_output(self, index: int) -> str:
        """Return the text that is visible below a cell."""
        shown = self.cell(index).locator(".jp-OutputArea-output").all_inner_texts()
        return "\n".join(shown).strip()

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Return a cell's outputs as nbformat has them, unsaved changes included."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"index => {PANEL}.content.widgets[index].model.outputs.toJSON()", index
        )
        return found

    # What is behind it

    @property
    def file(self) -> Path:
        """The notebook's file on disk."""
        return self.server.work / self.path

    def saved_notebook(self) -> dict[str, Any]:
        """Return the content of the file as it is on disk; call `save` before."""
        content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return content

    @property
    def kernel_id(self) -> str:
        """The id of the notebook's kernel."""
        for session in self.server.request("GET", "sessions"):
            if session["path"] == self.path:
                return str(session["kernel"]["id"])
        raise LookupError(f"no kernel runs for {self.path}")

    def execute_in_kernel(self, code: str, *, timeout: float = 30, while_busy: bool = False) -> str:
        """Run code in the notebook's kernel without a cell; return printed text and the last expression's.

        It waits for a running cell unless `while_busy` (kernels with subshells only).
        """
        return self.server.execute(self.kernel_id, code, timeout=timeout, while_busy=while_busy)

    def interrupt_kernel(self) -> None:
        """Interrupt the kernel, as the stop button does."""
        self.server.request("POST", f"kernels/{self.kernel_id}/interrupt")

    def restart_kernel(self) -> None:
        """Restart the kernel and wait until it is idle."""
        self.page.evaluate(f"{PANEL}.sessionContext.session.kernel.restart()")
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=OPEN_SECONDS * 1000)

    def shutdown(self) -> None:
        """Shut the kernel down and close the page; the file stays."""
        if not self.page.is_closed():
            self.page.close(run_before_unload=False)
        for session in self.server.request("GET", "sessions"):
            if session["path"] == self.path:
                self.server.request("DELETE", f"sessions/{session['id']}")

    def _remember(self, message: Any) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def _wait_until_shown(self, kernel: bool) -> None:
        self.page.wait_for_function(NOTEBOOK_IS_SHOWN, timeout=OPEN_SECONDS * 1000)
        if kernel:
            try:
                self.page.wait_for_function(KERNEL_IS_IDLE, timeout=OPEN_SECONDS * 500)
            except PlaywrightTimeoutError:
                # An old kernel now and then misses the page's first question; a page loaded anew asks again.
                self.page.reload()
                self.page.wait_for_function(NOTEBOOK_IS_SHOWN, timeout=OPEN_SECONDS * 1000)
                self.page.wait_for_function(KERNEL_IS_IDLE, timeout=OPEN_SECONDS * 1000)
        else:
            dialog = self.page.locator(".jp-Dialog")
            dialog.get_by_role("button", name="No Kernel").click()
            dialog.wait_for(state="detached")
