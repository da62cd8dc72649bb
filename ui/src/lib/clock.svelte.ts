const SECOND = 1000;
/** So long after news, ages are shown to the second. */
const AWAKE = 60 * SECOND;
/** Else they are brought up to date so often. */
const REST = 15 * SECOND;

/** The present second, for the ages on the screen. */
class Clock {
  now = $state(Math.floor(Date.now() / SECOND));
  #awake = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Something has happened: new ages count in seconds. */
  wake(): void {
    this.#awake = Date.now() + AWAKE;
    this.#tick();
  }

  #tick(): void {
    clearTimeout(this.#timer);
    this.now = Math.floor(Date.now() / SECOND);
    this.#timer = setTimeout(() => this.#tick(), Date.now() < this.#awake ? SECOND : REST);
  }
}

export const clock = new Clock();
