// Leaves a mark, so that tests see that the page's own external script ran.
document.documentElement.dataset.external = 'ran';
