/** The microphone's part of the style; its variables are set in style.js. */
export const CONTROLS = `
.rt-microphone { display: flex; flex-direction: column; gap: 6px; padding: 4px 2px; }
.rt-controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; margin-top: 2px; }
.rt-destination { overflow-wrap: anywhere; color: var(--rt-quiet); }
.rt-notice { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; align-self: start; padding: 6px 10px; border: 1px solid var(--rt-line); border-inline-start: 4px solid var(--rt-accent); border-radius: 4px; }

.rt-button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5em;
  min-height: 40px; padding: 0 18px; margin: 0;
  border: 1px solid var(--rt-line); border-radius: 6px;
  background: var(--rt-ground); color: var(--rt-text);
  font: inherit; font-weight: 600; cursor: pointer;
}
.rt-button:hover:enabled { background: var(--rt-hover); }
.rt-microphone :is(button, a, select, input):focus-visible { outline: 3px solid var(--rt-focus); outline-offset: 2px; box-shadow: 0 0 0 2px var(--rt-ground); }
.rt-button:disabled { opacity: 0.55; cursor: default; }
/* The width of the longest name, so that nothing moves when it changes. */
.rt-primary { min-height: 48px; width: 122px; padding: 0; font-size: 1.2em; }
.rt-secondary { min-height: 48px; width: 116px; padding: 0; }
.rt-controls:not(.rt-alone) .rt-secondary[hidden] { display: inline-flex !important; visibility: hidden; }
.rt-dismiss, .rt-better-button { min-height: 30px; padding: 0 10px; font-weight: 400; }
.rt-button[data-action="start"] { border-color: #5b9bd8; background: var(--rt-accent); color: #fff; }
.rt-button[data-action="start"]:hover:enabled { background: var(--rt-accent-hover); }
/* Signs drawn with borders: they survive forced colours and are no part of the button's name. */
.rt-button[data-action]::before { content: ""; box-sizing: border-box; width: 0.7em; height: 0.7em; border: 0.4em solid; }
.rt-button[data-action="start"]::before { border-radius: 50%; }
.rt-button[data-action="stop"]::before { border-radius: 1px; color: var(--rt-error); }
.rt-button[data-action="pause"]::before { border-width: 0 0.22em; }
.rt-button[data-label="Resume"]::before { border-radius: 0; border-width: 0.35em 0 0.35em 0.6em; border-color: transparent transparent transparent currentcolor; width: 0; height: 0; }

.rt-gauge { display: flex; align-items: center; gap: 12px; font-variant-numeric: tabular-nums; }
.rt-elapsed { min-width: 3.1ch; font-size: 1.7em; line-height: 48px; text-align: end; }
.rt-gauge-side { display: flex; flex-direction: column; justify-content: center; gap: 3px; width: 180px; height: 48px; }
.rt-sent { height: 1.3em; color: var(--rt-quiet); font-size: 0.85em; line-height: 1.3; }
/* Thirty lamps: the colours stand still and a cover moves over them, so that only a transform changes. */
.rt-meter {
  position: relative; overflow: hidden; height: 12px; border-radius: 2px; forced-color-adjust: none;
  background: linear-gradient(to right, var(--rt-level) 0 70%, var(--rt-level-high) 70% 90%, var(--rt-level-over) 90%);
  mask: repeating-linear-gradient(to right, #000 0 4px, transparent 4px 6px);
}
.rt-meter-cover { position: absolute; inset: 0; background: var(--rt-unlit); will-change: transform; }

.rt-settings-button { min-height: 36px; max-width: min(21em, 100%); margin-inline-start: auto; padding: 0 12px; font-weight: 400; }
.rt-settings-button::after { content: ""; flex: none; width: 0.45em; height: 0.45em; margin-top: -0.25em; border: solid; border-width: 0 2px 2px 0; transform: rotate(45deg); }
.rt-settings-button[aria-expanded="true"]::after { margin-top: 0.2em; transform: rotate(225deg); }
.rt-device-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rt-settings { display: flex; flex-wrap: wrap; gap: 10px 28px; align-items: center; padding: 10px 12px; border: 1px solid var(--rt-line); border-radius: 6px; }
.rt-picker-label { display: inline-flex; align-items: center; gap: 10px; min-width: 0; max-width: 100%; }
.rt-picker {
  min-height: 32px; min-width: 0; max-width: 22em; padding: 0 6px; border: 1px solid var(--rt-line); border-radius: 4px;
  background: var(--rt-ground); color: var(--rt-text); font: inherit;
}
.rt-switches { display: flex; flex-wrap: wrap; gap: 6px 20px; }
.rt-switch-label { display: inline-flex; align-items: center; gap: 7px; min-height: 28px; cursor: pointer; }
.rt-switch { width: 16px; height: 16px; margin: 0; accent-color: var(--rt-accent); }
.rt-hint { flex-basis: 100%; color: var(--rt-quiet); font-size: 0.9em; }

.rt-status { min-height: 1.5em; width: 100%; color: var(--rt-text); font-variant-numeric: tabular-nums; }
.rt-status::before {
  content: ""; display: inline-block; box-sizing: border-box; width: 0.7em; height: 0.7em; margin-inline-end: 0.5em;
  border: 2px solid var(--rt-quiet); border-radius: 50%;
}
.rt-magic:is([data-state="opening"], [data-state="connecting"], [data-state="reconnecting"], [data-state="draining"]) .rt-status::before { border-style: dotted; }
.rt-magic[data-state="listening"] .rt-status::before { border: 0.4em solid var(--rt-live); }
/* The error stands in its place. */
.rt-magic[data-state="error"] .rt-status:not(:has(:not(:empty))) { min-height: 0; height: 0; margin-top: -6px; overflow: hidden; }
.rt-error {
  padding: 8px 12px; border: 1px solid var(--rt-error); border-inline-start-width: 4px; border-radius: 4px;
  color: var(--rt-text); overflow-wrap: anywhere; white-space: pre-line;
}
.rt-error::before { content: "!"; margin-inline-end: 0.6em; color: var(--rt-error); font-weight: 700; }
.rt-microphone a { color: var(--rt-link); text-decoration: underline; }
.rt-better { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; min-height: 30px; }
.rt-progress { width: 160px; height: 10px; accent-color: var(--rt-accent); }
`;
