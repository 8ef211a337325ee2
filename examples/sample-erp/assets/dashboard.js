// Two event streams: the clock and the numbers.

const clock = document.getElementById('clock');
const clockStream = new EventSource('/events?stream=clock');
clockStream.addEventListener('clock', (event) => {
  const { now } = JSON.parse(event.data);
  clock.dateTime = now;
  clock.textContent = `${now.slice(0, 19).replace('T', ' ')} UTC`;
});

const queueStream = new EventSource('/events?stream=queue');
queueStream.addEventListener('queue', (event) => {
  for (const [name, number] of Object.entries(JSON.parse(event.data))) {
    const tile = document.querySelector(`[data-tile="${name}"]`);
    if (tile) tile.textContent = String(number);
  }
});

addEventListener('pagehide', () => {
  clockStream.close();
  queueStream.close();
});
