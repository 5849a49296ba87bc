// The chat panel in the page. Python keeps the conversation and says what is the case; this file draws it, and reports
// what was pressed. The only HTML that is put in as it is comes from drawing.py, which makes it harmless.

const skeleton = (_) => `
  <div class="log" role="log" aria-label="${_("Conversation")}" aria-live="off" tabindex="0"></div>
  <div class="unseen" aria-live="polite"></div>
  <div class="meter">
    <div class="bar" role="meter" aria-label="${_("Context used")}" aria-valuemin="0">
      <i class="used"></i><i class="seen"></i></div>
    <p class="words"></p><p class="speed"></p>
  </div>
  <p class="status" role="status"></p>
  <p class="editing" hidden><span></span> <button type="button" data-cancel>${_("Cancel the edit")}</button></p>
  <form class="writing">
    <textarea rows="2" aria-label="${_("Message")}"
      placeholder="${_("Write a message. Enter sends it, Shift+Enter begins a new line.")}"></textarea>
    <button type="submit" class="main">${_("Send")}</button>
  </form>
  <div class="acts" role="group" aria-label="${_("Conversation as a whole")}">
    <button type="button" data-do="regenerate">${_("Regenerate")}</button>
    <button type="button" data-do="clear">${_("Clear")}</button>
    <button type="button" data-do="undo" hidden></button>
    <button type="button" data-do="resume" hidden></button>
    <button type="button" data-do="export" data-with="cell">${_("Export as a cell")}</button>
    <button type="button" data-do="export" data-with="json">${_("Export as JSON")}</button>
  </div>
  <div class="exported" hidden>
    <textarea readonly rows="6" aria-label="${_("Code of a cell with this conversation")}"></textarea>
    <button type="button" data-copy>${_("Copy")}</button> <button type="button" data-close>${_("Close")}</button>
  </div>
  <details class="settings"><summary>${_("Settings")}</summary>
    <form class="model"><fieldset><legend>${_("Model")}</legend>
      <label>${_("Name or folder")} <input name="model" size="26" spellcheck="false"></label><datalist></datalist>
      <label>${_("Weights")} <select name="bits"><option value="">${_("as stored")}</option>
        <option value="8">${_("8 bit")}</option>
        <option value="4">${_("4 bit")}</option></select></label>
      <label>${_("Window: a number, none, or config (as published)")}
        <input name="window" size="8" spellcheck="false"></label>
      <button type="submit">${_("Load")}</button>
    </fieldset></form>
    <fieldset class="answers"><legend>${_("Answers")}</legend>
      <label>${_("Temperature")} <input name="temperature" type="number" min="0" step="0.1"></label>
      <label>${_("Top-p")} <input name="top_p" type="number" min="0" max="1" step="0.05"></label>
      <label>${_("Seed")} <input name="seed" type="number" step="1"></label>
      <label>${_("Max tokens")} <input name="max_tokens" type="number" min="1" step="1"></label>
      <p>${_("Regenerate draws its answer with the next seed; further questions keep to the one set here.")}
        ${_("The line below the bar says which seed the last answer was drawn with.")}</p>
      <label class="wide">${_("System prompt")} <textarea name="system" rows="2"></textarea></label>
    </fieldset>
  </details>`;

const WIDGET = "application/vnd.jupyter.widget-view+json";

