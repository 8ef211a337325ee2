// The bank account dialog of a vendor: JSON instead of a form post.

import { send, toast } from '/assets/erp.js';

const table = document.getElementById('bank-accounts');
const dialog = document.getElementById('bank-account-dialog');
const form = document.getElementById('bank-account-form');
let editing = null;

function open(row) {
  editing = row;
  form.reset();
  showProblems([]);
  document.getElementById('bank-account-title').textContent =
    row ? `Bank account at ${row.dataset.bank}` : 'New bank account';
  if (row) {
    form.elements.bank.value = row.dataset.bank;
    form.elements.iban.value = row.querySelector('.iban').textContent;
    form.elements.bic.value = row.dataset.bic;
    form.elements.currency.value = row.dataset.currency;
    form.elements.primary.checked = row.dataset.primary === 'true';
  }
  dialog.showModal();
}

function showProblems(problems) {
  for (const place of form.querySelectorAll('[data-for]')) {
    const problem = problems.find((one) => one.field === place.dataset.for);
    place.textContent = problem ? problem.detail : '';
    form.elements[place.dataset.for]?.setAttribute('aria-invalid', String(Boolean(problem)));
  }
}

async function save(event) {
  event.preventDefault();
  const path = `/api/vendors/${table.dataset.vendor}/bank-accounts`;
  const data = {
    bank: form.elements.bank.value,
    iban: form.elements.iban.value,
    bic: form.elements.bic.value,
    currency: form.elements.currency.value,
    primary: form.elements.primary.checked,
  };
  const { ok, body } = editing
    ? await send('PUT', `${path}/${editing.dataset.account}`, data)
    : await send('POST', path, data);
  if (ok) {
    dialog.close();
    location.reload();
  } else if (body?.fields) {
    showProblems(body.fields);
  } else {
    toast(body?.detail ?? body?.error ?? 'The bank account was not saved.', { kind: 'problem' });
  }
}

if (table) {
  document.getElementById('add-bank-account').addEventListener('click', () => open(null));
  form.addEventListener('submit', save);
  table.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-act]');
    if (!button) return;
    const row = button.closest('tr');
    if (button.dataset.act === 'edit') {
      open(row);
    } else if (confirm(`Remove the account at ${row.dataset.bank}?`)) {
      const path = `/api/vendors/${table.dataset.vendor}/bank-accounts/${row.dataset.account}`;
      const { ok, body } = await send('DELETE', path);
      if (ok) row.remove();
      else toast(body?.detail ?? body?.error ?? 'The account was not removed.', { kind: 'problem' });
    }
  });
}
