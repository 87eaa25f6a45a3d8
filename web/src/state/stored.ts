/** Values kept in the browser. Storage may be switched off or full: then nothing is kept, and nothing breaks. */

export function readStored(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

export function writeStored(storage: () => Storage, key: string, value: string): void {
  try {
    storage().setItem(key, value);
  } catch {
    // Kept for this page only.
  }
}
