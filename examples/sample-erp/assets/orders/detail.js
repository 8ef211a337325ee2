// One order: head fields, lines, and the steps it can take.

import { listen, tell } from '/assets/erp.js';
import * as api from './api.js';
import { chip, element, field, toast } from './dom.js';
import { grid } from './grid.js';
import { lookup } from './lookup.js';

const STEPS = [
  ['submit', 'Send to review', ['Draft']],
  ['approve', 'Approve', ['Draft', 'In review']],
  ['cancel', 'Cancel order', ['Draft', 'In review', 'Approved']],
];

export async function showDetail(place, go, id) {
  const { body: me } = await api.me();
  let order;
  if (id === 'new') {
    order = {
      id: null, vendor: '', vendor_name: '', status: 'Draft', delivery_date: me.preset_delivery,
      currency: me.currencies[0], note: '', buyer: me.account, lines: [], version: 0, editable: true,
    };
  } else {
    const { ok, body } = await api.read(id);
    if (!ok) {
      place.replaceChildren(element('h1', {}, 'Not found'), element('p', {}, `There is no order ${id}.`));
      return () => {};
    }
    order = body;
  }
  const presence = element('p', { class: 'presence', 'aria-live': 'polite' });
  const stop = listen((message) => {
    if (message.type !== 'presence' || message.order !== order.id) return;
    const others = message.users.filter((name) => name !== me.name);
    presence.textContent = others.length ? `Also open at: ${others.join(', ')}` : '';
  });
  if (order.id) tell({ type: 'presence', order: order.id });
  draw();
  return () => {
    stop();
    tell({ type: 'leave' });
  };

  function draw() {
    const title = order.id ? `Purchase order ${order.id}` : 'New purchase order';
    const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
    const saved = element('span', { class: 'hint', 'aria-live': 'polite' });
    const edit = structuredClone(order);
    const changed = () => {
      saved.textContent = 'Not saved yet';
    };

    const vendor = element('input', { name: 'vendor', value: order.vendor ? `${order.vendor} ${order.vendor_name}` : '', disabled: !order.editable });
    lookup(vendor, {
      label: 'Vendors',
      search: async (q) => (await api.vendors(q)).body,
      text: (row) => [`${row.id} ${row.name}`, row.city],
      chosen: (row) => {
        edit.vendor = row.id;
        edit.currency = row.currency;
        vendor.value = `${row.id} ${row.name}`;
        currency.value = row.currency;
        lines.sum();
        changed();
      },
    });
    const date = element('input', { type: 'date', name: 'delivery_date', value: order.delivery_date, disabled: !order.editable });
    date.addEventListener('change', () => {
      edit.delivery_date = date.value;
      changed();
    });
    const currency = element('select', { name: 'currency', disabled: !order.editable },
      ...me.currencies.map((one) => element('option', { value: one, selected: one === order.currency }, one)));
    currency.addEventListener('change', () => {
      edit.currency = currency.value;
      lines.sum();
      changed();
    });
    const note = element('textarea', { name: 'note', rows: '2', disabled: !order.editable }, order.note);
    note.addEventListener('change', () => {
      edit.note = note.value;
      changed();
    });
    const lines = grid(edit.lines, { editable: order.editable, currency: () => edit.currency, changed });

    const form = element('form', { 'aria-label': title, novalidate: true, onsubmit: save },
      element('div', { class: 'fields' },
        field('vendor', 'Vendor', vendor),
        field('delivery_date', 'Delivery date', date),
        field('currency', 'Currency', currency),
        field('note', 'Note', note)),
      element('h2', {}, 'Lines'),
      element('div', { class: 'table-wrap' }, lines.table),
      element('div', { class: 'actions' },
        element('button', { type: 'button', disabled: !order.editable, onclick: () => lines.add() }, 'Add line'),
        element('button', { type: 'submit', class: 'primary', disabled: !order.editable }, 'Save'),
        saved));
    const steps = order.id
      ? STEPS.filter(([, , from]) => from.includes(order.status)).map(([name, label]) =>
        element('button', {
          type: 'button',
          class: name === 'approve' ? 'primary' : null,
          onclick: () => {
            if (name !== 'cancel' || confirm(`Cancel ${order.id}?`)) take(name);
          },
        }, label))
      : [];

    place.replaceChildren(
      element('p', { class: 'crumbs' }, element('a', { href: '/orders' }, 'Purchase orders'), ` / ${order.id ?? 'New'}`),
      element('div', { class: 'heading' },
        element('h1', {}, title, ' ', chip(order.status)),
        element('div', { class: 'actions' }, ...steps)),
      presence,
      problem,
      element('section', { class: 'card', 'aria-label': title }, form),
      order.id
        ? element('p', { class: 'hint' }, `Buyer ${order.buyer} · last changed by ${order.changed_by} on ${order.changed_at.slice(0, 16).replace('T', ' ')} UTC · version ${order.version}`)
        : '');

    function refuse(answer) {
      problem.hidden = false;
      problem.textContent = answer.body?.detail ?? answer.body?.error ?? `The server answered ${answer.status}.`;
      const fields = answer.body?.fields ?? [];
      for (const spot of form.querySelectorAll('[data-for]')) {
        spot.textContent = fields.find((one) => one.field === spot.dataset.for)?.detail ?? '';
      }
      lines.showProblems(fields);
      if (answer.status === 409) {
        problem.append(' ', element('button', { type: 'button', onclick: reload }, 'Load the newer version'));
      }
    }

    async function reload() {
      const { ok, body } = await api.read(order.id);
      if (!ok) return;
      order = body;
      draw();
    }

    async function save(event) {
      event.preventDefault();
      const data = {
        version: order.version, vendor: edit.vendor, delivery_date: edit.delivery_date,
        currency: edit.currency, note: edit.note, lines: edit.lines,
      };
      const answer = order.id ? await api.save(order.id, data) : await api.create(data);
      if (!answer.ok) {
        refuse(answer);
        return;
      }
      toast(`${answer.body.id} was saved.`);
      if (order.id) {
        order = answer.body;
        draw();
      } else {
        go(`/orders/${answer.body.id}`);
      }
    }

    async function take(name) {
      const answer = await api.step(order.id, name, order.version);
      if (!answer.ok) {
        refuse(answer);
        return;
      }
      order = answer.body;
      toast(`${order.id} is now ${order.status}.`);
      draw();
    }
  }
}
