import { messageOf } from "../shared/failure";
import { isSame, type Line } from "./lines";

const AT_ONCE = 500; // lines in one request
const FIRST_WAIT_MS = 1000; // before the first retry; each further one waits twice as long ...
const LONGEST_WAIT_MS = 30_000; // ... up to this

/** Where lines lie until they are sent. */
export interface Lines {
  lines: () => readonly Line[];
  remove: (lines: readonly Line[]) => void;
}

/** Sends lines in their order, and again until they have arrived; what the server refuses for good is named and stays. */
export class Outbox {
  /** Why the last attempt failed; "" where none did. */
  trouble = "";
  readonly refused: Array<{ line: Line; why: string }> = [];
  private wait = FIRST_WAIT_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sending: Promise<void> | null = null;

  /** `isFinal` says of a failure whether the server would say the same again. */
  constructor(
    private readonly kept: Lines,
    private readonly give: (lines: readonly Line[]) => Promise<unknown>,
    private readonly isFinal: (error: unknown) => boolean,
    private readonly onChange: () => void,
  ) {}

  /** Sends all that is there, now; settles when all is sent or an attempt has failed. */
  send(): Promise<void> {
    clearTimeout(this.timer);
    this.sending ??= this.empty().finally(() => {
      this.sending = null;
      this.onChange();
    });
    return this.sending;
  }

  /** Tries the refused lines once more. */
  retryRefused(): Promise<void> {
    this.refused.length = 0;
    return this.send();
  }

  private async empty(): Promise<void> {
    let most = AT_ONCE;
    for (;;) {
      const waiting = this.kept.lines().filter((line) => !this.refused.some((one) => isSame(one.line, line)));
      if (waiting.length === 0) {
        [this.trouble, this.wait] = ["", FIRST_WAIT_MS]; // another tab may have sent them
        return;
      }
      const lines = waiting.slice(0, most);
      try {
        await this.give(lines);
      } catch (error) {
        if (!this.isFinal(error)) {
          this.later(error);
          return;
        }
        if (lines.length > 1) most = 1; // one of them is wrong: the others go without it
        else this.refused.push({ line: lines[0]!, why: messageOf(error) });
        continue;
      }
      this.kept.remove(lines);
      [this.trouble, this.wait] = ["", FIRST_WAIT_MS];
      this.onChange();
    }
  }

  private later(error: unknown): void {
    this.trouble = messageOf(error);
    this.timer = setTimeout(() => void this.send(), this.wait);
    (this.timer as { unref?: () => void }).unref?.(); // keeps no test waiting
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
  }
}
