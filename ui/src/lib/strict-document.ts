/**
 * Does `work`, which writes style sheets into the page. The page's policy forbids those, as it forbids all that could come
 * from elsewhere; what is written becomes sheets that a script makes.
 */
export function withSheets(work: () => void): void {
  const { createElement } = document;
  document.createElement = ((tag: string) => (tag === "style" ? sheet() : createElement.call(document, tag))) as Document["createElement"];
  try {
    work();
  } finally {
    // The own property hid the document's usual one.
    Reflect.deleteProperty(document, "createElement");
  }
}

/** Stands where a <style> would: its text becomes a sheet of the document, for as long as it is there. */
function sheet(): HTMLElement {
  const element = Document.prototype.createElement.call(document, "span");
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (text: string) => sheet.replaceSync(text),
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

/** Sets the style attribute of spans property by property, which the policy allows; colours of terminals are written so. */
export function allowStyledSpans(): void {
  HTMLSpanElement.prototype.setAttribute = function (name: string, value: string) {
    if (name === "style") this.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(this, name, value);
  };
}
