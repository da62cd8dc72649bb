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

/** Permission bits as `ls` writes them: `rw-r--r--`. */
export function permissions(mode: number): string {
  return [6, 3, 0]
    .map((shift) => {
      const bits = (mode >> shift) & 7;
      return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
    })
    .join("");
}
