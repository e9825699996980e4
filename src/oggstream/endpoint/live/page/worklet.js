// The audio thread: plays what it is sent in order, silence where there is nothing, and tells what is heard.
const LEAST = 0.02 * sampleRate; // to begin with: a packet
const WAIT = 0.01; // seconds after which less will do: the first packet of a speech has 6.5 ms that are not heard
const MOST = 0.3 * sampleRate; // after many gaps
const TOLD = 0.01 * sampleRate; // how often it tells how far it is
const FADE = Math.round(0.005 * sampleRate);

class Speech extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = []; // blocks {speech, position, channels}, and ends {speech, ended}
    this.queued = 0; // samples in it
    this.at = 0; // samples of the first block that were played
    this.enough = LEAST;
    this.holding = true; // until there is enough
    this.since = 0; // when there was nothing
    this.gaps = 0;
    this.told = 0; // samples since it told how far it is
    this.last = [0, 0]; // the last samples, from which silence fades
    this.fading = 0;
    this.port.onmessage = ({ data }) => (data.flush ? this.flush() : this.add(data));
  }

  add(item) {
    this.queue.push(item);
    this.queued += item.channels ? item.channels[0].length : 0;
  }

  // Fades out over what comes next, and forgets the rest.
  flush() {
    const [block] = this.queue;
    const sounds = block?.channels && !this.holding;
    const tail = sounds ? block.channels.map((samples) => faded(samples.slice(this.at, this.at + FADE))) : [];
    this.queue = sounds ? [{ ...block, first: false, channels: tail }, { cut: true }] : [];
    this.queued = sounds ? tail[0].length : 0;
    this.at = 0;
    this.holding = !sounds;
    this.port.postMessage({ flushed: true, time: currentTime });
  }

  process(_, [output]) {
    const length = output[0].length;
    let filled = 0;
    if (this.holding && this.ready()) this.holding = false;
    while (!this.holding && filled < length && this.queue.length) filled += this.take(output, filled, length);
    if (!this.holding && filled < length) this.starve();
    if (filled === length) this.fading = 0;
    if (filled) this.last = [0, 1].map((i) => (output[i] ?? output[0])[filled - 1]);
    if (this.fading) this.fade(output, filled, length);
    return true;
  }

  // Whether there is enough to begin, or to go on after a gap.
  ready() {
    if (!this.queue.length) this.since = currentTime;
    const waited = this.enough === LEAST && this.queued > 0 && currentTime - this.since >= WAIT;
    return waited || this.queued >= this.enough || this.queue.some((item) => item.ended || item.cut);
  }

  // Plays of the first item what there is room for.
  take(output, filled, length) {
    const item = this.queue[0];
    if (item.cut) {
      this.queue.shift();
      this.holding = true;
      return 0;
    }
    if (item.ended) {
      this.queue.shift();
      this.enough = Math.max(LEAST, this.enough * 0.8);
      this.holding = !this.queue.length || this.queued < this.enough;
      this.port.postMessage({ speech: item.speech, ended: true, gaps: this.gaps });
      return 0;
    }
    const { speech, position, channels } = item;
    const count = Math.min(length - filled, channels[0].length - this.at);
    if (!this.at && item.first) this.port.postMessage({ speech, first: true, time: currentTime });
    output.forEach((out, i) => out.set((channels[i] ?? channels[0]).subarray(this.at, this.at + count), filled));
    this.at += count;
    this.queued -= count;
    this.told += count;
    if (this.told >= TOLD) {
      this.told = 0;
      this.port.postMessage({ speech, heard: position + this.at });
    }
    if (this.at === channels[0].length) {
      this.queue.shift();
      this.at = 0;
    }
    return count;
  }

  // Packets are late: wait for more of them before sound goes on.
  starve() {
    if (this.queue.length) return;
    this.holding = true;
    this.fading = FADE;
    this.gaps += 1;
    this.enough = Math.min(MOST, this.enough * 2);
  }

  fade(output, from, length) {
    const count = Math.min(this.fading, length - from);
    for (let n = 0; n < count; n += 1) {
      this.fading -= 1;
      output.forEach((out, i) => (out[from + n] = this.last[i] * this.fading / FADE));
    }
  }
}

function faded(samples) {
  return samples.map((sample, n) => sample * (1 - (n + 1) / samples.length));
}

registerProcessor("speech", Speech);
