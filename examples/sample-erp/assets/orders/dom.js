// Small helpers of the order pages.

export { element, toast } from '/assets/erp.js';
import { element } from '/assets/erp.js';

/** Cents as `1,234.50`. */
export function money(cents) {
  const sign = cents < 0 ? '-' : '';
  const absolute = Math.abs(cents);
  const whole = String(Math.floor(absolute / 100)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return `${sign}${whole}.${String(absolute % 100).padStart(2, '0')}`;
}

/** `12`, `12.5` or `1,234.50` as cents; null if it is no amount. */
export function cents(text) {
  const match = /^(\d+)(?:\.(\d{1,2}))?$/.exec(text.trim().replaceAll(',', ''));
  return match ? Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')) : null;
}

export function chip(status) {
  return element('span', { class: 'chip', 'data-status': status }, status);
}

/** A labelled field with room for what is wrong with it. */
export function field(name, label, control) {
  control.id = `order-${name}`;
  return element('div', { class: 'field' },
    element('label', { for: control.id }, label),
    control.parentElement ?? control,
    element('span', { class: 'field-problem', 'data-for': name }));
}