function render({ model, el }) {
  // A sentence in the reader's language, with {name} replaced by values.name; as it is here if it has no translation.
  const _ = (sentence, values = {}) =>
    (model.get("words")[sentence] ?? sentence).replace(/{(\w+)}/g, (all, name) => values[name] ?? all);

  const panel = document.createElement("section");
  panel.className = "mistral-chat";
  panel.setAttribute("aria-label", _("Chat"));
  panel.innerHTML = skeleton(_);
  el.append(panel);
  const find = (selector) => panel.querySelector(selector);
  const log = find(".log"), field = find(".writing textarea"), status = find(".status");
  find("datalist").id = `mistral-models-${Math.random().toString(36).slice(2)}`;      // a page may have two panels
  find("[name=model]").setAttribute("list", find("datalist").id);
  let editing = null, kept = "", waiting = false;         // the turn in the field; what stood there; sent, not taken

  const report = (act, ...args) => model.send({ do: act, with: args });
  const say = (words) => { status.textContent = words; };

  // --- drawing: one function for each part of the state

  function drawBubbles() {
    const bubbles = model.get("bubbles"), atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    bubbles.forEach((bubble, n) => {
      const key = JSON.stringify(bubble), there = log.children[n];
      if (there?.dataset.key === key) return;             // so a button that has the focus keeps it
      const drawn = bubbleOf(bubble);
      drawn.dataset.key = key;
      there ? there.replaceWith(drawn) : log.append(drawn);
    });
    while (log.children.length > bubbles.length) log.lastElementChild.remove();
    drawAnswer();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function bubbleOf({ role, name, html, text, turn }) {
    const bubble = document.createElement("article");
    bubble.className = `bubble ${role}`;
    const words = role === "user" ? _("{name}, question {number}", { name, number: turn + 1 }) : name;
    bubble.setAttribute("aria-label", words);
    bubble.innerHTML = `<header></header><div class="said">${html}</div>`;
    bubble.firstChild.textContent = name;
    if (role === "user") {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = _("Edit");
      button.setAttribute("aria-label", _("Edit question {number}", { number: turn + 1 }));
      button.onclick = () => beginEdit(turn, text);
      bubble.firstChild.append(" ", button);
    }
    return bubble;
  }

  function drawAnswer() {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    let growing = log.querySelector(".growing");
    if (model.get("busy") !== "answering") return void growing?.remove();
    if (!growing) {
      growing = bubbleOf({ role: "assistant", name: "Mistral", html: "" });
      growing.classList.add("growing");
      log.append(growing);
    }
    growing.querySelector(".said").innerHTML = model.get("answer") || "<p>…</p>";
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function drawBusy() {
    const busy = model.get("busy"), button = find(".main");
    const wasAnswering = panel.dataset.busy === "answering";
    panel.dataset.busy = busy;
    button.textContent = busy === "answering" ? _("Stop") : _("Send");
    log.setAttribute("aria-busy", String(busy === "answering"));
    for (const other of panel.querySelectorAll("[data-do], .model button"))
      other.setAttribute("aria-disabled", String(Boolean(busy)));         // a disabled one would lose the focus
    drawAnswer();
    const last = log.lastElementChild;                    // an answer is read aloud once, when it is complete
    if (wasAnswering && !busy && last?.classList.contains("assistant"))
      find(".unseen").textContent = `Mistral: ${last.querySelector(".said").textContent}`;
  }

  function drawMeter() {
    const { used, seen, context, words, speed } = model.get("meter"), bar = find(".bar");
    bar.setAttribute("aria-valuemax", context);
    bar.setAttribute("aria-valuenow", used);
    bar.setAttribute("aria-valuetext", words);
    find(".used").style.width = `${100 * (used - seen) / context}%`;
    find(".seen").style.width = `${100 * seen / context}%`;
    find(".words").textContent = words;
    find(".speed").textContent = speed;
  }

  let drawn = {};                                         // what the fields were last set to, so only changes are drawn
  const typed = new Set();                                // fields with words that Python does not know: they stay
  function drawSettings() {
    const settings = model.get("settings");
    panel.setAttribute("aria-label", _("Chat with {name}", { name: settings.model }));
    for (const control of panel.querySelectorAll(".settings [name]"))
      if (settings[control.name] !== drawn[control.name] && !typed.has(control))
        control.value = settings[control.name] ?? "";
    drawn = { ...settings };
  }
  function drawAgain(name) {
    delete drawn[name];
    drawSettings();
  }

  function drawModels() {
    find("datalist").replaceChildren(...model.get("models").map((name) => new Option(name, name)));
  }

  function drawOffer(act, words) {
    find(`[data-do=${act}]`).hidden = !words;
    find(`[data-do=${act}]`).textContent = words;
  }
  const drawUndo = () => drawOffer("undo", model.get("undoable") && _("Undo {act}", { act: _(model.get("undoable")) }));
  const drawResume = () => drawOffer("resume", model.get("earlier")
    && _("Resume the conversation before ({length})", { length: model.get("earlier") }));

  // The output above the panel is what the page's file keeps of the conversation. Python updates it, too, but that does
  // not arrive once the page was loaded again. JupyterLab and Notebook let the page do it; others may not.
  function store() {
    const still = model.get("still"), cells = model.widget_manager?.context?.model?.cells ?? [];
    for (const { outputs } of cells)
      for (let n = 1; n < (outputs?.length ?? 0); n++) {
        const there = outputs.get(n - 1).data["text/plain"];
        if (outputs.get(n).data[WIDGET]?.model_id === model.get("own_id") && there !== still["text/plain"])
          outputs.set(n - 1, { output_type: "display_data", data: still, metadata: {} });
      }
  }

  // --- writing and sending

  function submit() {
    if (model.get("busy") === "answering")
      return say(_("Mistral is still writing. Escape stops it; then Enter sends."));
    if (waiting || !field.value.trim()) return;
    waiting = true;
    editing === null ? report("ask", field.value) : report("edit", editing, field.value);
    setTimeout(() => waiting && say(_("A cell is running; your message will be sent when it has ended.")), 700);
  }

  function beginEdit(turn, text) {
    if (model.get("busy")) return say(_("Mistral is still writing. Escape stops it; then edit."));
    if (editing === null) kept = field.value;
    editing = turn;
    const later = Math.max(...model.get("bubbles").map((bubble) => bubble.turn)) - turn;
    const values = { number: turn + 1, n: later };
    find(".editing span").textContent = _("You are editing question {number}.", values) + " " + (
      later > 1 ? _("Its answer will be written anew, and what followed it dropped ({n} turns).", values)
      : later ? _("Its answer will be written anew, and what followed it dropped (1 turn).")
      : _("Its answer will be written anew."));
    find(".editing").hidden = false;
    put(text);
    field.focus();
  }

  function endEdit() {
    editing = null;
    find(".editing").hidden = true;
    put(kept);
    kept = "";
  }

  function put(text) {
    field.value = text;
    model.set("draft", text);
    model.save_changes();
  }

  function cancelEdit() {
    endEdit();
    field.focus();
  }

  const stop = () => model.send({ do: "stop" });

  field.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  };
  let timer;
  field.oninput = () => {
    clearTimeout(timer);
    if (editing === null) timer = setTimeout(() => { model.set("draft", field.value); model.save_changes(); }, 300);
  };
  find(".writing").onsubmit = (event) => {
    event.preventDefault();
    model.get("busy") === "answering" ? stop() : submit();
    field.focus();
  };
  panel.onkeydown = (event) => {
    if (event.key === "Escape" && editing !== null) cancelEdit();
    else if (event.key === "Escape" && model.get("busy") === "answering") stop();
    if (isOurs(event)) event.stopPropagation();
  };
  // No key is a command of the page's, but those with Ctrl. Notebook 7 looks for commands before the panel hears of a
  // key, JupyterLab after it; where what has the focus has this attribute, neither does.
  const isOurs = (event) => !(event.ctrlKey || event.metaKey) || event.key === "Enter";
  const claim = (event) => panel.contains(event.target)
    && event.target.toggleAttribute("data-lm-suppress-shortcuts", isOurs(event));
  window.addEventListener("keydown", claim, true);

  panel.onclick = ({ target }) => {
    if (target.matches("[data-do]")) report(target.dataset.do, ...(target.dataset.with ? [target.dataset.with] : []));
    else if (target.matches("[data-cancel]")) cancelEdit();
    else if (target.matches("[data-close]")) { find(".exported").hidden = true; field.focus(); }
    else if (target.matches("[data-copy]")) copy(find(".exported textarea"));
  };

  async function copy(code) {
    code.select();
    try { await navigator.clipboard.writeText(code.value); say(_("Copied. Paste it into a new cell.")); }
    catch { say(_("The browser did not allow to copy; the code is selected, so copy it with the keyboard.")); }
  }

  find(".settings").ontoggle = () => { if (find(".settings").open) report("find_models"); };
  find(".settings").oninput = ({ target }) => typed.add(target);
  find(".answers").onchange = ({ target }) => {
    typed.delete(target);
    report("set", target.name, target.value);
  };
  find(".answers").addEventListener("focusout", ({ target }) => {       // typed, and changed back: nothing to report
    if (typed.delete(target)) drawAgain(target.name);
  });
  find(".model").onsubmit = (event) => {
    event.preventDefault();
    for (const control of event.target.elements) typed.delete(control);
    report("load", ...["model", "bits", "window"].map((name) => event.target.elements[name].value));
  };

  // --- what Python says

  function heard({ taken, done, with: args, back, cell }) {
    delete panel.dataset.gone;
    // What was sent leaves the field (Regenerate sends nothing). The focus stays: another field may be half typed.
    if (taken && waiting) {
      waiting = false;
      editing === null ? put("") : endEdit();
    }
    if (["ask", "edit", "hello"].includes(done)) waiting = false;
    if (done === "set") drawAgain(args[0]);               // a value that was refused goes back to what it was
    if (back) put([back, field.value].filter(Boolean).join("\n"));
    if (cell !== undefined) {                             // an empty one: what was exported is no longer there
      find(".exported").hidden = !cell;
      find(".exported textarea").value = cell;
      if (cell) find(".exported textarea").focus();
    }
  }

  // A kernel that was restarted does not answer. What has been said stays; after a mere pause of the line it goes on.
  function gone() {
    panel.dataset.gone = "";
    say(_("The kernel behind this chat has gone. Copy what you want to keep, then run the cell again for a new chat."));
    model.send({ do: "hello" });
  }

  const parts = { bubbles: drawBubbles, answer: drawAnswer, busy: drawBusy, meter: drawMeter, settings: drawSettings,
                  undoable: drawUndo, earlier: drawResume, still: store, models: drawModels,
                  status: () => say(model.get("status")) };
  for (const [name, draw] of Object.entries(parts)) { draw(); model.on(`change:${name}`, draw); }
  model.on("msg:custom", heard);
  model.on("comm_live_update", gone);
  field.value = model.get("draft");
  log.scrollTop = log.scrollHeight;
  return () => {
    clearTimeout(timer);
    window.removeEventListener("keydown", claim, true);
    for (const [name, draw] of Object.entries(parts)) model.off(`change:${name}`, draw);
    model.off("msg:custom", heard);
    model.off("comm_live_update", gone);
  };
}

export default { render };
