// What comes to the admin port and what goes back, without sockets.

import type { Sink } from './events.ts'

/** A request whose sender was let in. */
export interface AdminRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Whether the sender would rather read text than JSON. */
  readonly wantsText: boolean
  readonly body: string
  /** Names are lower-case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What goes back. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Goes on after the head for as long as the visitor listens; `body` is empty then. */
  readonly stream?: (sink: Sink) => void
}

/** An answer of text, whatever it is of. */
type Words = Answer & { readonly body: string }

/** JSON that people can read, too. */
export const json = (value: unknown, status = 200): Words => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
})

/** Plain text. */
export const text = (body: string, status = 200): Words => ({
  status,
  type: 'text/plain; charset=utf-8',
  body,
})

/** A refusal in the admin port's one shape. */
export const refusal = (status: number, message: string): Answer => json({ error: { status, message } }, status)
