// The page of a room: listens in the best way that browser and server have, shows the words, and comes back.
import { PacketListener, possible as packets } from "/live/packets.js";
import { ElementListener, WhepListener } from "/live/elements.js";
import { readWords } from "/live/captions.js";

const SHORTEST = 250, LONGEST = 5000; // ms until it is tried again
const KEPT = 20; // speeches on the page
const query = new URLSearchParams(location.search);
const part = (id) => document.getElementById(id);

// Where the room is, and what opens it: a key that was typed, or the ticket of a link (#ticket=...).
class Room {
  constructor() {
    this.name = location.pathname.split("/").at(-1) || location.pathname.split("/").at(-2);
    this.path = `/v1/live/${this.name}`;
    const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
    this.pass = ticket || sessionStorage.getItem("key") || "";
  }

  get headers() {
    return this.pass ? { Authorization: `Bearer ${this.pass}` } : {};
  }

  // A browser's WebSocket has no headers: the pass stands beside the protocol.
  get protocols() {
    return ["oggstream-live", ...(this.pass ? [`openai-insecure-api-key.${this.pass}`] : [])];
  }

  socketUrl(way) {
    return new URL(`${this.path}/${way}?open`, location.href.replace(/^http/, "ws"));
  }

  url(way) {
    return `${this.path}${way === "opus" ? ".opus" : `/${way}`}?open`;
  }

  fetch(way, options = {}) {
    return fetch(way ? this.url(way) : `${this.path}?open`, { cache: "no-store", ...options, headers: { ...this.headers, ...options.headers } });
  }

  // An address that an element can load, which has no headers either.
  async elementUrl() {
    if (!this.pass || this.pass.startsWith("live.")) return `${this.url("opus")}&ticket=${this.pass}`;
    const { ticket } = await (await this.fetch("ticket", { method: "POST" })).json();
    return `${this.url("opus")}&ticket=${ticket}`;
  }
}

// What is said, word by word.
class Said {
  begin(speech) {
    if (this.speech === speech) return;
    this.speech = speech;
    this.line = document.createElement("p");
    part("said").append(this.line);
    while (part("said").childElementCount > KEPT) part("said").firstChild.remove();
  }

  word({ speech, text }) {
    this.begin(speech);
    this.end();
    const lit = document.createElement("mark");
    lit.textContent = text;
    this.line.append(this.line.childNodes.length ? " " : "", lit);
    lit.scrollIntoView({ block: "nearest" });
  }

  end() {
    for (const lit of this.line?.querySelectorAll("mark") ?? []) lit.replaceWith(lit.textContent);
  }
}

const room = new Room();
const said = new Said();
const log = (window.log = []); // what happened, for who looks

function told(what) {
  log.push({ at: performance.now(), ...what });
  if (what.begin) said.begin(what.begin);
  if (what.word) said.word(what.word);
  if (what.end || what.flush) said.end();
}

function show(text) {
  part("state").textContent = text;
}

// The best way that both sides have: packets, WebRTC, an element.
function listenerFor(ways) {
  const can = { packets: packets(), whep: "RTCPeerConnection" in window, opus: true };
  const asked = query.get("way");
  const way = Object.keys(can).find((one) => can[one] && ways.includes(one) && (!asked || asked === one));
  if (!way) throw new Error(`no way to listen: this server has ${ways.join(", ")}`);
  window.way = way;
  const Listener = { packets: PacketListener, whep: WhepListener, opus: ElementListener }[way];
  return new Listener(room, told);
}

async function allowed(listener) {
  await Promise.race([listener.resume().catch(() => {}), new Promise((done) => setTimeout(done, 300))]);
  if (listener.running) return;
  show("");
  part("listen").hidden = false;
  await new Promise((done) => (part("listen").onclick = done));
  part("listen").hidden = true;
  await listener.resume();
}

async function keyOf() {
  part("ask").hidden = false;
  show("This room asks for a key.");
  await new Promise((done) => (part("ask").onsubmit = (event) => done(event.preventDefault())));
  part("ask").hidden = true;
  sessionStorage.setItem("key", (room.pass = part("key").value));
}

async function main() {
  part("name").textContent = document.title = room.name;
  let wait = SHORTEST;
  let listener;
  for (;;) {
    if (window.away) await new Promise((done) => (window.comeBack = done)); // set by who tests joining
    try {
      const answer = await room.fetch("");
      if (answer.status === 401) {
        await keyOf();
        continue;
      }
      const state = await answer.json();
      if (!answer.ok) throw new Error(state.error.message);
      listener ??= window.listener = listenerFor(state.ways);
      await allowed(listener);
      const words = listener.tellsWords ? null : readWords(room, told);
      await listener.listen(() => {
        wait = SHORTEST;
        show("listening");
      });
      words?.abort();
      show("reconnecting");
    } catch (error) {
      show(error.message);
    }
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(LONGEST, wait * 2);
  }
}

main();
