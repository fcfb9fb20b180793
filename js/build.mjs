// Bundles src/ into the package: three modules, readable, each marked with a hash of the sources it was made from.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = (name = "") => fileURLToPath(new URL(`src/${name}`, import.meta.url));

const hash = createHash("sha256");
for (const name of readdirSync(source()).sort()) hash.update(readFileSync(source(name)));
const banner = `// Generated from js/src (sha256 ${hash.digest("hex")}); edit there, then: npm --prefix js run build`;

/** @type {import("esbuild").BuildOptions} */
const common = { bundle: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none" };

// The widget's own module is loaded from a blob, so no relative address leads to a second file: the worklet
// travels inside the bundle, as text.
const worklet = await build({ ...common, entryPoints: [source("worklet.js")], write: false });
/** @type {import("esbuild").Plugin} */
const workletText = {
  name: "worklet-text",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^worklet:/ }, ({ path }) => ({ path, namespace: "worklet" }));
    onLoad({ filter: /.*/, namespace: "worklet" }, () => ({ contents: worklet.outputFiles[0].text, loader: "text" }));
  },
};

await build({
  ...common,
  entryPoints: [source("microphone.js"), source("transcript_view.js"), source("capture_page.js")],
  outdir: fileURLToPath(new URL("../rt_magic/widgets/static", import.meta.url)),
  banner: { js: banner },
  plugins: [workletText],
});
