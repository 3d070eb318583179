import { Buffer, Bytes, Codec } from "@turgo/operator";

/** A session of payments, but for its first timestamp, which is its sub-key. */
export class Session {
  constructor(
    public last: i64,
    public sum: i64,
  ) {}
}

/** 16 bytes: the last timestamp, then the sum of cents, both little-endian. */
export class SessionCodec extends Codec<Session> {
  private decoded: Session = new Session(0, 0);

  encode(value: Session, to: Buffer): void {
    to.i64(value.last).i64(value.sum);
  }

  /** The session is valid until the next is decoded: so reading leaves no garbage. */
  decode(from: Bytes): Session {
    const session = this.decoded;
    session.last = from.i64At(0);
    session.sum = from.i64At(8);
    return session;
  }
}
