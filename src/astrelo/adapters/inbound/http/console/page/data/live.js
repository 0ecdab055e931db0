// Listening to the server's events, and saying what has to be drawn again.

const FEED_MS = 2000; // a first sync changes records all the time
const RETRY_MS = 5000;
const CLOSED = 2; // EventSource.CLOSED: the server refused; otherwise the browser connects again by itself

export class LiveUpdates {
  // `connect` opens an EventSource; `progress` gets each run that goes on; `redraw` is called with the
  // milliseconds in which everything else has to be drawn again.
  constructor(connect, progress, redraw) {
    this.connect = connect;
    this.progress = progress;
    this.redraw = redraw;
    this.source = null;
  }

  // Idempotent.
  follow() {
    if (this.source !== null) return;
    const source = this.source = this.connect("/api/events");
    const on = (type, action) => source.addEventListener(type, action);
    on("run.progress", ({ data }) => this.progress(JSON.parse(data)));
    on("run.ended", () => this.redraw(0));
    on("connection.changed", () => this.redraw(0));
    on("changes.available", () => this.redraw(FEED_MS));
    on("open", () => this.redraw(0));
    on("error", () => {
      if (source.readyState !== CLOSED) return this.redraw(0);
      this.stop();
      return this.redraw(RETRY_MS);
    });
  }

  stop() {
    this.source?.close();
    this.source = null;
  }
}
