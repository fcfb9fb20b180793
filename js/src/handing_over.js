/**
 * Put a text into the clipboard, also where the page is not trusted with it; false where even that is refused.
 * @param {string} text
 * @param {Document} page
 */
export async function copy(text, page) {
  try {
    await page.defaultView?.navigator.clipboard.writeText(text);
    return true;
  } catch {
    const put = (/** @type {ClipboardEvent} */ event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      event.clipboardData?.setData("text/plain", text);
    };
    page.addEventListener("copy", put, { capture: true, once: true });
    const done = page.execCommand("copy");
    page.removeEventListener("copy", put, { capture: true });
    return done;
  }
}

/**
 * Give a file to the reader, as a download.
 * @param {string} name
 * @param {string} type
 * @param {DataView} content
 * @param {Document} page
 */
export function download(name, type, content, page) {
  const url = URL.createObjectURL(new Blob([/** @type {DataView<ArrayBuffer>} */ (content)], { type }));
  const link = Object.assign(page.createElement("a"), { href: url, download: name, hidden: true });
  page.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
