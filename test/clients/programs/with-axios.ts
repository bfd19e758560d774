// axios, the version named as argument: `axios`, or `axios-old`, which sends https calls to a proxy in the clear.
// Told what to call in ERRAND; prints what it saw as one line of JSON.

import type { AxiosStatic } from 'axios'
import type { Errand, Seen } from '../errand.ts'

const old = process.argv[2] === 'axios-old'
const { default: axios } = (await (old ? import('axios-old') : import('axios'))) as unknown as { default: AxiosStatic }
const errand = JSON.parse(process.env.ERRAND ?? '{}') as Errand

const good = await axios.get(errand.good)
const { url, headers, body } = errand.signed
const signed = await axios.post(url, body, { headers })
const refused: unknown = await axios.get(errand.refused).catch((error: unknown) => error)
const response = axios.isAxiosError(refused) ? refused.response : undefined

const seen: Seen = {
  good: { status: good.status, decision: String(good.headers['x-weir-decision']), body: good.data },
  signed: { status: signed.status, decision: String(signed.headers['x-weir-decision']), body: signed.data },
  refused: {
    error: axios.isAxiosError(refused) ? `AxiosError ${refused.code}` : String(refused),
    status: response?.status ?? 0,
    code: String(response?.headers['x-weir-error']),
    retryAfter: String(response?.headers['retry-after']),
  },
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
