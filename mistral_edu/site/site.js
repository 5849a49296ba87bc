"use strict";
// Three things need a script: sliders over recorded frames, folds that wait for a prediction, and code that scrolls by
// keyboard. Without it, each page shows everything, still.

// A sentence in the page's language, with {name} replaced by values.name; as it is here if it has no translation.
const translations = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
const _ = (sentence, values = {}) => (translations[sentence] ?? sentence).replace(/{(\w+)}/g, (all, name) => values[name] ?? all);

// --- sliders ---------------------------------------------------------------------------------------------------------

function frameOf(positions, sizes) {                    // the last control varies fastest
    return positions.reduce((number, position, n) => number * sizes[n] + position, 0);
}

function setUpSlider(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const image = figure.querySelector("img"), caption = figure.querySelector("figcaption");
    const inputs = [...figure.querySelectorAll("input")];
    const sizes = data.sizes.filter(size => size > 1);

    async function show() {
        for (const input of inputs) {
            const words = JSON.parse(input.dataset.labels)[input.value];
            input.setAttribute("aria-valuetext", words);
            input.nextElementSibling.value = words;
        }
        const number = frameOf(inputs.map(input => Number(input.value)), sizes);
        const [picture, text] = data.frames[number];
        figure.dataset.frame = number;
        if (image) {
            image.hidden = picture === null;
            if (picture !== null) {
                const [name, width, height, words] = data.pictures[picture];
                const next = new Image();
                next.src = "pictures/" + name;
                await next.decode().catch(() => {});    // no flicker; a file that is missing shows as missing
                if (figure.dataset.frame !== String(number)) return;
                Object.assign(image, {width, height, alt: words, src: next.src});
            }
        }
        caption.textContent = data.texts[text];
    }

    figure.querySelector(".controls").hidden = false;
    inputs.forEach(input => input.addEventListener("input", show));
}

// --- predictions -----------------------------------------------------------------------------------------------------

function threeDigits(number) {                          // as Python writes :.3g
    const [digits, power] = number.toExponential(2).split("e").map(Number);
    if (power >= 3) return digits + "e+" + String(power).padStart(2, "0");
    return String(Number(number.toPrecision(3)));
}

function judged(guess, result, within) {                // as outcome() does for numbers; null for plainly wrong
    if (Math.abs(guess - result) <= within * Math.abs(result)) return _("right");
    if (guess <= 0 || result <= 0) return null;
    const asked = within ? _(", and {share} of the result was asked for", {share: Math.round(within * 100) + "%"}) : "";
    return _("off by a factor of {factor}", {factor: threeDigits(Math.max(guess / result, result / guess))}) + asked;
}

function setUpPrediction(form) {
    const label = form.dataset.predict;
    const fold = document.querySelector(`[data-fold="${label}"]`), told = document.querySelector(`[data-outcome="${label}"]`);
    const open = document.querySelector(`[data-open="${label}"]`)?.closest(".outputs"), status = form.querySelector("[role=status]");

    function verdict() {
        const field = form.querySelector("input:checked, input[type=number]");
        if (field.type === "radio") return [field.value, field.dataset.verdict];
        const {result, within} = field.dataset;
        const judgement = judged(Number(field.value), Number(result), Number(within));
        const words = {label, result, guess: field.value, judgement};
        return [field.value, judgement ? _("Outcome {label}: {result}. You predicted {guess}: {judgement}.", words)
            : _("Outcome {label}: {result}. You predicted {guess}.", words)];
    }

    form.hidden = false;
    if (open) open.hidden = true;
    close(fold);
    form.addEventListener("submit", event => {
        event.preventDefault();
        const [guess, outcome] = verdict();
        told.textContent = outcome;
        told.classList.add("told");
        status.textContent = _("Prediction {label}: {guess}. Recorded; the result is below.", {label, guess});
        reveal(fold);
    });
    form.querySelector("[data-skip]").addEventListener("click", () => {
        status.textContent = _("The result is below.");
        reveal(fold);
    });
}

function close(fold) {                                  // found by the browser's own search, and by links, all the same
    fold.setAttribute("hidden", "until-found");
}

function reveal(element) {                              // with all folds around it
    for (let fold = element.closest(".fold"); fold; fold = fold.parentElement.closest(".fold")) fold.removeAttribute("hidden");
}

function revealTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest(".fold[hidden]")) {
        reveal(target);
        target.scrollIntoView();
    }
}

// --- the page --------------------------------------------------------------------------------------------------------

function nameScrollers() {                              // what scrolls sideways can be reached, and moved, by keyboard
    for (const box of document.querySelectorAll("pre, .scroll, .mistral-grid, math[display=block]"))
        box.scrollWidth > box.clientWidth ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
}

document.querySelectorAll("figure.slider").forEach(setUpSlider);
document.querySelectorAll("form.predict").forEach(setUpPrediction);
const all = document.querySelector("button.all"), folds = document.querySelectorAll(".fold");
if (folds.length) {
    all.hidden = false;
    all.addEventListener("click", () => { folds.forEach(reveal); document.querySelector("main").focus(); all.hidden = true; });
}
revealTarget();
addEventListener("hashchange", revealTarget);
if (matchMedia("(max-width: 68rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");
nameScrollers();
addEventListener("resize", nameScrollers);
document.addEventListener("click", () => setTimeout(nameScrollers));
