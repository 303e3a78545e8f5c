// What one journal, of createJournal(), may have waiting, and what it has lost.

export class Account {
  /** How many entries wait. */
  waiting = 0;
  /** How many entries were dropped. */
  dropped = 0;
  /** How many entries may wait; 0: none. */
  readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  get isFull(): boolean {
    return this.waiting >= this.most;
  }
}
