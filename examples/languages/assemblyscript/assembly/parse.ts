import { Batch, Buffer, Bytes, Context, Counter, Operator, Output } from "@turgo/operator";

const COMMA: u8 = 0x2c;
const MINUS: u8 = 0x2d;
const DIGITS_MAX: i32 = 15;
const ACCOUNT_MAX: i32 = 64;
const NOT_A_PAYMENT: u32 = 1;

/** Whether the bytes from start up to end are 1 to 15 decimal digits. */
function isNumber(line: Bytes, start: i32, end: i32): bool {
  if (end <= start || end - start > DIGITS_MAX) return false;
  for (let i = start; i < end; i++) {
    if (line.at(i) < 0x30 || line.at(i) > 0x39) return false;
  }
  return true;
}

function numberAt(line: Bytes, start: i32, end: i32): i64 {
  let number: i64 = 0;
  for (let i = start; i < end; i++) number = number * 10 + (line.at(i) - 0x30);
  return number;
}

/** Where the field that begins at start ends: at a comma, or with the line. */
function endOfField(line: Bytes, start: i32): i32 {
  const comma = line.indexOf(COMMA, start);
  return comma < 0 ? line.length : comma;
}

/** Reads payments from lines of text: TIME,ACCOUNT,CENTS,NOTE. */
export class Parse extends Operator {
  private payments: Output = new Output("payments");
  private small: Counter = new Counter("small");
  private centsMin: i64 = 100;
  private account: Bytes = new Bytes();
  private value: Buffer = new Buffer();
  private time: i64 = 0;
  private cents: i64 = 0;

  constructor() {
    super();
    this.input<Parse>("lines", (self, lines) => self.parse(lines));
    this.assignsTimestamps();
    this.configSchema(
      '{"type":"object","properties":{"cents_min":{"type":"integer","default":100}},"additionalProperties":false}',
    );
  }

  open(context: Context): void {
    this.centsMin = context.config.integer("cents_min", 100);
  }

  private parse(lines: Batch): void {
    while (lines.next()) {
      const wrong = this.read(lines.value);
      if (wrong.length > 0) {
        lines.fail(NOT_A_PAYMENT, "not a payment: " + wrong);
      } else if (this.cents < this.centsMin) {
        this.small.add(1);
      } else {
        this.payments.emitAt(this.time, this.account, this.value.clear().i64(this.cents));
      }
    }
  }

  /** Reads the fields of a line and returns the name of the first that is wrong. */
  private read(line: Bytes): string {
    const first = endOfField(line, 0);
    if (!isNumber(line, 0, first)) return "time";
    const second = endOfField(line, first + 1);
    if (second <= first + 1 || second - first - 1 > ACCOUNT_MAX) return "account";
    const end = endOfField(line, second + 1);
    const isNegative = second + 1 < end && line.at(second + 1) == MINUS;
    const digits = second + 1 + i32(isNegative);
    if (!isNumber(line, digits, end)) return "cents";
    if (end == line.length) return "note";
    this.time = numberAt(line, 0, first);
    this.account.cut(line, first + 1, second);
    const cents = numberAt(line, digits, end);
    this.cents = isNegative ? -cents : cents;
    return "";
  }
}
