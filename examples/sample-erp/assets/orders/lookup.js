// A combobox with a listbox, as the ARIA authoring practices describe it: type ahead by fetch, arrow keys,
// Enter and click choose, Escape closes and puts the last choice back.

import { element } from './dom.js';

let count = 0;

/**
 * @param input the text field
 * @param search async (text) => rows
 * @param text (row) => [left, right] what a row shows
 * @param chosen (row) => void
 */
export function lookup(input, { search, text, chosen, label }) {
  count += 1;
  const list = element('ul', { class: 'listbox', role: 'listbox', id: `listbox-${count}`, 'aria-label': label, hidden: true });
  const around = element('div', { class: 'combobox' }, input, list);
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-autocomplete', 'list');
  input.setAttribute('aria-expanded', 'false');
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('autocomplete', 'off');
  let rows = [];
  let active = -1;
  let timer = 0;
  let asked = 0;
  let settled = input.value;

  function mark(place) {
    active = place;
    [...list.children].forEach((option, index) => option.setAttribute('aria-selected', String(index === place)));
    const option = list.children[place];
    if (option) {
      input.setAttribute('aria-activedescendant', option.id);
      option.scrollIntoView({ block: 'nearest' });
    } else {
      input.removeAttribute('aria-activedescendant');
    }
  }

  // Fixed to the window, because the list would be cut off by a table that scrolls.
  function place() {
    const field = input.getBoundingClientRect();
    list.style.left = `${Math.min(field.left, Math.max(0, innerWidth - 270))}px`;
    list.style.top = `${field.bottom + 2}px`;
    list.style.width = `${Math.max(field.width, 260)}px`;
  }

  function close() {
    asked += 1;
    clearTimeout(timer);
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    mark(-1);
  }

  function choose(row) {
    close();
    chosen(row);
    settled = input.value;
  }

  async function open() {
    asked += 1;
    const mine = asked;
    const found = await search(input.value === settled ? '' : input.value);
    if (mine !== asked) return;
    rows = found;
    list.replaceChildren(...rows.map((row, index) => {
      const [left, right] = text(row);
      const option = element('li', { role: 'option', id: `${list.id}-${index}`, 'aria-selected': 'false' },
        element('span', {}, left), element('small', {}, right));
      // The field keeps the focus, so that leaving it still means leaving it.
      option.addEventListener('mousedown', (event) => event.preventDefault());
      option.addEventListener('click', () => choose(row));
      return option;
    }));
    list.hidden = rows.length === 0;
    place();
    input.setAttribute('aria-expanded', String(!list.hidden));
    mark(-1);
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(open, 150);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (list.hidden) open();
      else mark((active + (event.key === 'ArrowDown' ? 1 : rows.length - 1)) % rows.length);
    } else if (event.key === 'Enter' && active >= 0) {
      event.preventDefault();
      choose(rows[active]);
    } else if (event.key === 'Escape' && !list.hidden) {
      event.stopPropagation();
      input.value = settled;
      close();
    }
  });
  input.addEventListener('blur', () => {
    clearTimeout(timer);
    input.value = settled;
    close();
  });
  return around;
}
