import { describe, expect, it } from 'vitest';
import { filesOfDrop, visible } from './dropped-files';

function fileEntry(fullPath: string): FileSystemEntry {
  const file = new File(['x'], fullPath.split('/').at(-1) ?? '');
  return { isFile: true, fullPath, file: (done: (file: File) => void) => done(file) } as unknown as FileSystemEntry;
}

function folderEntry(children: FileSystemEntry[], batch: number): FileSystemEntry {
  return {
    isFile: false,
    createReader: () => {
      const left = [...children];
      return { readEntries: (done: (entries: FileSystemEntry[]) => void) => done(left.splice(0, batch)) };
    },
  } as unknown as FileSystemEntry;
}

function dropOf(entries: (FileSystemEntry | null)[]): DataTransfer {
  const items = entries.map((entry) => ({
    kind: 'file',
    webkitGetAsEntry: () => entry,
    getAsFile: () => new File(['x'], 'loose.md'),
  }));
  return { items: [...items, { kind: 'string' }] } as unknown as DataTransfer;
}

describe('dropped files', () => {
  it('come with their folders, however many a reader gives at a time', async () => {
    const names = Array.from({ length: 7 }, (_, number) => `/hr/leave/${number}.md`);
    const inner = folderEntry(names.map(fileEntry), 3);
    const found = await filesOfDrop(dropOf([folderEntry([inner, fileEntry('/hr/pay.pdf')], 1)]));
    expect(found.map(({ path }) => path)).toEqual([...names.map((name) => name.slice(1)), 'hr/pay.pdf']);
  });

  it('are taken as they are when the browser knows no entries', async () => {
    expect((await filesOfDrop(dropOf([null]))).map(({ path }) => path)).toEqual(['loose.md']);
  });

  it('leave behind what the operating system put into the folder', () => {
    const paths = ['a/.DS_Store', 'a/Thumbs.db', 'a/~$x.docx', 'a/.git/config', 'a/x.docx', '.env'];
    const files = paths.map((path) => ({ path, file: new File([], 'x') }));
    expect(visible(files).map(({ path }) => path)).toEqual(['a/x.docx', '.env']);
  });
});
