/** The microphone's part of the style; its variables are set in style.js. */
export const CONTROLS = `
.rt-microphone { display: flex; flex-direction: column; gap: 8px; padding: 4px 2px; }
.rt-controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.rt-destination { overflow-wrap: anywhere; }
.rt-notice { align-self: start; padding: 6px 10px; border: 1px solid var(--rt-line); border-inline-start: 4px solid var(--rt-accent); border-radius: 4px; }

.rt-button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5em;
  min-height: 40px; padding: 0 18px; margin: 0;
  border: 1px solid var(--rt-line); border-radius: 6px;
  background: var(--rt-ground); color: var(--rt-text);
  font: inherit; font-weight: 600; cursor: pointer;
}
.rt-button:hover:enabled { background: var(--rt-hover); }
.rt-button:focus-visible { outline: 3px solid var(--rt-focus); outline-offset: 2px; box-shadow: 0 0 0 2px var(--rt-ground); }
.rt-button:disabled { opacity: 0.55; cursor: default; }
.rt-primary { min-height: 48px; min-width: 116px; font-size: 1.2em; }
.rt-secondary { min-height: 48px; min-width: 116px; }
.rt-dismiss { min-height: 28px; padding: 0 10px; margin-inline-start: 6px; font-weight: 400; }
.rt-button[data-action="start"] { border-color: #5b9bd8; background: var(--rt-accent); color: #fff; }
.rt-button[data-action="start"]:hover:enabled { background: var(--rt-accent-hover); }
/* Signs drawn with borders: they survive forced colours and are no part of the button's name. */
.rt-button[data-action]::before { content: ""; box-sizing: border-box; width: 0.7em; height: 0.7em; border: 0.4em solid; }
.rt-button[data-action="start"]::before { border-radius: 50%; }
.rt-button[data-action="stop"]::before { border-radius: 1px; color: var(--rt-error); }
.rt-button[data-action="pause"]::before { border-width: 0 0.22em; }
.rt-button[data-label="Resume"]::before { border-radius: 0; border-width: 0.35em 0 0.35em 0.6em; border-color: transparent transparent transparent currentcolor; width: 0; height: 0; }

.rt-status { flex: 1 1 16em; min-height: 1.5em; color: var(--rt-text); font-variant-numeric: tabular-nums; }
.rt-status:has(.rt-status-text:not(:empty))::before {
  content: ""; display: inline-block; box-sizing: border-box; width: 0.7em; height: 0.7em; margin-inline-end: 0.5em;
  border: 2px solid var(--rt-quiet); border-radius: 50%;
}
.rt-magic:is([data-state="opening"], [data-state="connecting"], [data-state="reconnecting"], [data-state="draining"]) .rt-status::before { border-style: dotted; }
.rt-magic[data-state="listening"] .rt-status::before { border: 0.4em solid var(--rt-live); }
.rt-error {
  padding: 8px 12px; border: 1px solid var(--rt-error); border-inline-start-width: 4px; border-radius: 4px;
  color: var(--rt-text); overflow-wrap: anywhere; white-space: pre-line;
}
.rt-error::before { content: "!"; margin-inline-end: 0.6em; color: var(--rt-error); font-weight: 700; }
`;
