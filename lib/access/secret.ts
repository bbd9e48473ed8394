import { inspect } from 'node:util'

const STAND_IN = '***'

/** A value that nobody is to see by accident: neither in a message, nor in JSON, nor in what `console.log` shows. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself, for whoever signs with it. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return STAND_IN
  }

  toJSON(): string {
    return STAND_IN
  }

  [inspect.custom](): string {
    return STAND_IN
  }
}

/** The text without the values of secrets, whatever has put them there. */
export function withoutValues(text: string, secrets: readonly Secret[]): string {
  const values = secrets.map((secret) => secret.reveal()).filter((value) => value !== '')
  // One may be a part of another.
  values.sort((a, b) => b.length - a.length)
  return values.reduce((kept, value) => kept.replaceAll(value, STAND_IN), text)
}

/** Whether a text can be a part of a request as it is. */
export function isSendable(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

export const UNSENDABLE = 'has a line end, or another character that cannot be sent'
