import type { FileRow } from "./generated/desktop";

/** The path of an entry of a folder. */
export function joined(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** The folder that a folder is in. */
export function parent(folder: string): string {
  const at = folder.lastIndexOf("/");
  return at <= 0 ? "/" : folder.slice(0, at);
}

/** The folders on the way to one, with their names: `/`, `/etc`, … */
export function way(folder: string): { path: string; name: string }[] {
  const steps = [{ path: "/", name: "/" }];
  let path = "";
  for (const name of folder.split("/").filter(Boolean)) {
    path += `/${name}`;
    steps.push({ path, name });
  }
  return steps;
}

/** What is in a folder of a tree that is told as a whole, by paths from its root; folders have the sizes of all in them. */
export function inFolder(files: readonly FileRow[], folder: string): FileRow[] {
  const start = folder === "/" ? "" : `${folder.slice(1)}/`;
  const found = new Map<string, FileRow>();
  for (const row of files) {
    if (!row.name.startsWith(start)) continue;
    const rest = row.name.slice(start.length);
    const end = rest.indexOf("/");
    const name = end < 0 ? rest : rest.slice(0, end);
    if (name === "") continue;
    const known = found.get(name);
    if (end < 0) {
      // An archive may tell a file twice: the last one is what is there.
      const size = row.directory && known?.directory ? known.size : row.directory ? 0 : row.size;
      found.set(name, { ...row, name, size });
    } else if (known?.directory) {
      known.size += row.directory ? 0 : row.size;
    } else {
      found.set(name, { name, kind: "directory", directory: true, target: "", size: row.directory ? 0 : row.size, mode: 0o755, changed: 0 });
    }
  }
  return [...found.values()].sort((a, b) => Number(b.directory) - Number(a.directory) || (a.name < b.name ? -1 : 1));
}

/** Permission bits as `ls` writes them: `rw-r--r--`. */
export function permissions(mode: number): string {
  return [6, 3, 0]
    .map((shift) => {
      const bits = (mode >> shift) & 7;
      return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
    })
    .join("");
}
