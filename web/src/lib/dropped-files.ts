/** Files that were dropped or chosen, folders included, with their relative paths. */

export interface PathFile {
  file: File;
  /** With its folders, `handbook/leave.md`. */
  path: string;
}

const HIDDEN = /(?:^|\/)(?:\.|~\$|Thumbs\.db$|desktop\.ini$|__MACOSX\/)/;

/** Must be called while the drop event is handled: afterwards the items are gone. */
export async function filesOfDrop(transfer: DataTransfer): Promise<PathFile[]> {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry());
  const loose = items.map((item) => item.getAsFile());
  const found = await Promise.all(
    entries.map(async (entry, index) => {
      const file = loose[index];
      if (entry) return filesOfEntry(entry);
      return file ? [{ file, path: file.name }] : [];
    }),
  );
  return visible(found.flat());
}

export function filesOfInput(files: FileList): PathFile[] {
  return visible([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/** Without the files that operating systems leave in folders; a file chosen by itself is kept. */
export function visible(files: PathFile[]): PathFile[] {
  return files.filter(({ path }) => !path.includes('/') || !HIDDEN.test(path));
}

async function filesOfEntry(entry: FileSystemEntry): Promise<PathFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ file, path: entry.fullPath.replace(/^\//, '') || file.name }];
  }
  const found: PathFile[] = [];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives at most a hundred entries at a time, and an empty list at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!entries.length) return found;
    for (const child of entries) found.push(...(await filesOfEntry(child)));
  }
}
