// Opus packets over a WebSocket -> WebCodecs -> an AudioWorklet: a few milliseconds from the packet to the sound.
const RATE = 48000;
const STEREO = 4; // in the first byte of an Opus packet

export const possible = () => "AudioDecoder" in window && "AudioWorkletNode" in window;

const FADE = 240; // samples

const fadedIn = (samples) => samples.map((sample, n) => sample * Math.min(1, (n + 1) / FADE));

export class PacketListener {
  // `told` is called with {first}, {word}, {begin}, {end}, {flush}.
  constructor(room, told) {
    this.room = room;
    this.told = told;
    this.speech = 0; // the one whose packets come
    this.ended = true; // no more of them come
    this.next = {}; // what is known of the next packet: {first, position}
    this.position = 0; // samples of the speech before the next block
    this.trims = []; // of the packets that the decoder has
    this.words = []; // those to come
    this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    this.output = this.#output();
    this.#renew(1);
  }

  async #output() {
    await this.context.audioWorklet.addModule("/live/worklet.js");
    this.node = new AudioWorkletNode(this.context, "speech", { numberOfInputs: 0, outputChannelCount: [2] });
    this.node.port.onmessage = ({ data }) => this.#heard(data);
    this.node.connect(this.context.destination);
  }

  tellsWords = true;

  get running() {
    return this.context.state === "running";
  }

  resume() {
    return this.context.resume();
  }

  // Resolves when the connection has ended, however that came.
  async listen(onopen) {
    await this.output;
    this.socket = new WebSocket(this.room.socketUrl("packets"), this.room.protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.#said(JSON.parse(data)) : this.#decode(data));
    this.socket.onopen = onopen;
    await new Promise((done) => (this.socket.onclose = done));
    this.#end();
  }

  close() {
    this.socket?.close();
    return this.context.close();
  }

  #said(message) {
    if (message.type === "begin") this.#begin(message);
    else if (message.type === "position") this.next.position = message.sample;
    else if (message.type === "word") this.#word(message);
    else if (message.type === "flush") this.#flush(message);
    else if (message.type === "end") this.#end();
  }

  #begin({ speech, channels }) {
    this.speech = speech;
    this.ended = false;
    this.next = { first: true, position: 0 };
    if (this.channels !== channels) this.#renew(channels);
    this.told({ begin: speech });
  }

  #word(word) {
    if (word.sample <= (this.at?.speech === word.speech ? this.at.heard : -1)) this.told({ word });
    else this.words.push(word);
  }

  // Silence at once.
  #flush({ speech }) {
    this.node.port.postMessage({ flush: true });
    this.words = [];
    this.ended = true;
    this.#renew(this.channels);
    this.told({ flush: speech });
  }

  async #end() {
    const { speech, decoder } = this;
    if (this.ended) return;
    this.ended = true;
    await decoder.flush().catch(() => {});
    if (decoder !== this.decoder) return; // it was flushed meanwhile
    this.node.port.postMessage({ speech, ended: true });
  }

  // A decoder that is ready before its first packet comes.
  #renew(channels) {
    if (this.decoder?.state === "configured") this.decoder.close();
    this.trims = [];
    this.channels = channels;
    const trims = this.trims;
    this.decoder = new AudioDecoder({
      output: (audio) => this.#decoded(audio, trims),
      error: () => this.#renew(this.channels),
    });
    this.decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: channels });
  }

  #decode(message) {
    const view = new DataView(message);
    const trim = { start: view.getUint16(0, true), end: view.getUint16(2, true), speech: this.speech, ...this.next };
    this.next = {};
    const data = new Uint8Array(message, 4);
    if ((data[0] & STEREO ? 2 : 1) > this.channels) this.#renew(2);
    this.trims.push(trim);
    if (this.decoder.state !== "configured") this.#renew(this.channels);
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: 0, data }));
  }

  // Each packet gives one block, in order. What is not to be heard of it is left out.
  #decoded(audio, trims) {
    const { start, end, speech, first, position } = trims.shift();
    if (position !== undefined) this.position = position;
    this.first ||= first;
    const frameCount = audio.numberOfFrames - start - end;
    if (trims === this.trims && frameCount > 0) {
      const channels = Array.from({ length: audio.numberOfChannels }, (_, planeIndex) => {
        const samples = new Float32Array(frameCount);
        audio.copyTo(samples, { planeIndex, frameOffset: start, frameCount, format: "f32-planar" });
        return position ? fadedIn(samples) : samples; // joined in the middle
      });
      const block = { speech, position: this.position, channels, first: this.first };
      this.first = false;
      this.position += frameCount;
      this.node.port.postMessage(block, channels.map((samples) => samples.buffer));
    }
    audio.close();
  }

  #heard(data) {
    if (data.heard !== undefined) {
      this.at = data;
      while (this.words.length && (this.words[0].speech !== data.speech || this.words[0].sample <= data.heard))
        this.told({ word: this.words.shift() });
    } else if (data.first) this.told({ first: data.speech });
    else if (data.ended) this.#rest(data);
  }

  #rest({ speech, gaps }) {
    while (this.words[0]?.speech === speech) this.told({ word: this.words.shift() });
    this.told({ end: speech, gaps });
  }
}
