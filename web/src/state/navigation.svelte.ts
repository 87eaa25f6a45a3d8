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
    if (document.activeElement instanceof HTMLElement) this.#opener = document.activeElement;
    location.hash = documentHref(place);
  }

  /** Closes the open document and puts the focus back on what opened it. */
  close(): void {
    if (!this.place) return;
    location.hash = this.#viewHash;
    if (this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
  }

  #follow(): void {
    this.#route = parseRoute(location.hash);
    if (this.#route.name === 'document') return;
    this.view = this.#route;
    this.#viewHash = location.hash || '#/';
  }
}

export const navigation = new Navigation();
