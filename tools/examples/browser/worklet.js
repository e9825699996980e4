// The audio thread: plays what it is sent in order, silence when there is nothing, and tells what it did.
const ENOUGH = 0.04 * sampleRate; // to begin, and to go on after a stall: two packets
const TOLD = 0.01 * sampleRate; // how often it tells how much was heard

class Speech extends AudioWorkletProcessor {
  constructor() {
    super();
    this.reset(0);
    this.port.onmessage = ({ data }) => {
      if (data.begin !== undefined) this.reset(data.begin);
      else if (data.ended) this.ended = true;
      else this.add(data.channels);
    };
  }

  reset(turn) {
    this.turn = turn; // which text this is; what is told carries it
    this.queue = []; // of arrays of channels
    this.queued = 0; // samples in it
    this.holding = true; // until there is enough
    this.at = 0; // samples of the first one that were played
    this.played = 0;
    this.heard = 0; // samples of which was told
    this.stalls = 0;
    this.ended = false;
    this.told = false;
  }

  add(channels) {
    this.queue.push(channels);
    this.queued += channels[0].length;
  }

  process(_, [output]) {
    const length = output[0].length;
    let filled = 0;
    if (this.queued >= ENOUGH || this.ended) this.holding = false;
    while (!this.holding && filled < length && this.queue.length) {
      const block = this.queue[0];
      const count = Math.min(length - filled, block[0].length - this.at);
      output.forEach((channel, i) =>
        channel.set((block[i] ?? block[0]).subarray(this.at, this.at + count), filled));
      filled += count;
      this.at += count;
      if (this.at === block[0].length) {
        this.queue.shift();
        this.at = 0;
      }
    }
    this.account(filled, length);
    return true;
  }

  account(filled, length) {
    if (filled && !this.played) this.port.postMessage({ turn: this.turn, first: true });
    this.played += filled;
    if (filled && this.played >= this.heard + TOLD) {
      this.heard = this.played;
      this.port.postMessage({ turn: this.turn, heard: this.heard });
    }
    this.queued -= filled;
    if (filled < length && !this.holding && !this.ended) {
      this.stalls += 1;
      this.holding = true;
    }
    if (this.ended && !this.queued && !this.told) {
      this.told = true;
      this.port.postMessage({ turn: this.turn, played: this.played, stalls: this.stalls });
    }
  }
}

registerProcessor("speech", Speech);
