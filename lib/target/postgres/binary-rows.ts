import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BulkColumn, BulkValue } from '../../ledger/session.ts'
import type { NativeLoad } from '../../native/load.ts'

/** About what one CopyData message holds; the event loop has its turn after each. A message may have up to 1 GiB. */
const MESSAGE_BYTES = 128 * 1024
/** The letter and the length of a message. */
const ENVELOPE = 5
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** Of one character in UTF-8, for each unit of UTF-16. */
const MOST_BYTES_A_UNIT = 3

/** Rows of ours as a COPY in the binary format takes them. */
export class BinaryRows implements Pick<NativeLoad, 'next' | 'close'> {
  readonly #columns: readonly BulkColumn[]
  readonly #rows: Iterator<readonly BulkValue[]>
  #buffer = Buffer.allocUnsafe(MESSAGE_BYTES + MESSAGE_BYTES / 2)
  #at = 0
  #state: 'begin' | 'rows' | 'end' = 'begin'

  constructor(columns: readonly BulkColumn[], rows: Iterable<readonly BulkValue[]>) {
    this.#columns = columns
    this.#rows = rows[Symbol.iterator]()
  }

  async next() {
    if (this.#state === 'end') return undefined
    // Nothing here waits for anything by itself.
    await nextTurn()
    this.#at = ENVELOPE
    if (this.#state === 'begin') {
      this.#state = 'rows'
      this.#at += SIGNATURE.copy(this.#buffer, this.#at)
    }
    let rows = 0
    while (this.#at < MESSAGE_BYTES) {
      const { done, value } = this.#rows.next()
      if (done) {
        this.#state = 'end'
        this.#reserve(2)
        this.#at = this.#buffer.writeInt16BE(-1, this.#at)
        break
      }
      this.#row(value)
      rows += 1
    }
    const buffer = this.#buffer.subarray(0, this.#at)
    buffer[0] = 0x64
    buffer.writeInt32BE(this.#at - 1, 1)
    // The socket may hold on to it.
    this.#buffer = Buffer.allocUnsafe(MESSAGE_BYTES + MESSAGE_BYTES / 2)
    return { buffer, rows, release() {} }
  }

  async close(): Promise<void> {
    this.#state = 'end'
  }

  #row(values: readonly BulkValue[]): void {
    const columns = this.#columns
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(columns.length, this.#at)
    for (let index = 0; index < columns.length; index += 1) {
      const value = values[index] ?? null
      if (value === null) {
        this.#length(-1, 0)
      } else if (typeof value === 'string') {
        if (columns[index]?.[1] === 'uuid') {
          this.#length(16, 16)
          this.#at += this.#buffer.write(value.replaceAll('-', ''), this.#at, 'hex')
        } else {
          this.#text(value)
        }
      } else if (typeof value === 'number') {
        this.#length(8, 8)
        // Counts and offsets are whole and not negative.
        this.#at = this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at)
        this.#at = this.#buffer.writeUInt32BE(value % 2 ** 32, this.#at)
      } else if (typeof value === 'boolean') {
        this.#length(1, 1)
        this.#at = this.#buffer.writeUInt8(value ? 1 : 0, this.#at)
      } else {
        this.#length(value.length, value.length)
        this.#at += value.copy(this.#buffer, this.#at)
      }
    }
  }

  #text(value: string): void {
    const start = this.#at
    this.#length(0, value.length * MOST_BYTES_A_UNIT)
    const length = this.#buffer.write(value, this.#at, 'utf8')
    this.#at += length
    this.#buffer.writeInt32BE(length, start)
  }

  /** Writes a field's length, with room for what follows. */
  #length(length: number, room: number): void {
    this.#reserve(4 + room)
    this.#at = this.#buffer.writeInt32BE(length, this.#at)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}
