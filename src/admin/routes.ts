// The pages of the admin port: which path shows or does what. No sockets here, and no decision about who may ask.
//
// JSON: `/health*` in the words of the health pages' types (health.ts); `/v1/*` the views of core/views.ts, in snake_case.

import type { StoreView } from '../core/views.ts'
import { type AdminRequest, type Answer, json, refusal, text } from './answer.ts'
import { createAssets } from './assets.ts'
import { breakerOf, breakersOf } from './breakers.ts'
import type { AdminDeps, Question } from './deps.ts'
import type { Events } from './events.ts'
import { analysesOf, errorsOf, failuresOf } from './failures.ts'
import { detailedHealth, health, rateLimitHealth } from './health.ts'
import { numbers, statusOf } from './looks.ts'
import { toWire } from './wire.ts'

type Page = (request: AdminRequest) => Answer | Promise<Answer>

/** What a path can do, by method. HEAD is GET without the body, which the server sees to. */
type Methods = Readonly<Partial<Record<'GET' | 'POST', Page>>>

/** Finds and runs the page of a request; unknown paths are 404, other methods 405. */
export const createRoutes = (deps: AdminDeps, events: Events): ((request: AdminRequest) => Promise<Answer>) => {
  const pages = pagesOf(deps, events)
  const assets = createAssets()
  return async (request) => {
    const asset = request.path === '/' && request.wantsText ? undefined : assets.get(request.path)
    const methods = asset ? { GET: asset } : (pages.get(request.path) ?? breakerPages(deps, request.path))
    if (methods === undefined) return refusal(404, `There is no ${request.path} here; / lists what there is.`)
    const page = methods[request.method === 'HEAD' ? 'GET' : (request.method as 'GET' | 'POST')]
    if (page === undefined) {
      const allow = [methods.GET && 'GET, HEAD', methods.POST && 'POST'].filter(Boolean).join(', ')
      return { ...refusal(405, `${request.path} answers to ${allow}.`), headers: { Allow: allow } }
    }
    return page(request)
  }
}

const pagesOf = (deps: AdminDeps, events: Events): ReadonlyMap<string, Methods> => {
  const metrics: Page = async () => ({ status: 200, type: deps.metrics.contentType, body: await deps.metrics.text() })
  const view = (read: (request: AdminRequest) => unknown): Methods => ({
    GET: (request) => json(toWire(read(request))),
  })
  return new Map<string, Methods>([
    ['/', { GET: index }],
    ['/live', { GET: () => text('ok\n') }],
    ['/ready', { GET: () => ready(deps.notServing(), deps.store()) }],
    ['/health', { GET: () => withStatus(health(deps)) }],
    ['/health/detailed', { GET: () => json(detailedHealth(deps)) }],
    ['/health/metrics', { GET: () => json(toWire(numbers(deps))) }],
    ['/health/rate_limits', { GET: () => json(rateLimitHealth(deps)) }],
    ['/health/prometheus', { GET: metrics }],
    ['/metrics', { GET: metrics }],
    ['/v1/limits', view(() => ({ limits: deps.limits() }))],
    ['/v1/queues', view(() => ({ queues: deps.queues() }))],
    ['/v1/breakers', view(() => breakersOf(deps))],
    ['/v1/alerts', view(({ query }) => ({ alerts: deps.alerts(query.get('active') === '1') }))],
    ['/v1/stats', view(() => deps.stats())],
    ['/v1/failures', view(({ query }) => failuresOf(deps, query.get('service') ?? undefined, limitOf(query)))],
    ['/v1/failures/analysis', { GET: ({ query }) => analysis(deps, query.get('service')) }],
    ['/errors', view(({ query }) => errorsOf(deps, limitOf(query)))],
    ['/v1/recent', view(({ query }) => ({ calls: deps.calls(limitOf(query)) }))],
    [
      '/v1/violations',
      view(({ query }) => ({
        violations: deps.violations(limitOf(query)),
        recommendations: deps.recommendations(),
      })),
    ],
    ['/v1/handshakes', view(() => ({ handshakes: deps.handshakes() }))],
    ['/v1/reach', { POST: async () => json(toWire({ hosts: await deps.reach() })) }],
    ['/v1/status', view(() => statusOf(deps))],
    ['/v1/events', { GET: (request) => listen(events, request) }],
    ['/v1/history', { GET: (request) => history(deps, request) }],
    ['/v1/spenders', view(() => ({ spenders: deps.spenders() }))],
    ['/v1/rules', view(() => ({ config: deps.config(), exchanges: deps.rules() }))],
    ['/v1/explain', { POST: (request) => explain(deps, request) }],
    ['/ca.pem', { GET: () => ({ status: 200, type: 'application/x-pem-file', body: deps.caPem() }) }],
  ])
}

