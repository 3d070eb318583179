/**
 * The operator's config and what it knows about where it runs.
 */
import { Bytes } from "./bytes";
import { JsonReader, jsonText } from "./json";

class Field {
  isAsked: bool = false;

  constructor(
    readonly name: string,
    readonly value: Bytes,
  ) {}
}

/**
 * A JSON object of the job. Each getter takes what to return where the field is
 * missing. What has another type, and a field that nobody asked for, refuses the
 * operator after open().
 */
export class Config {
  private fields: Field[] = [];
  private parts: Config[] = [];
  private wrong: string | null = null;
  /** Whether the bytes are an object. */
  readonly isObject: bool;

  constructor(
    json: Bytes,
    private path: string,
  ) {
    const reader = new JsonReader(json);
    this.isObject = this.readFields(reader);
  }

  private readFields(reader: JsonReader): bool {
    if (!reader.take(0x7b)) return false;
    if (reader.take(0x7d)) return reader.end();
    while (reader.ok) {
      const name = jsonText(reader.name());
      const value = reader.value();
      if (!reader.ok || name === null) return false;
      this.fields.push(new Field(name, value.copy()));
      if (reader.take(0x7d)) return reader.end();
      if (!reader.take(0x2c)) return false;
    }
    return false;
  }

  /** The field's value as JSON, null where it is missing. */
  json(name: string): Bytes | null {
    for (let i = 0; i < this.fields.length; i++) {
      const field = this.fields[i];
      if (field.name != name) continue;
      field.isAsked = true;
      return field.value.equalsText("null") ? null : field.value;
    }
    return null;
  }

  /** A field that holds text. */
  text(name: string, missing: string): string {
    const value = this.json(name);
    if (value === null) return missing;
    const text = jsonText(value);
    if (text !== null) return text;
    this.mustBe(name, "text");
    return missing;
  }

  /** A field that holds a list of texts. */
  texts(name: string, missing: string[]): string[] {
    const value = this.json(name);
    if (value === null) return missing;
    const reader = new JsonReader(value);
    const texts: string[] = [];
    let ok = reader.take(0x5b);
    let more = ok && !reader.take(0x5d);
    while (more) {
      const text = jsonText(reader.value());
      ok = reader.ok && text !== null;
      if (text !== null) texts.push(text);
      more = ok && reader.take(0x2c);
      if (!more) ok = ok && reader.take(0x5d);
    }
    if (!ok) this.mustBe(name, "a list of texts");
    return texts;
  }

  /** A field that holds a whole number. */
  integer(name: string, missing: i64): i64 {
    const value = this.json(name);
    if (value === null) return missing;
    const start = value.length > 0 && value.at(0) == 0x2d ? 1 : 0;
    let number: u64 = 0;
    let ok = value.length > start && value.length - start <= 19;
    for (let i = start; ok && i < value.length; i++) {
      const digit = value.at(i) - 0x30;
      ok = digit <= 9;
      number = number * 10 + digit;
    }
    if (!ok || number > <u64>i64.MAX_VALUE + start) {
      this.mustBe(name, "a whole number");
      return missing;
    }
    return start == 1 ? 0 - number : number;
  }

  /** A field that holds a number. */
  number(name: string, missing: f64): f64 {
    const value = this.json(name);
    if (value === null) return missing;
    const first = value.length > 0 ? value.at(0) : 0;
    if (first == 0x2d || (first >= 0x30 && first <= 0x39)) {
      const number = parseFloat(value.toString());
      if (!isNaN(number) && isFinite(number)) return number;
    }
    this.mustBe(name, "a number");
    return missing;
  }

  /** A field that is true or false. */
  bool(name: string, missing: bool): bool {
    const value = this.json(name);
    if (value === null) return missing;
    if (value.equalsText("true")) return true;
    if (!value.equalsText("false")) this.mustBe(name, "true or false");
    return false;
  }

  /** A field that holds an object; empty where it is missing. */
  object(name: string): Config {
    const value = this.json(name);
    const part = new Config(value === null ? Bytes.of("{}") : value, this.path + name + ".");
    if (!part.isObject) this.mustBe(name, "an object");
    this.parts.push(part);
    return part;
  }

  private mustBe(name: string, what: string): void {
    if (this.wrong === null) this.wrong = "config: " + this.path + name + " must be " + what;
  }

  /** The first thing that is wrong; null = nothing. */
  problem(): string | null {
    if (this.wrong !== null) return this.wrong;
    for (let i = 0; i < this.fields.length; i++) {
      const field = this.fields[i];
      if (!field.isAsked) return "config: " + this.path + field.name + " is not known";
    }
    for (let i = 0; i < this.parts.length; i++) {
      const problem = this.parts[i].problem();
      if (problem !== null) return problem;
    }
    return null;
  }
}

/** What an operator knows about where it runs. */
export class Context {
  /** The operator's uid in the job. */
  readonly uid: string;
  /** This instance's number, from 0. */
  readonly subtask: i32;
  /** How many instances there are. */
  readonly parallelism: i32;
  /** The operator's config in the job. */
  readonly config: Config;
  private refusal: string | null = null;

  constructor(request: Bytes) {
    const all = new Config(request, "");
    this.uid = all.text("uid", "");
    this.subtask = <i32>all.integer("subtask", 0);
    this.parallelism = <i32>all.integer("parallelism", 1);
    const config = all.json("config");
    this.config = new Config(config === null ? Bytes.of("{}") : config, "");
    if (!all.isObject || !this.config.isObject) this.refusal = "the open request is not what the ABI says";
  }

  /** Refuses to open: the job does not start. The first reason counts. */
  refuse(why: string): void {
    if (this.refusal === null) this.refusal = why;
  }

  /** Why the operator refuses; null = it does not. */
  reason(): string | null {
    return this.refusal !== null ? this.refusal : this.config.problem();
  }
}
