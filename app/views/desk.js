// Small things only a browser can do for the desk: enter a text box by A and leave it by Esc,
// scroll both responses in step, put formulas in place, count the lease down, report seconds of
// real work, and let a held key speak only once.
const MATHML = "http://www.w3.org/1998/Math/MathML";
const typing = (box) => Boolean(box) && /^(TEXTAREA|INPUT)$/.test(box.tagName);

// A held key sends its press again and again; the next pair would take it for an answer. The guard
// stays on the window, once, because between two pairs there is a moment without this component.
function hush(event) {
  // Enter on something folded opens it, and is no answer.
  if (event.key === "Enter" && document.activeElement?.tagName === "SUMMARY")
    event.stopImmediatePropagation();
  if (!event.repeat || typing(document.activeElement)) return;
  if (event.key.length > 1 && event.key !== "Enter") return;
  event.stopImmediatePropagation();
  if (event.key !== " ") event.preventDefault();
}
if (!window.tiebreakHushed) {
  window.tiebreakHushed = true;
  window.addEventListener("keydown", hush, { capture: true });
}

// What a form holds back until it is sent, for the case that it can be sent no more.
function typed() {
  const form = document.querySelector(".st-key-verdict");
  const chosen = form ? form.querySelectorAll('button[aria-pressed="true"]') : [];
  const box = form && form.querySelector("textarea");
  return { text: box ? box.value : "", reasons: [...chosen].map((pill) => pill.innerText.trim()) };
}

function placeMath(formulas) {
  for (const [key, source] of Object.entries(formulas || {})) {
    const place = document.querySelector(`[data-math="${CSS.escape(key)}"]`);
    if (!place || place.dataset.done) continue;
    const root = new DOMParser().parseFromString(source, "application/xml").documentElement;
    const all = [root, ...root.querySelectorAll("*")];
    if (all.some((e) => e.namespaceURI !== MATHML)) continue;
    place.replaceChildren(document.importNode(root, true));
    place.dataset.done = "1";
  }
}

export default function (component) {
  const { data, setTriggerValue, parentElement } = component;
  const stop = new AbortController();
  const listen = { signal: stop.signal, passive: true, capture: true };
  let touched = Date.now(), counted = Date.now(), worked = 0;

  const active = () => { touched = Date.now(); };
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"])
    document.addEventListener(kind, active, listen);

  document.addEventListener("keydown", (event) => {
    const box = document.activeElement;
    if (event.key === "Escape" && typing(box)) box.blur();
  }, listen);

  // A opens what can be typed beside the answer, which is many Tabs away.
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "a" || event.ctrlKey || event.metaKey || event.altKey) return;
    const form = document.querySelector(".st-key-verdict");
    if (!form || typing(document.activeElement)) return;
    const folded = form.querySelector("details:not([open]) > summary");
    if (folded) folded.click();
    const box = form.querySelector("textarea");
    if (!box) return;
    event.preventDefault();
    setTimeout(() => box.focus(), folded ? 60 : 0);
  }, { signal: stop.signal, capture: true });

  let leading = null;
  document.addEventListener("scroll", (event) => {
    const moved = event.target;
    if (!moved.classList || !moved.classList.contains("tb-text")) return;
    if (leading && leading !== moved) return;
    leading = moved;
    const share = moved.scrollTop / Math.max(1, moved.scrollHeight - moved.clientHeight);
    for (const other of document.querySelectorAll(".tb-text"))
      if (other !== moved) other.scrollTop = share * (other.scrollHeight - other.clientHeight);
    clearTimeout(leading.release);
    moved.release = setTimeout(() => { leading = null; }, 120);
  }, listen);

  const show = () => {
    placeMath(data.math);
    const left = Math.max(0, Math.round((new Date(data.expires) - Date.now()) / 1000));
    const clock = document.querySelector("[data-countdown]");
    if (clock) clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    const at = Date.now();
    if (!document.hidden && at - touched < 1000 * data.idle) worked += at - counted;
    counted = at;
    if (worked > 1000 * data.every || left < 2) {
      if (worked > 0) setTriggerValue("beat", { seconds: Math.round(worked / 100) / 10, ...typed() });
      worked = 0;
    }
  };
  show();
  const timer = setInterval(show, 500);
  return () => { stop.abort(); clearInterval(timer); };
}