const PAGES: readonly (readonly [path: string, what: string])[] = [
  ['/', 'the dashboard, for browsers'],
  ['/metrics', 'everything countable, for Prometheus'],
  ['/health', 'is weir well? 503 only when it can not serve'],
  ['/health/detailed', 'each exchange, the configuration, what weir stands on'],
  ['/health/metrics', 'counts and times as JSON'],
  ['/health/rate_limits', 'budgets, violations, 429s, and what to do'],
  ['/live', 'the process runs'],
  ['/ready', 'calls are taken'],
  ['/v1/status', 'everything that `weir status` shows'],
  ['/v1/limits', 'every bucket and its level'],
  ['/v1/queues', 'who waits'],
  ['/v1/breakers', 'breakers and their history; POST …/{host}/open, close or reset'],
  ['/v1/alerts', 'what needs attention, and what did (?active=1: only what does now)'],
  ['/v1/stats', 'who uses what: calls, waits, refusals and shares of the budget, by bot and class'],
  ['/v1/failures', 'failed calls of the last five minutes (?service=EXCHANGE&limit=)'],
  ['/v1/failures/analysis', 'how many, whether they grow, of what kinds, and what to do (?service=EXCHANGE)'],
  ['/errors', 'the same as a plain list'],
  ['/v1/events', 'all of it as it happens: server-sent events'],
  ['/v1/history', 'the last 15 minutes or 24 hours (?span=15m|24h&exchange=)'],
  ['/v1/spenders', 'which bot spent what of which bucket within 15 minutes'],
  ['/v1/rules', 'the rules in force'],
  ['/v1/recent', 'the last calls (?limit=)'],
  ['/v1/violations', 'refusals by an exchange that weir had not foreseen, and what to do'],
  ['/v1/handshakes', 'TLS connections that carried no calls: who does not trust weir, and WebSockets'],
  ['/ca.pem', 'the certificate that bots must trust'],
]

/** Whoever rather reads text gets the list of pages. */
const index = (): Answer => text(PAGES.map(([path, what]) => `${path.padEnd(22)}${what}\n`).join(''))

const listen = (events: Events, { headers, method }: AdminRequest): Answer => {
  if (events.isFull) return refusal(503, 'So many listen already that one more would cost the calls of bots time.')
  const lastHeard = headers['last-event-id']
  const head = { status: 200, type: 'text/event-stream', body: '' }
  if (method === 'HEAD') return head
  return { ...head, stream: (sink) => events.join(sink, typeof lastHeard === 'string' ? lastHeard : undefined) }
}

const analysis = (deps: AdminDeps, service: string | null): Answer => {
  const found = analysesOf(deps, service)
  return found === undefined ? refusal(404, 'No exchange of that name in limits.yaml.') : json(toWire(found))
}

const history = (deps: AdminDeps, { query }: AdminRequest): Answer => {
  const span = query.get('span') ?? '15m'
  if (span !== '15m' && span !== '24h') return refusal(400, 'span is 15m or 24h.')
  // Not for people to read: indented, a day would be ten times as long.
  const view = toWire(deps.history(span, query.get('exchange') ?? undefined))
  return { status: 200, type: 'application/json', body: JSON.stringify(view) }
}

/** A weir that lives on its share takes calls; one that would refuse all that are held does not. */
const ready = (why: string | undefined, store: StoreView | undefined): Answer => {
  const alone = store?.exchanges.filter(({ together }) => !together) ?? []
  const [first] = alone
  if (why !== undefined) return text(`${why}\n`, 503)
  if (first === undefined) return text('ready\n')
  if (store?.onFailure === 'closed' || first.share === 0) return text('the common store is away\n', 503)
  return text(`ready, without the common store: on a share of ${Math.round(first.share * 100)} %\n`)
}

const withStatus = (body: ReturnType<typeof health>): Answer => json(body, body.status === 'unhealthy' ? 503 : 200)

const MOVES: ReadonlySet<string> = new Set(['open', 'close', 'reset'])

/** `/v1/breakers/{host}` and `/v1/breakers/{host}/{move}`, for hosts that have a breaker. */
const breakerPages = (deps: AdminDeps, path: string): Methods | undefined => {
  const [, host, move] = /^\/v1\/breakers\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  const find = () => deps.breakers().find((view) => view.host === host)
  const show = () => {
    const view = find()
    return json(toWire(view && breakerOf(view, deps.services())))
  }
  if (host === undefined || find() === undefined) return undefined
  if (move === undefined) return { GET: show }
  if (!MOVES.has(move)) return undefined
  return {
    POST: () => {
      deps.moveBreaker(host, move as 'open' | 'close' | 'reset')
      return show()
    },
  }
}

const explain = (deps: AdminDeps, { body, wantsText }: AdminRequest): Answer => {
  const question = readQuestion(body)
  if (typeof question === 'string') return refusal(400, question)
  const explanation = deps.explain(question)
  if (explanation === undefined) return refusal(404, `${question.url.hostname} belongs to no exchange in limits.yaml.`)
  return wantsText ? text(deps.explanationText(explanation)) : json(toWire(explanation))
}

/** The question in a body of `{ method, url, body }`, or what is wrong with it. */
const readQuestion = (body: string): Question | string => {
  const expected = 'Expected JSON like {"method":"GET","url":"https://api.kraken.com/0/public/Time","body":""}.'
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return expected
  }
  if (typeof parsed !== 'object' || parsed === null) return expected
  const { method = 'GET', url, body: sent = '' } = parsed as Record<string, unknown>
  if (typeof method !== 'string' || typeof url !== 'string' || typeof sent !== 'string') return expected
  const parsedUrl = URL.parse(url)
  return parsedUrl === null ? expected : { method: method.toUpperCase(), url: parsedUrl, body: sent }
}

const MOST = 500

const limitOf = (query: URLSearchParams): number => {
  const wanted = Number(query.get('limit') ?? 100)
  return Number.isInteger(wanted) && wanted > 0 ? Math.min(wanted, MOST) : 100
}
