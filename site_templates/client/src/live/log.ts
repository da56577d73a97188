/** What a run's log says, kept as the store keeps it: numbered events, of which some take earlier ones back. */

export interface RunEvent {
  readonly id: number;
  readonly event: string;
  readonly time: string;
  readonly step?: number;
  readonly [field: string]: unknown;
}

/** How a run stands, by what its log says of it. */
export type Status = "waiting" | "running" | "completed" | "cancelled" | "failed";

const ENDS: Readonly<Record<string, Status>> = {
  "run.created": "running",
  "run.started": "running",
  "run.resumed": "running",
  "run.completed": "completed",
  "run.cancelled": "cancelled",
  "run.failed": "failed",
};

/**
 * The events that stand. `run.created` begins anew, and `run.resumed` takes out earlier events of later steps; an event
 * that is told again, after a connection was cut, changes nothing.
 */
export class RunLog {
  private events: RunEvent[] = [];
  private newestId = -1;

  /** Id of the newest event; -1 before any. */
  get last(): number {
    return this.newestId;
  }

  get standing(): readonly RunEvent[] {
    return this.events;
  }

  /** Takes in events in their order; false where none was new. */
  add(events: readonly RunEvent[]): boolean {
    let changed = false;
    for (const event of events) {
      if (event.event === "run.created") this.events = [];
      else if (event.id <= this.newestId) continue;
      else if (event.event === "run.resumed") {
        const step = event.step ?? 0;
        this.events = this.events.filter((one) => (one.step ?? 0) <= step && one.event !== "run.completed");
      }
      this.events.push(event);
      this.newestId = event.id;
      changed = true;
    }
    return changed;
  }

  /** The newest event of a kind. */
  newest(kind: string): RunEvent | undefined {
    return this.events.findLast((event) => event.event === kind);
  }

  get status(): Status {
    return ENDS[this.events.findLast((event) => event.event in ENDS)?.event ?? ""] ?? "waiting";
  }
}

/** The events up to a step: those before the first one of a later step. */
export function until(events: readonly RunEvent[], step: number): readonly RunEvent[] {
  const end = events.findIndex((event) => (event.step ?? 0) > step);
  return end < 0 ? events : events.slice(0, end);
}
