/**
 * Whether a widget's kernel is gone (restarted, shut down, or never there, as in a saved notebook). ipywidgets keeps
 * that on its models and shows a module none of them but the layout, which shares its widget's fate.
 * @param {unknown} layout
 */
export const kernelGone = (layout) => /** @type {{ comm_live?: boolean } | undefined} */ (layout)?.comm_live === false;
