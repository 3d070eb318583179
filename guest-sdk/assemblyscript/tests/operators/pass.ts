// Passes each record on.
import { Batch, Kind, Operator, Output, register } from "../../index";

class Pass extends Operator {
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Pass>("in", (self, batch) => self.pass(batch), [Kind.Insert, Kind.UpdateBefore, Kind.UpdateAfter, Kind.Delete]);
  }

  private pass(batch: Batch): void {
    while (batch.next()) this.out.forward();
  }
}

register("pass", () => new Pass());
export * from "../../exports";
