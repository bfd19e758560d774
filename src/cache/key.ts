// Under which name an answer is kept: a key, or undefined when the call must go to the exchange. Pure.
// A key holds all that an answer can depend on: whatever carries a credential is found by that credential alone.

import type { ClassifiedCall, RawHeaders } from '../core/call.ts'
import type { CacheRule } from '../core/rules.ts'
import { onlyEdgeCookies } from './cookies.ts'
import { chosenParams, sortedQuery } from './params.ts'

/** The key of `call`, or undefined = bypass. */
export const cacheKey = ({ request, identity, rule, bot }: ClassifiedCall): string | undefined => {
  const cache = rule.cache
  if (cache === undefined || rule.kind !== 'read') return undefined
  const { method, host, path, query, headers, body } = request
  const { credential } = identity
  const asked = readHeaders(headers)
  if (asked === undefined || (asked.credential && credential === undefined)) return undefined
  if (cache.private && credential === undefined) return undefined
  const said = question(method, body, asked.contentType, cache)
  if (said === undefined) return undefined
  // A bot's name is the only part that may hold any character; the body comes last, so no part can pass for another.
  const owner = cache.private ? JSON.stringify(bot) : ''
  return [method, host, path, sortedQuery(query), credential ?? '', owner, asked.varying, said].join('\n')
}

/** Whose private answers a call may see: the pair of bot and credential. Undefined without a credential. */
export const ownerOf = ({ identity, bot }: ClassifiedCall): string | undefined =>
  identity.credential === undefined ? undefined : `${identity.credential}\n${bot}`

/** What the request headers make the answer depend on. */
interface Asked {
  /** One text for everything that an answer may vary by, and that `Vary` may name (see `freshness.ts`). */
  readonly varying: string
  readonly contentType: string | undefined
  /** The request carries something that may be a credential, whether or not its owner was told from it. */
  readonly credential: boolean
}

/** Undefined for a conditional or partial request: its answer is for the bot's own copy. */
const readHeaders = (headers: RawHeaders): Asked | undefined => {
  let encoding = ''
  let accept = ''
  let language = ''
  let origin = ''
  let version = ''
  let contentType: string | undefined
  let credential = false
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const value = headers[i + 1] ?? ''
    switch (headers[i]?.toLowerCase()) {
      case 'accept-encoding':
        encoding = encoding === '' ? value : `${encoding},${value}`
        break
      case 'accept':
        // Bots ask for JSON in many words.
        accept = /json|\*\/\*/i.test(value) ? '' : value
        break
      case 'accept-language':
        language = value
        break
      case 'origin':
        origin = value
        break
      case 'cb-version':
        // Coinbase App answers in the shape of the API version of this date.
        version = value
        break
      case 'content-type':
        contentType = value
        break
      case 'authorization':
      case 'api-key':
      case 'cb-access-key':
        credential = true
        break
      case 'cookie':
        credential ||= !onlyEdgeCookies(value)
        break
      case 'range':
      case 'if-range':
      case 'if-match':
      case 'if-none-match':
      case 'if-modified-since':
      case 'if-unmodified-since':
        return undefined
    }
  }
  const varying = [codings(encoding), accept, language, origin, version].join('\t')
  return { varying, contentType, credential }
}

/** The content codings a bot takes, in one spelling: an answer is kept as received, encoded or not. */
const codings = (field: string): string => {
  if (field === '') return ''
  const known = SPELLINGS.get(field)
  if (known !== undefined) return known
  const taken = new Set<string>()
  for (const part of field.toLowerCase().split(',')) {
    const [coding = '', ...params] = part.split(';')
    const refused = params.some((param) => /^\s*q=0(?:\.0*)?\s*$/.test(param))
    taken.add(refused ? `!${coding.trim()}` : coding.trim())
  }
  const spelling = [...taken].sort().join(',')
  if (SPELLINGS.size < MOST_SPELLINGS) SPELLINGS.set(field, spelling)
  return spelling
}

/** Bots say one of a handful of things in every call; taking it apart each time was a third of the cost of a hit. */
const SPELLINGS = new Map<string, string>()
const MOST_SPELLINGS = 100

const question = (
  method: string,
  body: Buffer | undefined,
  contentType: string | undefined,
  { bodyParams }: CacheRule,
): string | undefined => {
  if (method === 'GET')
    return body === undefined ? '' : body.length <= LONGEST_GET_BODY ? `body:${body.toString('latin1')}` : undefined
  return method === 'POST' && bodyParams.length > 0 ? chosenParams(body, contentType, bodyParams) : undefined
}

const LONGEST_GET_BODY = 4_096
