// Says in plain words that the server is not reachable, and takes it back when it is again.
// Streamlit itself reconnects; its own word for it is a small sign in a corner.
(() => {
  if (window.tiebreakWired) return;
  window.tiebreakWired = true;
  const WORDS = {
    waiting: ["The connection to the server is lost.",
      "Everything you have answered is stored. Keys do nothing until it is back; this page " +
      "reconnects by itself and your pair is kept for you."],
    over: ["The server does not take this page back.",
      "Everything you have answered is stored. Reload the page to go on."],
  };
  let since = null;

  function kind() {
    const app = document.querySelector("[data-test-connection-state]");
    const state = app ? app.getAttribute("data-test-connection-state") : "INITIAL";
    if (state === "DISCONNECTED_FOREVER") return "over";
    return state === "CONNECTED" || state === "INITIAL" ? null : "waiting";
  }

  // A server that was started again knows nothing of this page, and would ignore the first press of
  // a button. Streamlit's own key for running the page again makes it known; typed text stays.
  function greet() {
    for (const kind of ["keydown", "keyup"])
      document.dispatchEvent(new KeyboardEvent(kind, { key: "r", keyCode: 82, bubbles: true }));
  }

  function look() {
    const now = kind();
    since = now ? since || Date.now() : null;
    const late = since && Date.now() - since > 800;  // a flicker is no loss
    const shown = document.querySelector(".tb-offline");
    if (shown && shown.dataset.kind !== now) {
      shown.remove();
      if (!now) greet();
    }
    if (!late || document.querySelector(".tb-offline")) return;
    const said = document.createElement("div");
    said.className = "tb-offline";
    said.dataset.kind = now;
    said.setAttribute("role", "alert");
    const [title, words] = WORDS[now].map((text) => document.createTextNode(text));
    const strong = document.createElement("strong");
    strong.append(title);
    said.append(strong, " ", words);
    (document.querySelector(".stApp") || document.body).append(said);
  }
  setInterval(look, 400);
})();
