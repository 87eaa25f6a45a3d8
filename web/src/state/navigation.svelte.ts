import { tick } from 'svelte';
import { documentHref, parseRoute, type DocumentPlace, type Route } from '../lib/routes';

type View = Exclude<Route, { name: 'document' }>;

class Navigation {
  #route: Route = $state(parseRoute(location.hash));
  /** The view that stays behind an open document. */
  view: View = $state({ name: 'ask' });
  #viewHash = '#/';
  #opener: HTMLElement | null = null;

  constructor() {
    this.#follow();
    addEventListener('hashchange', () => this.#follow());
  }

  get place(): DocumentPlace | null {
    return this.#route.name === 'document' ? this.#route.place : null;
  }

  open(place: DocumentPlace): void {
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && !focused.closest('dialog')) this.#opener = focused;
    location.hash = documentHref(place);
  }

  /** Closes the open document; the focus goes back to what opened it. */
  close(): void {
    if (!this.place) return;
    location.hash = this.#viewHash;
  }

  #follow(): void {
    const wasOpen = this.place !== null;
    this.#route = parseRoute(location.hash);
    if (this.#route.name === 'document') return;
    // Also after the browser's Back; a sheet lets the focus out only once it is gone.
    if (wasOpen) void tick().then(() => this.#returnFocus());
    if (this.#viewHash !== (location.hash || '#/')) scrollTo({ top: 0, behavior: 'instant' });
    this.view = this.#route;
    this.#viewHash = location.hash || '#/';
  }

  #returnFocus(): void {
    if (this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
  }
}

export const navigation = new Navigation();
