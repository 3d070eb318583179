import { Batch, Kind, Operator, Output } from "@turgo/operator";

/** Passes each record on unchanged. */
export class Pass extends Operator {
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Pass>("in", (self, records) => self.pass(records), [
      Kind.Insert,
      Kind.UpdateBefore,
      Kind.UpdateAfter,
      Kind.Delete,
    ]);
  }

  private pass(records: Batch): void {
    while (records.next()) this.out.forward();
  }
}
