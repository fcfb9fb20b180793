/**
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").Patch} Patch
 * @typedef {import("./types.js").Snapshot} Snapshot
 * @typedef {{ upsert: Segment[], remove: string[] }} Changes `upsert` in the order of the lines
 */

/** Speakers with a colour of their own. */
const VOICES = 8;

/** The lines of a transcript, sorted by `at`; kept up to date by snapshots and patches. Pure. */
export class Lines {
  /** Of the last state that is known without a gap; -1 before the first snapshot. */
  revision = -1;
  /** All patches from `#since` to `#latest` have come; what lies between `revision` and them has not. */
  #since = 0;
  #latest = -1;
  /** @type {Map<string, { revision: number, segment: Segment | null }>} what those patches have changed, by line */
  #early = new Map();
  /** @type {Map<string, Segment & { n: number }>} `n` keeps the order of arrival among equal `at` */
  #known = new Map();
  /** @type {(Segment & { n: number })[]} */
  #sorted = [];
  #n = 0;
  /** @type {Map<string, number>} */
  #voices = new Map();

  /** A revision is missing: a snapshot is needed. */
  get missing() {
    return this.revision < 0 || this.#latest > this.revision;
  }

  /** A line. @param {string} sid @returns {Segment | undefined} */
  get(sid) {
    return this.#known.get(sid);
  }

  /**
   * The number of a speaker, from 0, in the order in which they were first heard; 0 for nobody.
   * @param {string | null} speaker
   */
  voice(speaker) {
    if (!speaker) return 0;
    const voice = this.#voices.get(speaker) ?? this.#voices.size;
    this.#voices.set(speaker, voice);
    return voice % VOICES;
  }

  /** All lines, in order. @returns {Segment[]} */
  get all() {
    return this.#sorted;
  }

  /**
   * Take over a whole transcript. An older one than the known is passed over, unless it is another transcript's.
   * @param {Partial<Snapshot>} snapshot
   * @returns {Changes}
   */
  snapshot({ revision, segments, reset = false }) {
    if (revision === undefined || !segments || (!reset && revision < this.revision)) return { upsert: [], remove: [] };
    if (reset) {
      this.#early.clear();
      this.#voices.clear();
    }
    const early = [...this.#early].filter(([, change]) => change.revision > revision);
    const segmentsNow = new Map(segments.map((segment) => [segment.sid, segment]));
    for (const [sid, { segment }] of early) {
      if (segment) segmentsNow.set(sid, segment);
      else segmentsNow.delete(sid);
    }
    const gone = [...this.#known.keys()].filter((sid) => !segmentsNow.has(sid));
    const closed = reset || this.#since <= revision + 1;
    this.revision = closed && !reset ? Math.max(revision, this.#latest) : revision;
    if (closed) {
      this.#latest = this.revision;
      this.#early.clear();
    }
    return this.#apply([...segmentsNow.values()], gone);
  }

  /**
   * Take over what has changed; what is known already is passed over. After a gap the lines are taken over as
   * well, since each is whole, and `missing` is true until a snapshot has closed it.
   * @param {Patch} patch
   * @returns {Changes}
   */
  patch({ revision, upsert, remove }) {
    if (revision <= Math.max(this.revision, this.#latest)) return { upsert: [], remove: [] };
    if (!this.missing && revision === this.revision + 1) this.revision = revision;
    else {
      if (!this.missing || revision !== this.#latest + 1) this.#since = revision;
      for (const sid of remove) this.#early.set(sid, { revision, segment: null });
      for (const segment of upsert) this.#early.set(segment.sid, { revision, segment });
    }
    this.#latest = revision;
    return this.#apply(upsert, remove);
  }

  /**
   * The line after a known one.
   * @param {string} sid
   */
  next(sid) {
    const segment = this.#known.get(sid);
    return segment && this.#sorted[this.#index(segment) + 1];
  }

  /** @param {Segment[]} upsert @param {string[]} remove @returns {Changes} */
  #apply(upsert, remove) {
    const removed = remove.filter((sid) => {
      const segment = this.#known.get(sid);
      if (segment) this.#take(segment);
      return this.#known.delete(sid);
    });
    /** @type {Set<string>} */
    const changed = new Set();
    for (const segment of upsert) {
      const known = this.#known.get(segment.sid);
      if (known && same(known, segment)) continue;
      if (known) this.#take(known);
      const line = { ...segment, n: known?.n ?? this.#n++ };
      this.#known.set(line.sid, line);
      this.#sorted.splice(this.#index(line), 0, line);
      this.voice(line.speaker); // in the order of arrival, whatever is drawn first
      changed.add(line.sid);
    }
    return { upsert: this.#inOrder(changed), remove: removed };
  }

  /** @param {Set<string>} sids */
  #inOrder(sids) {
    return [...sids].flatMap((sid) => this.#known.get(sid) ?? []).sort(before);
  }

  /** @param {Segment & { n: number }} line */
  #take(line) {
    this.#sorted.splice(this.#index(line), 1);
  }

  /** Where a line is, or would be. @param {Segment & { n: number }} line */
  #index(line) {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(/** @type {any} */ (this.#sorted[middle]), line) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** @param {{ at: number, n: number }} a @param {{ at: number, n: number }} b */
const before = (a, b) => a.at - b.at || a.n - b.n;

/** @param {Segment} a @param {Segment} b */
function same(a, b) {
  return /** @type {(keyof Segment)[]} */ (Object.keys(b)).every((key) => a[key] === b[key]);
}
