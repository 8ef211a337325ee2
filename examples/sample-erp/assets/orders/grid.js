// The lines of an order: a grid whose cells are edited in place.

import * as api from './api.js';
import { cents, element, money } from './dom.js';
import { lookup } from './lookup.js';

export function grid(lines, { editable, currency, changed }) {
  const body = element('tbody', {});
  const total = element('td', { class: 'number', 'data-total': '' });
  const table = element('table', { role: 'grid', 'aria-label': 'Order lines' },
    element('thead', {}, element('tr', { role: 'row' },
      ...['Line', 'Item', 'Description', 'Quantity', 'Unit', 'Price', 'Amount', 'Actions'].map((title) =>
        element('th', { scope: 'col', role: 'columnheader', class: ['Quantity', 'Price', 'Amount'].includes(title) ? 'number' : null }, title)))),
    body,
    element('tfoot', {}, element('tr', {}, element('td', { colspan: '6' }, 'Total'), total, element('td', {}))));

  function sum() {
    const cents = lines.reduce((all, line) => all + line.quantity * line.price, 0);
    total.textContent = `${money(cents)} ${currency()}`;
    [...body.rows].forEach((row, place) => {
      const line = lines[place];
      if (line) row.querySelector('[data-amount]').textContent = money(line.quantity * line.price);
    });
  }

  /** A cell's text field; `take` answers whether the text is a value. */
  function cell(row, name, label, value, take) {
    const input = element('input', {
      'aria-label': `${label} of line ${row + 1}`,
      'data-cell': name,
      value,
      inputmode: name === 'quantity' ? 'numeric' : name === 'price' ? 'decimal' : null,
      disabled: !editable,
      autocomplete: 'off',
    });
    input.addEventListener('change', () => {
      const fits = take(input.value);
      input.setAttribute('aria-invalid', String(!fits));
      if (fits) {
        changed();
        sum();
      }
    });
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
      if (input.getAttribute('aria-expanded') === 'true' || name === 'item') return;
      const next = body.rows[row + (event.key === 'ArrowDown' ? 1 : -1)];
      next?.querySelector(`[data-cell="${name}"]`)?.focus();
    });
    return input;
  }

  function gridcell(kind, child) {
    return element('td', { role: 'gridcell', class: kind }, child);
  }

  function draw() {
    body.replaceChildren(...lines.map((line, row) => {
      const item = cell(row, 'item', 'Item', line.item, () => true);
      const lookedUp = editable
        ? lookup(item, {
          label: `Items for line ${row + 1}`,
          search: async (q) => (await api.items(q)).body,
          text: (one) => [`${one.id} ${one.name}`, money(one.price)],
          chosen: (one) => {
            Object.assign(line, { item: one.id, description: one.name, unit: one.unit, price: one.price });
            changed();
            draw();
            body.rows[row].querySelector('[data-cell="quantity"]').select();
          },
        })
        : item;
      return element('tr', { role: 'row', 'aria-rowindex': String(row + 2) },
        element('th', { scope: 'row', role: 'rowheader' }, String(row + 1)),
        gridcell('narrow', lookedUp),
        gridcell('wide', cell(row, 'description', 'Description', line.description, (text) => {
          line.description = text;
          return text.trim() !== '';
        })),
        gridcell('number narrow', cell(row, 'quantity', 'Quantity', String(line.quantity), (text) => {
          if (!/^\d{1,7}$/.test(text.trim()) || Number(text) === 0) return false;
          line.quantity = Number(text);
          return true;
        })),
        gridcell('', line.unit),
        gridcell('number narrow', cell(row, 'price', 'Price', money(line.price), (text) => {
          const value = cents(text);
          if (value === null) return false;
          line.price = value;
          return true;
        })),
        element('td', { role: 'gridcell', class: 'number', 'data-amount': '' }),
        gridcell('', element('button', {
          type: 'button',
          class: 'quiet',
          disabled: !editable,
          'aria-label': `Delete line ${row + 1}`,
          onclick: () => {
            lines.splice(row, 1);
            changed();
            draw();
          },
        }, 'Delete')));
    }));
    sum();
  }

  draw();
  return {
    table,
    sum,
    add() {
      lines.push({ item: '', description: '', quantity: 1, unit: 'Piece', price: 0 });
      changed();
      draw();
      body.rows[lines.length - 1].querySelector('[data-cell="item"]').focus();
    },
    showProblems(problems) {
      for (const { field } of problems) {
        const match = /^lines\.(\d+)\.(\w+)$/.exec(field);
        if (match) {
          body.rows[Number(match[1])]?.querySelector(`[data-cell="${match[2]}"]`)?.setAttribute('aria-invalid', 'true');
        }
      }
    },
  };
}
