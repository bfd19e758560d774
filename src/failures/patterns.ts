// What failures are called: an ordered list, and the first that fits wins. A pattern looks for texts and statuses only: what
// it is given to read comes from closed lists, and a list of texts can not be made to take long.

import type { Verdict } from '../core/call.ts'
import type { Category, FailurePattern, FailureSeverity } from '../core/failure.ts'

const pattern = (
  name: string,
  category: Category,
  severity: FailureSeverity,
  fits: { readonly says?: readonly string[]; readonly status?: FailurePattern['status']; readonly min?: number },
  advice?: string,
): FailurePattern => ({
  ...{ name, category, severity, says: fits.says ?? [], status: fits.status, min: fits.min ?? 3, advice },
})

const range = (from: number, to = from) => ({ from, to })

/** weir's own, for both exchanges. Texts are in lower case. */
export const PATTERNS: readonly FailurePattern[] = [
  pattern(
    'temporary_lockout',
    'lockout',
    'critical',
    { says: ['temporary lockout'], min: 1 },
    'Stop every program that signs with this key outside weir, and mend its nonces or its secret before the lockout ends.',
  ),
  // Two bots with one key are told apart from one with a wrong clock by what the failures have in common: see advice.ts.
  pattern('invalid_nonce', 'authentication', 'high', {
    says: ['invalid nonce', 'noncebelow', 'nonceduplicate'],
    min: 1,
  }),
  pattern(
    'refused_key',
    'authentication',
    'high',
    { says: ['invalid key', 'invalid signature', 'invalid token', 'invalid session', 'authenticationerror'] },
    'The exchange does not accept the key or its signature: compare the secret, and the clock of the bot.',
  ),
  pattern(
    'unauthorized',
    'authentication',
    'high',
    { status: range(401) },
    'Compare the key, its secret, and the bot’s clock.',
  ),
  pattern('order_limit', 'rate_limit', 'high', { says: ['eorder:rate limit', 'eorder:domain rate limit'], min: 1 }),
  pattern('address_limit', 'rate_limit', 'high', { says: ['egeneral:too many requests'], min: 1 }),
  pattern('throttled', 'rate_limit', 'medium', { says: ['eservice:throttled'], min: 1 }),
  pattern('key_limit', 'rate_limit', 'high', { says: ['rate limit', 'too many requests', 'apilimitexceeded'], min: 1 }),
  pattern('http_429', 'rate_limit', 'high', { status: range(429), min: 1 }),
  pattern(
    'edge_error',
    'connection',
    'high',
    { status: range(520, 527) },
    'The network in front of the exchange can not reach it. What became of an order sent meanwhile is not known: ask first.',
  ),
  pattern(
    'maintenance',
    'maintenance',
    'medium',
    { says: ['unavailable', 'eservice:busy', 'maintenance'] },
    'The exchange has paused its service; its status page says until when.',
  ),
  pattern(
    'no_answer',
    'timeout',
    'high',
    { says: ['upstream_timeout', 'etimedout', 'timeout'] },
    'What became of an order that was not answered is not known: ask the exchange before sending it again.',
  ),
  pattern(
    'name_unknown',
    'connection',
    'critical',
    { says: ['enotfound', 'eai_again'], min: 1 },
    'The name of the exchange can not be resolved here: look at the DNS of this machine, or name a server with --dns.',
  ),
  pattern(
    'certificate',
    'connection',
    'critical',
    { says: ['cert_', 'certificate', 'unable_to_verify', 'self_signed', 'altname'], min: 1 },
    'The certificate of the exchange is not trusted: something between weir and it answers in its place.',
  ),
  pattern(
    'unreachable',
    'connection',
    'high',
    { says: ['upstream_unreachable', 'econn', 'epipe', 'ehostunreach', 'enetunreach', 'und_err'] },
    '`weir doctor` tries the way to the exchange step by step.',
  ),
  pattern(
    'bad_gateway',
    'server',
    'high',
    { status: range(502, 504) },
    'The exchange is unwell: its status page says more.',
  ),
  pattern(
    'server_error',
    'server',
    'high',
    { status: range(500, 599) },
    'The exchange is unwell: its status page says more.',
  ),
]

/** Where no pattern fits, the verdict says enough. */
const BY_VERDICT: Readonly<Record<Verdict['kind'], FailurePattern>> = {
  ok: pattern('other', 'other', 'low', {}),
  client: pattern(
    'refused_request',
    'client',
    'low',
    { min: 10 },
    'The bots send what the exchange does not accept: their logs say what.',
  ),
  auth: pattern('refused_key', 'authentication', 'high', {}),
  throttled: pattern('throttled', 'rate_limit', 'medium', { min: 1 }),
  banned: pattern('temporary_lockout', 'lockout', 'critical', { min: 1 }),
  failing: pattern('server_error', 'server', 'high', {}),
}

/**
 * Names a failure.
 * @param own patterns of limits.yaml, looked through first
 * @param kind of the exchange's answer; undefined when there was none
 */
export const classify = (
  own: readonly FailurePattern[],
  message: string,
  status: number,
  kind: Verdict['kind'] | undefined,
): FailurePattern => {
  const said = message.toLowerCase()
  const fits = ({ says, status: wanted }: FailurePattern): boolean =>
    (says.length === 0 || says.some((text) => said.includes(text))) &&
    (wanted === undefined || (status >= wanted.from && status <= wanted.to)) &&
    says.length + (wanted === undefined ? 0 : 1) > 0
  return own.find(fits) ?? PATTERNS.find(fits) ?? BY_VERDICT[kind ?? 'failing']
}
