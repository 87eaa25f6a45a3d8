/** One sentence at a time for screen readers, in the page's only `role=status`. */
class Announcer {
  message = $state('');

  say(message: string): void {
    this.message = message;
  }
}

export const announcer = new Announcer();
