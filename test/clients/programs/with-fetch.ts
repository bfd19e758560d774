// Node's own fetch, as a bot uses it. Told what to call in ERRAND; prints what it saw as one line of JSON.

import type { Errand, Seen } from '../errand.ts'

const errand = JSON.parse(process.env.ERRAND ?? '{}') as Errand

const good = await fetch(errand.good)
const { url, headers, body } = errand.signed
const signed = await fetch(url, { method: 'POST', headers, body })
const refused = await fetch(errand.refused)

const seen: Seen = {
  good: { status: good.status, decision: good.headers.get('x-weir-decision'), body: await good.json() },
  signed: { status: signed.status, decision: signed.headers.get('x-weir-decision'), body: await signed.json() },
  refused: {
    error: refused.ok ? '' : 'Response.ok is false',
    status: refused.status,
    code: refused.headers.get('x-weir-error'),
    retryAfter: refused.headers.get('retry-after'),
  },
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
