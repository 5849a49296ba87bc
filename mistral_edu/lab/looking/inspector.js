// The page comes from Python, with all text escaped; here it is put in place, and what is clicked on is sent back.
function render({ model, el }) {
  // A sentence in the reader's language, or as it is here if it has no translation.
  const _ = (sentence) => model.get("words")[sentence] ?? sentence;

  el.classList.add("mistral-answer", "live");
  const page = document.createElement("div");
  const state = document.createElement("p");
  const stop = document.createElement("button");
  state.setAttribute("role", "status");
  stop.type = "button";
  stop.textContent = _("Stop");
  el.append(page, state, stop);

  const focused = () => el.getRootNode().activeElement;
  const number = () => page.firstElementChild?.dataset.answer;
  const radios = () => [...page.querySelectorAll("input")];
  const buttons = () => [...page.querySelectorAll("button")].filter((button) => button.offsetParent);

  // A new answer opens where Python says. One that has grown stays open where the reader was, and the focus stays.
  function draw() {
    const before = number(), place = radios().findIndex((radio) => radio.checked);
    const held = page.contains(focused()), button = buttons().indexOf(focused());
    page.innerHTML = model.get("page");
    const stays = before === number() && radios()[place];
    if (stays) stays.checked = true;
    if (held) ((stays && buttons()[button]) || page.querySelector("input:checked"))?.focus({ preventScroll: true });
  }

  function say() {
    state.textContent = model.get("state");
    if (!model.get("writing") && stop === focused()) page.querySelector("input:checked")?.focus();
    stop.hidden = !model.get("writing");
  }

  function click(event) {
    const button = event.target.closest("button");
    if (button) model.send({ ...button.dataset });
  }

  // Up and down go from one alternative, or one answer, to the next.
  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = buttons().indexOf(focused());
    if (!step || here < 0) return;
    event.preventDefault();
    buttons()[here + step]?.focus();
  }

  // Arrows, letters and Enter are no commands of the page's here. Notebook 7 looks for commands before anything on the
  // page hears of a key; where what has the focus has this attribute, it does not. With Ctrl or Shift they stay its.
  const claim = (event) => el.contains(event.target)
    && event.target.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey && !event.shiftKey);

  // The kernel has gone, and with it what could answer: the still page above comes back (see answer.css).
  const leave = () => el.classList.add("gone");

  stop.dataset.stop = "now";
  page.addEventListener("click", click);
  stop.addEventListener("click", click);
  page.addEventListener("keydown", move);
  window.addEventListener("keydown", claim, true);
  const heard = { "change:page": draw, "change:state": say, "change:writing": say, comm_live_update: leave };
  for (const [event, answer] of Object.entries(heard)) model.on(event, answer);
  draw();
  say();
  return () => {
    window.removeEventListener("keydown", claim, true);
    for (const [event, answer] of Object.entries(heard)) model.off(event, answer);
  };
}

export default { render };
