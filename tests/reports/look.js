// What the page draws, and what on it can't be reached, as the attribute data-said of the body.
const side = element => ["both", "differs", "source", "graph"].find(name => element.classList.contains(name));
const label = element => element.getAttribute("aria-label").replace(/: in [^:]*$/, "");
const middle = element => {
  const box = element.getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
};
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const picture = document.querySelector("figure svg");
const inPicture = selector => picture ? all(selector, picture) : [];
const reachable = all("a[href], [tabindex='0']");
const focused = reachable.map(element => {
  element.focus({ preventScroll: true });
  return { element, has: document.activeElement === element };
});
const outer = element => element.outerHTML.slice(0, 120);
const links = inPicture("a");
const box = picture && picture.getBoundingClientRect();
document.body.dataset.said = JSON.stringify({
  nodes: inPicture(".node").map(node => ({
    side: side(node), label: label(node), ...middle(node.querySelector(".shape")) })),
  curves: inPicture(".relationship").map(curve => ({ side: side(curve), label: label(curve) })),
  columns: inPicture(".column").map(column => ({ text: column.textContent, ...middle(column) })),
  texts: inPicture("text:not(.column)").map(text => text.textContent),
  links: links.length,
  showsFocus: [...document.styleSheets[0].cssRules].some(rule => rule.selectorText === ":focus-visible" && rule.style.outline.includes("solid")),
  deaf: focused.filter(found => !found.has).map(found => outer(found.element)),
  broken: all("a").filter(link => !document.getElementById(link.getAttribute("href").slice(1))).map(outer),
  unnamed: inPicture(".node, .relationship").filter(element => !element.getAttribute("aria-label")).map(outer),
  outside: inPicture(".shape, .curve").filter(element => {
    const own = element.getBoundingClientRect();
    return own.left < box.left || own.right > box.right || own.top < box.top || own.bottom > box.bottom;
  }).map(outer),
});
