// Listening with an <audio> element: endless Ogg, or a track of WebRTC (WHEP).
const LATE = 0.7; // seconds behind what has come, from which on it catches up, to a little less

class Listener {
  constructor(room, told) {
    this.room = room;
    this.told = told;
    this.audio = new Audio();
    this.audio.autoplay = true;
    this.audio.onplaying = () => this.told({ first: true });
  }

  // Whether a sound may be made is known when there is one.
  running = true;

  async resume() {}

  async play() {
    await this.audio.play().catch((error) => {
      this.running = error.name !== "NotAllowedError";
      throw error;
    });
  }
}

export class ElementListener extends Listener {
  async listen(onopen) {
    this.audio.src = await this.room.elementUrl();
    const ended = new Promise((done) => (this.audio.onended = this.audio.onerror = done));
    const keeping = setInterval(() => this.#catchUp(), 500);
    try {
      await this.play();
      onopen();
      await ended;
    } finally {
      clearInterval(keeping);
      this.audio.removeAttribute("src");
      this.audio.load(); // closes the connection
    }
  }

  #catchUp() {
    const { buffered, currentTime } = this.audio;
    const behind = buffered.length ? buffered.end(buffered.length - 1) - currentTime : 0;
    this.audio.playbackRate = behind > LATE ? 1.05 : behind < LATE - 0.1 ? 1 : this.audio.playbackRate;
  }
}

export class WhepListener extends Listener {
  async listen(onopen) {
    const peer = new RTCPeerConnection();
    let place;
    const leave = () => {
      peer.close();
      if (place) fetch(place, { method: "DELETE", headers: this.room.headers, keepalive: true }).catch(() => {});
      place = null;
    };
    addEventListener("pagehide", leave); // else the server would notice after half a minute
    try {
      const { receiver } = peer.addTransceiver("audio", { direction: "recvonly" });
      receiver.jitterBufferTarget = 0; // ms, at least: it finds out what it needs
      peer.ontrack = ({ track, streams }) => {
        this.audio.srcObject = streams[0] ?? new MediaStream([track]);
      };
      const ended = new Promise((done) => {
        peer.onconnectionstatechange = () => {
          if (peer.connectionState === "connected") onopen();
          if (["failed", "closed", "disconnected"].includes(peer.connectionState)) done();
        };
      });
      place = await this.#connect(peer);
      await this.play();
      await ended;
    } finally {
      removeEventListener("pagehide", leave);
      leave();
    }
  }

  // WHEP: an offer is posted, the answer comes back, and where it can be ended. The server needs no addresses of ours:
  // it learns ours from the first packet. Chromium decodes one channel unless it is told.
  async #connect(peer) {
    const offer = await peer.createOffer();
    const sdp = offer.sdp.replace("useinbandfec=1", "useinbandfec=1;stereo=1");
    await peer.setLocalDescription({ type: "offer", sdp });
    const answer = await this.room.fetch("whep", {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: sdp,
    });
    if (!answer.ok) throw new Error(`no WebRTC: status ${answer.status}`);
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    return answer.headers.get("Location");
  }
}
