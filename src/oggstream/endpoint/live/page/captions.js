// The words of a room for those whose sound tells none: server-sent events, read with `fetch`, which can show a key.
export function readWords(room, told) {
  const ending = new AbortController();
  read(room, told, ending.signal).catch(() => {});
  return ending;
}

async function read(room, told, signal) {
  const answer = await room.fetch("captions", { signal });
  if (!answer.ok) return;
  let rest = "";
  for await (const text of lines(answer.body)) {
    rest += text;
    const events = rest.split("\n\n");
    rest = events.pop();
    events.forEach((event) => tell(event, told));
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

function tell(event, told) {
  const [, type] = /^event: (.*)$/m.exec(event) ?? [];
  const [, data] = /^data: (.*)$/m.exec(event) ?? [];
  if (!type || !data) return;
  const fields = JSON.parse(data);
  told(type === "word" ? { word: fields } : { [type]: fields.speech });
}
