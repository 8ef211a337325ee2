// The list of orders. A double click or Enter opens a row.

import * as api from './api.js';
import { chip, element, money } from './dom.js';

const STATUSES = ['', 'Draft', 'In review', 'Approved', 'Received', 'Cancelled'];

export async function showList(place, go) {
  const given = new URLSearchParams(location.search);
  const search = element('input', {
    type: 'search', name: 'q', placeholder: 'Number or vendor', value: given.get('q') ?? '', autocomplete: 'off',
  });
  const status = element('select', { name: 'status' },
    ...STATUSES.map((one) => element('option', { value: one, selected: one === given.get('status') }, one || 'All')));
  const body = element('tbody', {});
  const caption = element('caption', {});
  place.replaceChildren(
    element('div', { class: 'heading' },
      element('h1', {}, 'Purchase orders'),
      element('a', { class: 'button primary', href: '/orders/new' }, 'New order')),
    element('form', { class: 'filter', role: 'search', 'aria-label': 'Find orders', onsubmit: (event) => event.preventDefault() },
      element('label', {}, 'Search', search),
      element('label', {}, 'Status', status)),
    element('section', { class: 'card', 'aria-label': 'Orders' },
      element('div', { class: 'table-wrap' },
        element('table', {}, caption,
          element('thead', {}, element('tr', {},
            ...['Order', 'Vendor', 'Buyer', 'Delivery', 'Lines', 'Total', 'Status'].map((title) =>
              element('th', { scope: 'col', class: ['Lines', 'Total'].includes(title) ? 'number' : null }, title)))),
          body))));

  let asked = 0;
  async function fill() {
    asked += 1;
    const mine = asked;
    const { body: rows } = await api.list(search.value, status.value);
    // An answer that a later question has overtaken is not shown.
    if (mine !== asked) return;
    caption.textContent = `${rows.length} orders`;
    body.replaceChildren(...rows.map((order) => element('tr', {
      tabindex: '0',
      'data-order': order.id,
      ondblclick: () => go(`/orders/${order.id}`),
      onkeydown: (event) => {
        if (event.key === 'Enter' && event.target === event.currentTarget) go(`/orders/${order.id}`);
      },
    },
    element('th', { scope: 'row' }, element('a', { href: `/orders/${order.id}` }, order.id)),
    element('td', {}, order.vendor_name),
    element('td', {}, order.buyer),
    element('td', { class: 'date' }, order.delivery_date, ' ', order.late ? chip('Late') : ''),
    element('td', { class: 'number' }, String(order.lines)),
    element('td', { class: 'number' }, `${money(order.total)} ${order.currency}`),
    element('td', {}, chip(order.status)))));
  }

  let timer = 0;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(fill, 200);
  });
  status.addEventListener('change', () => {
    history.replaceState(null, '', `/orders?${new URLSearchParams({ q: search.value, status: status.value })}`);
    fill();
  });
  await fill();
  return () => clearTimeout(timer);
}
