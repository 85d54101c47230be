interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
  older: Entry<Key, Value> | undefined;
  newer: Entry<Key, Value> | undefined;
}

/**
 * A map with a maximum of entries, in the order in which they were set last: the oldest gives way to a new one. Each operation
 * costs the same, however full the map is and whatever was deleted. The first key of a plain `Map` is expensive to find where
 * many before it were deleted, because V8 steps over each place that one of them has left.
 */
export class BoundedMap<Key, Value> {
  readonly #maxEntries: number;
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  #oldest: Entry<Key, Value> | undefined;
  #newest: Entry<Key, Value> | undefined;

  /** @param maxEntries Maximum of entries; `Infinity` where something else bounds them. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The key that was set before all others. */
  get oldestKey(): Key | undefined {
    return this.#oldest?.key;
  }

  /** The value of {@link oldestKey}. */
  get oldest(): Value | undefined {
    return this.#oldest?.value;
  }

  /** The value of a key; it does not become newer by that. */
  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Whether there is an entry with this key. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Sets a value, which is the newest from now on. The oldest entry gives way where there are too many. */
  set(key: Key, value: Value): void {
    this.delete(key);
    const entry: Entry<Key, Value> = { key, value, older: this.#newest, newer: undefined };
    this.#entries.set(key, entry);
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    if (this.#entries.size > this.#maxEntries && this.#oldest !== undefined) this.delete(this.#oldest.key);
  }

  /** Takes out an entry; whether there was one. */
  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // V8 keeps what a dead old object refers to until its next great collection: in a chain, all that was set since.
    entry.newer = undefined;
    return true;
  }

  /** Takes out all. */
  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  /** The keys, oldest first. The entry that is at hand may be deleted meanwhile, no other one. */
  *keys(): Generator<Key, void, undefined> {
    for (const { key } of this.#all()) yield key;
  }

  /** The values, oldest first. The entry that is at hand may be deleted meanwhile, no other one. */
  *values(): Generator<Value, void, undefined> {
    for (const { value } of this.#all()) yield value;
  }

  *#all(): Generator<Entry<Key, Value>, void, undefined> {
    for (let entry = this.#oldest; entry !== undefined;) {
      const next = entry.newer;
      yield entry;
      entry = entry.newer ?? next;
    }
  }
}
