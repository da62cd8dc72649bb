/** The present second, brought up to date every ten seconds for the ages on the screen. */
class Clock {
  now = $state(Math.floor(Date.now() / 1000));

  start(): void {
    setInterval(() => this.tick(), 10_000);
  }

  tick(): void {
    this.now = Math.floor(Date.now() / 1000);
  }
}

export const clock = new Clock();
