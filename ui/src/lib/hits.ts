/** Shows the hit at `index` among the marks in `view` and sets it apart from the others. */
export function showHit(view: HTMLElement | undefined, index: number): void {
  view?.querySelectorAll("mark").forEach((mark, at) => {
    mark.toggleAttribute("data-current", at === index);
    if (at === index) mark.scrollIntoView({ block: "center" });
  });
}
