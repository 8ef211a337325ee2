// The JSON side of orders.

import { send } from '/assets/erp.js';

export const me = () => send('GET', '/api/me');
export const list = (q, status) => send('GET', `/api/orders?${new URLSearchParams({ q, status })}`);
export const read = (id) => send('GET', `/api/orders/${encodeURIComponent(id)}`);
export const create = (order) => send('POST', '/api/orders', order);
export const save = (id, order) => send('PUT', `/api/orders/${encodeURIComponent(id)}`, order);
export const step = (id, name, version) => send('POST', `/api/orders/${encodeURIComponent(id)}/${name}`, { version });
export const vendors = (q) => send('GET', `/api/vendors?${new URLSearchParams({ q })}`);
export const items = (q) => send('GET', `/api/items?${new URLSearchParams({ q })}`);
