/** SIMULATED, across the map, where the market does not exist. */

export class WatermarkLayer {
  constructor() {
    this.on = false;
    this.margin = 0; // at the right, of what lies over the map
    this._views = [{ zOrder: () => "normal", renderer: () => ({ draw: (/** @type {any} */ target) => this._draw(target) }) }];
  }

  /** @param {any} attached */
  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate;
  }

  paneViews() {
    return this._views;
  }

  /** @param {any} target */
  _draw(target) {
    if (!this.on) return;
    target.useMediaCoordinateSpace((/** @type {any} */ { context, mediaSize }) => {
      context.save();
      const width = mediaSize.width - this.margin;
      const size = Math.min(width / 7.5, mediaSize.height / 3);
      context.font = `800 ${size}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = "rgb(255 255 255 / 13%)";
      context.fillText("SIMULATED", width / 2, mediaSize.height / 2);
      context.restore();
    });
  }
}
