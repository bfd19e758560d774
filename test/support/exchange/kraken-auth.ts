// Who is calling Kraken: the key must be known, the signature must fit the bytes that arrived, the nonce must rise.
// Several bad ones in a row lock the key for a while (docs.kraken.com, "Spot errors"; support article 360001148063).

import type { Call, Journal } from './journal.ts'
import { type KrakenKey, krakenSignature } from './keys.ts'
import type { KrakenTier } from './kraken-limits.ts'
import { header } from './venue.ts'

/** A registered key. Keys of one account share its orders and its engine counters. */
export interface KrakenMember extends KrakenKey {
  readonly account: string
  readonly tier: KrakenTier
  /** How far below the highest nonce a late one may lie; Kraken's default is 0: it must be higher. */
  readonly nonceWindow: number
}

/** What is known of a key's nonces; `account(key)` hands it to tests. */
export interface KeyState {
  highestNonce: bigint
  invalidNonces: number
  invalidSignatures: number
  lockouts: number
  lockedUntilMs: number
  failuresInARow: number
  /** Nonces already used inside the window. */
  readonly used: Set<bigint>
}

const MAX_NONCE = 2n ** 64n - 1n

export class KrakenAuth {
  readonly #members = new Map<string, KrakenMember>()
  readonly #states = new Map<string, KeyState>()
  readonly #journal: Journal
  readonly #lockout: { readonly after: number; readonly forMs: number }
  readonly #verify: boolean

  constructor(
    journal: Journal,
    rule: { readonly lockout: { after: number; forMs: number }; readonly verify: boolean },
  ) {
    this.#journal = journal
    this.#lockout = rule.lockout
    this.#verify = rule.verify
  }

  register(member: KrakenMember): void {
    this.#members.set(member.key, member)
  }

  member(key: string): KrakenMember | undefined {
    return this.#members.get(key)
  }

  /** The tier of an account, from any of its keys. */
  tierOf(account: string): KrakenTier | undefined {
    for (const member of this.#members.values()) if (member.account === account) return member.tier
    return undefined
  }

  state(key: string): KeyState {
    const known = this.#states.get(key) ?? fresh()
    this.#states.set(key, known)
    return known
  }

  /** Kraken's error text for this call, or undefined when it may pass. A locked key never gets further. */
  problem(call: Call, nonce: string): string | undefined {
    const key = header(call, 'api-key')
    const member = this.#members.get(key)
    if (!this.#verify && member) return undefined
    const state = this.state(key)
    if (call.timeMs < state.lockedUntilMs) return 'EGeneral:Temporary lockout'
    const problem = member ? this.#look(call, member, nonce, state) : 'EAPI:Invalid key'
    if (problem === undefined) state.failuresInARow = 0
    else this.#failed(state, call.timeMs)
    return problem
  }

  #look(call: Call, member: KrakenMember, nonceText: string, state: KeyState): string | undefined {
    const signature = krakenSignature(call.path, nonceText, call.body, member.secret)
    if (header(call, 'api-sign') !== signature) {
      state.invalidSignatures += 1
      return 'EAPI:Invalid signature'
    }
    const nonce = /^\d{1,20}$/.test(nonceText) ? BigInt(nonceText) : -1n
    if (nonce < 0n || nonce > MAX_NONCE || !accept(state, nonce, BigInt(member.nonceWindow))) {
      state.invalidNonces += 1
      this.#journal.invalidNonces += 1
      return 'EAPI:Invalid nonce'
    }
    return undefined
  }

  #failed(state: KeyState, nowMs: number): void {
    state.failuresInARow += 1
    if (state.failuresInARow < this.#lockout.after) return
    state.failuresInARow = 0
    state.lockouts += 1
    state.lockedUntilMs = nowMs + this.#lockout.forMs
    this.#journal.lockouts += 1
  }
}

/** Strictly rising; with a window also late ones, each once. */
function accept(state: KeyState, nonce: bigint, window: bigint): boolean {
  if (nonce <= state.highestNonce && (nonce < state.highestNonce - window || window === 0n || state.used.has(nonce)))
    return false
  if (nonce > state.highestNonce) state.highestNonce = nonce
  if (window === 0n) return true
  state.used.add(nonce)
  if (state.used.size > 1000)
    for (const used of state.used) if (used < state.highestNonce - window) state.used.delete(used)
  return true
}

function fresh(): KeyState {
  return {
    highestNonce: -1n,
    invalidNonces: 0,
    invalidSignatures: 0,
    lockouts: 0,
    lockedUntilMs: 0,
    failuresInARow: 0,
    used: new Set(),
  }
}
