// One slide at a time: keys, clicks and swipes move, the address keeps the place. Everything else is in the page.
const root = document.documentElement, slides = [...document.querySelectorAll('.slide')];
let now = 0, speaker = null;
root.classList.add('js');

function show(n) {
  slides[now].classList.remove('now');
  now = Math.max(0, Math.min(slides.length - 1, n));
  slides[now].classList.add('now');
  slides[now].focus({preventScroll: true});             // a screen reader reads it, and Tab goes to its links
  history.replaceState(null, '', '#' + (now + 1));
  tell();
}

// The speaker's window: what the page says on this slide, and what is next.
function tell() {
  if (!speaker || speaker.closed) return;
  const next = slides[now + 1]?.querySelector('h1, h2').textContent ?? 'the end';
  speaker.document.title = 'Notes: ' + document.title;
  speaker.document.body.innerHTML = `<p>${now + 1} of ${slides.length}. Next: <b></b></p><hr>`
    + (slides[now].querySelector('.notes')?.innerHTML ?? '<p>No notes.</p>');
  speaker.document.querySelector('b').textContent = next;
}

function openNotes() {
  speaker = window.open('', 'notes', 'width=720,height=800');
  if (!speaker) return;
  speaker.document.head.innerHTML = '<style>body { font: 20px/1.5 system-ui, sans-serif; margin: 1em; color-scheme: '
    + 'light dark; background: Canvas; color: CanvasText } pre { white-space: pre-wrap }</style>';
  speaker.onkeydown = event => { if (!event.ctrlKey && !event.metaKey && !event.altKey) press(event); };
  tell();
}

const keys = {
  ArrowRight: () => show(now + 1), ArrowDown: () => show(now + 1), PageDown: () => show(now + 1),
  ' ': event => show(now + (event.shiftKey ? -1 : 1)), ArrowLeft: () => show(now - 1), ArrowUp: () => show(now - 1),
  PageUp: () => show(now - 1), Home: () => show(0), End: () => show(slides.length - 1),
  f: () => document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen(),
  b: () => root.classList.toggle('black'), '.': () => root.classList.toggle('black'),
  d: () => root.classList.toggle('dark'), n: openNotes,
};
function press(event) {
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key](event);
}
addEventListener('keydown', event => { if (!event.ctrlKey && !event.metaKey && !event.altKey) press(event); });

// A click in the left quarter goes back, any other goes on; on a link, or when text was marked, it does neither.
document.querySelector('main').addEventListener('click', event => {
  if (event.target.closest('a') || String(getSelection())) return;
  show(now + (event.clientX < innerWidth / 4 ? -1 : 1));
});
let from = null;
addEventListener('touchstart', event => { from = event.touches.length === 1 ? event.touches[0].clientX : null; });
addEventListener('touchend', event => {
  const way = from === null ? 0 : event.changedTouches[0].clientX - from;
  if (Math.abs(way) > 50) { event.preventDefault(); show(now + (way < 0 ? 1 : -1)); }
}, {passive: false});

addEventListener('hashchange', () => show(Number(location.hash.slice(1)) - 1 || 0));
const scale = () => root.style.setProperty('--scale', Math.min(root.clientWidth / 1280, root.clientHeight / 720));
addEventListener('resize', scale);

// Lines of code that are too long are made narrower, by up to a quarter, and then smaller; so is a formula that is too
// wide, and a slide that is still too full, which the estimates behind the deck are meant to prevent.
for (const pre of document.querySelectorAll('pre')) {
  const size = parseFloat(getComputedStyle(pre).fontSize), wide = pre.scrollWidth / pre.clientWidth;
  if (wide > 4 / 3) pre.style.fontSize = size * 4 / 3 / wide + 'px';
  if (wide > 1) {
    pre.style.width = 100 * Math.min(wide, 4 / 3) + '%';
    pre.style.transform = `scaleX(${1 / Math.min(wide, 4 / 3)})`;
  }
}
for (const part of document.querySelectorAll('.formula, .table'))
  if (part.scrollWidth > part.clientWidth) part.style.zoom = 0.99 * part.clientWidth / part.scrollWidth;
for (const body of document.querySelectorAll('.body'))
  for (let zoom = 0.95; body.scrollHeight > body.clientHeight && zoom > 0.6; zoom -= 0.05) body.style.zoom = zoom;

if (matchMedia('(prefers-color-scheme: dark)').matches) root.classList.add('dark');
addEventListener('beforeprint', () => root.classList.remove('dark', 'black'));
scale();
show(Number(location.hash.slice(1)) - 1 || 0);
