// EventSource for Node.js, as far as providers need it: events, ids, the reconnection delay, and giving up where a browser
// gives up.

export class EventSource extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;

  /** Every one that was opened, so that a script can close what is left and look at what was received. */
  static all = [];

  readyState = EventSource.CONNECTING;
  opened = 0;
  received = [];
  #lastEventId = '';
  #retry = 1000;
  #cancel = new AbortController();

  constructor(url) {
    super();
    this.url = url;
    EventSource.all.push(this);
    this.#connect();
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#cancel.abort();
  }

  async #connect() {
    try {
      const headers = { accept: 'text/event-stream' };
      if (this.#lastEventId) headers['last-event-id'] = this.#lastEventId;
      const response = await fetch(this.url, { headers, signal: this.#cancel.signal });
      if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
        this.readyState = EventSource.CLOSED;
        this.dispatchEvent(new Event('error'));
        return;
      }
      this.readyState = EventSource.OPEN;
      this.opened += 1;
      this.dispatchEvent(new Event('open'));
      await this.#read(response.body.pipeThrough(new TextDecoderStream()));
    } catch {
      // The connection broke, or was closed by us; what follows tells them apart.
    }
    if (this.readyState === EventSource.CLOSED) return;
    this.readyState = EventSource.CONNECTING;
    this.dispatchEvent(new Event('error'));
    setTimeout(() => this.readyState === EventSource.CONNECTING && this.#connect(), this.#retry);
  }

  async #read(text) {
    let rest = '';
    let event = { type: 'message', data: [] };
    for await (const part of text) {
      const lines = (rest + part).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
        if (line === '') {
          if (event.data.length > 0) this.#dispatch(event);
          event = { type: 'message', data: [] };
        } else if (field === 'event') event.type = value;
        else if (field === 'data') event.data.push(value);
        else if (field === 'id') this.#lastEventId = value;
        else if (field === 'retry') this.#retry = Number(value);
      }
    }
  }

  #dispatch({ type, data }) {
    const message = { data: data.join('\n'), lastEventId: this.#lastEventId };
    this.received.push(message);
    this.dispatchEvent(new MessageEvent(type, message));
  }
}
