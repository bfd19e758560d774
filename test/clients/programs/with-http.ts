// A bot that uses one of Node's HTTP clients, named as argument. Told what to call in its environment; prints what it saw.

import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import type { AxiosError, AxiosResponse, AxiosStatic } from 'axios'
import got from 'got'
import { request as undiciRequest } from 'undici'
import type { Seen } from '../errand.ts'

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Record<string, string>
  readonly body?: string
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  /** How the client calls an answer of 400 or more; empty for those below. */
  readonly error?: string
}

type Client = (asked: Asked) => Promise<Answered>

const CLIENTS: Readonly<Record<string, Client>> = {
  fetch: async ({ url, ...init }) => {
    const answer = await fetch(url, init)
    const error = answer.ok ? '' : 'Response.ok is false'
    return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text(), error }
  },
  https: ({ url, body, ...options }) =>
    new Promise((resolve, reject) => {
      const req = httpsRequest(url, options, async (res) => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text: await text(res) })
      })
      req.on('error', reject)
      req.end(body)
    }),
  undici: async ({ url, body, ...options }) => {
    const answer = await undiciRequest(url, { ...options, body: body ?? null })
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
  },
  got: async ({ url, body, ...options }) => {
    const answer = await got(url, { ...options, ...(body && { body }), retry: { limit: 0 } }).catch(
      (error: { name: string; response: Answered & { statusCode: number; body: string } }) => error,
    )
    const { statusCode, headers, body: said } = 'response' in answer ? answer.response : answer
    return { status: statusCode, headers, text: said, error: 'response' in answer ? answer.name : '' }
  },
  axios: async (asked) => withAxios(await import('axios'), asked),
  'axios-1.13': async (asked) => withAxios(await import('axios-1.13'), asked),
  'axios-old': async (asked) => withAxios(await import('axios-old'), asked),
}

async function withAxios(module: { readonly default: unknown }, { body, ...asked }: Asked): Promise<Answered> {
  const axios = module.default as AxiosStatic
  const sent = axios({ ...asked, ...(body !== undefined && { data: body }), transformResponse: [] })
  const answered = ({ status, headers, data }: AxiosResponse, error: string): Answered => {
    return { status, headers, text: String(data), error }
  }
  return sent.then(
    (answer) => answered(answer, ''),
    (error: AxiosError) => {
      if (error.response === undefined) throw error
      return answered(error.response, `AxiosError ${error.code}`)
    },
  )
}

const { GOOD = '', SIGNED = '', API_KEY = '', API_SIGN = '', BODY = '', REFUSED = '' } = process.env
const send = CLIENTS[process.argv[2] ?? '']
if (send === undefined) throw new Error('which client?')
const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
const good = await send({ method: 'GET', url: GOOD, headers: {} })
const headers = { 'API-Key': API_KEY, 'API-Sign': API_SIGN, ...form }
const signed = await send({ method: 'POST', url: SIGNED, headers, body: BODY })
const refused = await send({ method: 'GET', url: REFUSED, headers: {} })

const answer = ({ status, headers, text }: Answered): Seen['good'] => {
  return { status, decision: String(headers['x-weir-decision']), body: JSON.parse(text) }
}
const seen: Seen = {
  good: answer(good),
  signed: answer(signed),
  refused: {
    error: refused.error ?? '',
    status: refused.status,
    code: String(refused.headers['x-weir-error']),
    retryAfter: String(refused.headers['retry-after']),
  },
}
process.stdout.write(`${JSON.stringify(seen)}\n`)
