// What is measured: each record passed on whole, and emitted by its parts.
import { Batch, Buffer, Operator, Output, register } from "../../index";

class Forward extends Operator {
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Forward>("in", (self, batch) => self.pass(batch));
  }

  private pass(batch: Batch): void {
    while (batch.next()) this.out.forward();
  }
}

class Emit extends Operator {
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Emit>("in", (self, batch) => self.pass(batch));
  }

  private pass(batch: Batch): void {
    while (batch.next()) this.out.emit(batch.key, batch.value);
  }
}

class Filter extends Operator {
  private out: Output = new Output("out");

  constructor() {
    super();
    this.input<Filter>("in", (self, batch) => self.pass(batch));
  }

  private pass(batch: Batch): void {
    let odd = false;
    while (batch.next()) {
      odd = !odd;
      if (odd) this.out.forward();
    }
  }
}

class Strings extends Operator {
  private out: Output = new Output("out");
  private text: Buffer = new Buffer();

  constructor() {
    super();
    this.input<Strings>("in", (self, batch) => self.pass(batch));
  }

  private pass(batch: Batch): void {
    while (batch.next()) {
      const all = batch.value.toString() + "x";
      this.out.emit(batch.key, this.text.clear().text(all));
    }
  }
}

register("forward", () => new Forward());
register("emit", () => new Emit());
register("filter", () => new Filter());
register("strings", () => new Strings());
export * from "../../exports";
