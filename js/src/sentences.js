/**
 * What the page knows when a microphone does not open.
 * @typedef {object} Surroundings
 * @property {string} origin address of the page
 * @property {boolean} secure the browser trusts the address with a microphone
 * @property {boolean} framed the page is shown in a frame that has no leave to use a microphone
 * @property {string} device id of the chosen microphone, "" for the browser's choice
 */

/**
 * Say what happened when a microphone did not open, and what to do.
 * @param {{ name: string, message: string }} error
 * @param {Surroundings} surroundings
 * @returns {{ name: string, message: string }}
 */
export function explain({ name, message }, { origin, secure, framed, device }) {
  return { name, message: sentence() };

  function sentence() {
    switch (name) {
      case "UnavailableError":
        return secure
          ? "This browser offers no microphone to web pages. Use a current Chromium, Firefox or Safari."
          : `The browser opens a microphone only for pages on https or on localhost, and this page is ${origin}. ` +
              "Open the notebook over https, or through a tunnel to localhost " +
              "(for example `ssh -L 8888:localhost:8888 HOST`, then http://localhost:8888), and run the cell again.";
      case "NotAllowedError":
        if (framed) {
          return (
            "This notebook is shown in a frame that may not use the microphone, as in VS Code. " +
            "Open the notebook in JupyterLab in a browser, or transcribe a file with `%transcribe --from FILE`."
          );
        }
        if (/system/i.test(message)) {
          return (
            "The operating system keeps the microphone from the browser. Allow it in the system's privacy settings, " +
            "then click Start again."
          );
        }
        return (
          "The browser was not allowed to use the microphone. Allow it for this page (the icon beside the address " +
          "opens the permissions), then click Start again."
        );
      case "NotFoundError":
        return "No microphone was found. Connect one, then click Start again.";
      case "OverconstrainedError":
        return (
          `The chosen microphone (${device}) is not connected. Connect it, or choose another one, ` +
          "then click Start again."
        );
      case "NotReadableError":
      case "AbortError":
        return (
          `The microphone cannot be read (${message || name}). Most often another program has taken it: ` +
          "close that program, then click Start again."
        );
      case "SecurityError":
        return "The browser's settings forbid microphones on this page. Allow them, then click Start again.";
      case "WorkletRefusedError":
        return (
          `The page refused the part that reads the microphone (${message}). Its content security policy must allow ` +
          "`blob:` in `script-src`: ask whoever runs this server, or open the notebook on another one."
        );
      case "SuspendedError":
        return "The browser keeps sound switched off until this page is clicked. Click Start.";
      default:
        return `The microphone could not be opened (${name}: ${message}). Reload the page, then click Start again.`;
    }
  }
}

/** The device went away as soon as it was opened. */
export const UNPLUGGED = {
  name: "NotReadableError",
  message: "The microphone was unplugged or taken away. Connect one, then click Start.",
};

/** @param {number} limit seconds of sound that the page keeps */
export const OUTBOX_FULL = (limit) => ({
  name: "OutboxFullError",
  message:
    `The kernel has taken no sound for ${Math.round(limit / 60)} minutes, so the microphone was closed. ` +
    "What was said until now waits in this page and goes on its way when the kernel answers; do not close the page.",
});

/** Failures that another page, on localhost, would not have. */
const ELSEWHERE = new Set(["UnavailableError", "NotAllowedError", "SecurityError", "WorkletRefusedError"]);

/** @param {{ name?: string } | null} problem whether a page of its own could do what this one may not */
export const helpsElsewhere = (problem) => ELSEWHERE.has(problem?.name ?? "");

/** Nobody is there to take what is said. */
export const GONE = {
  name: "KernelGoneError",
  message: "The kernel that this cell belongs to is gone. Run the cell again, then click Start.",
};

/** The same, where nothing was under way: no error, and nothing to start. */
export const LEFT = "the kernel of this cell is gone: run the cell again";
