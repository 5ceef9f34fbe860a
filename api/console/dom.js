// Small helpers for elements. Names and titles are the shop's data: they enter the page as text, never as markup.
export const $ = id => document.getElementById(id);

export function make(tag, { text, className, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

// A name in a direction of its own, so that a right-to-left title leaves its surroundings in order.
export const named = text => make('bdi', { text });

// Fills a list with its first lines; the button, if there are more, shows the others.
export function fill(list, lines, most, button, label, opened = () => {}) {
  list.replaceChildren(...lines);
  lines.slice(most).forEach(line => { line.hidden = true; });
  button.hidden = lines.length <= most;
  button.textContent = label(lines.length);
  button.onclick = () => {
    lines.forEach(line => { line.hidden = false; });
    button.hidden = true;
    opened();
    focusOn(lines[most]);
  };
}

export function focusOn(element) {
  element.tabIndex = -1;
  element.focus();
}
